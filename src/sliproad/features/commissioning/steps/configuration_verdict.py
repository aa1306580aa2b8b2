"""What the configuration step concludes from what it read back: which keys hold, which don't and why, and the sentence."""

from collections.abc import Mapping
from typing import Any

from sliproad.features.commissioning.model import Finish, Note, Situation
from sliproad.features.commissioning.steps.configuration_wire import READ_ONLY, same
from sliproad.features.commissioning.templates import Setting
from sliproad.ocpp.secret_settings import shown

REFUSED_FOR_LACK = frozenset({"NotSupported", "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType"})
WORDS = {
    "unsupported": "not supported by the firmware",
    "rejected": "rejected",
    "read_only": "read-only with another value",
    "different": "set, but read back with another value",
}


def sort_keys(situation: Situation, state: Mapping[str, Any], settings: Mapping[str, Setting]) -> dict[str, list[str]]:
    """Each key's fate: `applied`, `unsupported`, `rejected`, `read_only`, `different`."""
    fates: dict[str, list[str]] = {name: [] for name in ("applied", *WORDS)}
    rebooted = situation.facts.boot_epoch != state["boot_epoch"]
    for name, setting in settings.items():
        fates[_fate(name, setting, state, rebooted=rebooted)].append(name)
    return fates


def _fate(name: str, setting: Setting, state: Mapping[str, Any], *, rebooted: bool) -> str:
    value, outcome = state["values"].get(name), state["outcome"].get(name)
    if name in state["unsupported"] or outcome in REFUSED_FOR_LACK:
        return "unsupported"
    if value is not None and same(setting.value, value):
        return "applied"
    if name in state["read_only"] or outcome == READ_ONLY:
        return "read_only"
    if outcome not in {"Accepted", "RebootRequired"}:
        return "rejected"
    hidden = value is None
    return "applied" if hidden or (setting.set_by_boot and rebooted) else "different"


def verdict(
    situation: Situation, state: Mapping[str, Any], settings: Mapping[str, Setting], notes: tuple[Note, ...]
) -> Finish:
    """Passed when every key that the charge point knows holds; others are listed, and keys that are not required too.

    A required key that it refuses fails the step, unless the template says to go on all the same.
    """
    fates = sort_keys(situation, state, settings)
    wrong = [name for fate in ("rejected", "read_only", "different") for name in fates[fate] if settings[name].required]
    evidence: dict[str, Any] = {
        **fates,
        "written": list(state["outcome"]),
        "reboot_required": [name for name, outcome in state["outcome"].items() if outcome == "RebootRequired"],
        "read_only_keys": list(state["read_only"]),
        "values": {name: shown(name, state["values"].get(name)) for name in settings},
    }
    count = len(fates["applied"])
    if count == len(settings):
        return Finish("passed", _all_applied(situation, count), evidence=evidence, notes=notes)
    listed = "; ".join(f"{words}: {', '.join(fates[fate])}" for fate, words in WORDS.items() if fates[fate])
    detail = f"{count} of {len(settings)} configuration keys applied; {listed}"
    if wrong:
        by_hand = f"Set {', '.join(wrong)} in the charge point's own menu"
        if situation.template.configuration_reject == "continue":
            detail = f"{detail}. {by_hand}; the template goes on without"
            return Finish("passed", detail, evidence=evidence, notes=(*notes, Note("warn", detail)))
        detail = f"{detail}. {by_hand}, or start again with a template that fits this model."
        return Finish("failed", detail, evidence=evidence, notes=notes)
    if len(fates["unsupported"]) == len(settings):
        detail = f"{detail}. Check that this is the right model and that its firmware is current"
    return Finish("passed", detail, evidence=evidence, notes=notes)


def _all_applied(situation: Situation, count: int) -> str:
    if count:
        return f"All {count} configuration keys applied"
    version = situation.facts.protocol_version or situation.facts.version
    return f"The template has no configuration keys for OCPP {version}"
