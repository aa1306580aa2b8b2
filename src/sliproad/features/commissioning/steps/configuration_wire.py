"""How the configuration step speaks: one table a version, of what is asked and how the answers read.

1.6: GetConfiguration in chunks, ChangeConfiguration key by key (§5.8, §5.4). 2.x: GetVariables and SetVariables, at most
`ItemsPerMessage` at a time (B05, B06). Used by `configuration` only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sliproad.features.commissioning.model import Facts
from sliproad.features.commissioning.steps import reading
from sliproad.features.commissioning.templates import Setting, Variable

KEYS_PER_READ = 10
"""For a 1.6 charge point that does not tell its limit."""
ITEMS_PER_MESSAGE = 4
"""For a 2.x charge point that does not tell its limit."""
READ_ONLY = "ReadOnly"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A version's way of writing settings. `resets` are the kinds of Reset, the gentlest first."""

    place: Callable[[Setting], str | Variable | None]
    read_limit: str | Variable
    write_limit: Variable | None
    default_chunk: int
    write_action: str
    write: Callable[[Sequence[Setting]], dict[str, Any]]
    written: Callable[[Sequence[str], Mapping[str, Any]], dict[str, str]]
    resets: tuple[str, str]


def label(place: str | Variable) -> str:
    """The name of a setting as people read it."""
    return place if isinstance(place, str) else place.label


def same(wanted: str, found: str) -> bool:
    """Whether two values mean the same: case and spaces aside, numbers by value, lists in any order."""

    def parts(value: str) -> list[str]:
        words = [word.strip().casefold() for word in value.split(",")]
        return sorted(str(int(word)) if word.isdecimal() else word for word in words)

    return parts(wanted) == parts(found)


def _change(settings: Sequence[Setting]) -> dict[str, Any]:
    return {"key": settings[0].key, "value": settings[0].value}


def _changed(labels: Sequence[str], answer: Mapping[str, Any]) -> dict[str, str]:
    return {labels[0]: str(answer["status"])}


def _set(settings: Sequence[Setting]) -> dict[str, Any]:
    return {
        "setVariableData": [
            reading.place(setting.variable) | {"attributeValue": setting.value}
            for setting in settings
            if setting.variable is not None
        ]
    }


def _was_set(labels: Sequence[str], answer: Mapping[str, Any]) -> dict[str, str]:
    outcome: dict[str, str] = dict.fromkeys(labels, "Rejected")
    for item in answer["setVariableResult"]:
        reason = item.get("attributeStatusInfo", {}).get("reasonCode", "")
        outcome[reading.variable_of(item).label] = (
            READ_ONLY if reason.casefold() == READ_ONLY.casefold() else str(item["attributeStatus"])
        )
    return outcome


V16 = Dialect(
    place=lambda setting: setting.key,
    read_limit="GetConfigurationMaxKeys",
    write_limit=None,
    default_chunk=KEYS_PER_READ,
    write_action="ChangeConfiguration",
    write=_change,
    written=_changed,
    resets=("Soft", "Hard"),
)
V2X = Dialect(
    place=lambda setting: setting.variable,
    read_limit=Variable("DeviceDataCtrlr", "ItemsPerMessage", "GetVariables"),
    write_limit=Variable("DeviceDataCtrlr", "ItemsPerMessage", "SetVariables"),
    default_chunk=ITEMS_PER_MESSAGE,
    write_action="SetVariables",
    write=_set,
    written=_was_set,
    resets=("OnIdle", "Immediate"),
)


def dialect(facts: Facts) -> Dialect:
    """The table of the version that the charge point speaks."""
    return V16 if facts.is_16 else V2X
