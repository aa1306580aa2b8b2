"""Are its settings the template's? Reads them, writes what differs, reads back and compares (contract §3).

Phases, kept in the state: `limits` (how many at once), `read`, `write`, `inquire` and `report` (2.x: are rejected variables
read-only?), `reset` and `reboot` (one, if any key needs it), then `read` once more. What the charge point does not know is
listed; what it rejects or shows read-only is listed apart. A state that begins with `dry_run` ends after the first reading;
one with `resets` at its most never restarts the charge point.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sliproad.features.commissioning.model import Move, Note, SendCall, Situation, WaitUntil
from sliproad.features.commissioning.steps import configuration_verdict, reading
from sliproad.features.commissioning.steps.configuration_wire import Dialect, dialect, label, same
from sliproad.features.commissioning.templates import Setting, Variable
from sliproad.ocpp.secret_settings import shown

WRITE_PASSES = 2
RESET_ATTEMPTS = 2
QUIET_AFTER_RESET_SECONDS = 60
REPORT_SECONDS = 15
NEVER_RESET = {"resets": RESET_ATTEMPTS}
DRY_RUN = {"dry_run": True}
"""How a step begins that shall not restart the charge point, or only read."""


def advance(situation: Situation) -> Move:
    """The next move of this step."""
    if "phase" not in situation.state:
        return _ask_limits(situation)
    state = _copy(situation)
    if situation.answer is not None:
        if move := ANSWERED[state["phase"]](situation, state):
            return move
    elif state["phase"] in AWAITED and (move := AWAITED[state["phase"]](situation, state)):
        return move
    return _next(situation, state)


def settings_by_label(situation: Situation) -> dict[str, Setting]:
    """The template's settings that this version knows, by label, in order."""
    place, version = dialect(situation.facts).place, situation.facts.protocol_version or situation.facts.version
    return {
        label(at): setting for setting in situation.template.settings_for(version) if (at := place(setting)) is not None
    }


def _copy(situation: Situation) -> dict[str, Any]:
    """The state, free to be changed: a step never changes what it was given."""
    return {
        name: dict(part) if isinstance(part, dict) else list(part) if isinstance(part, list) else part
        for name, part in situation.state.items()
    }


def _ask_limits(situation: Situation) -> Move:
    words = dialect(situation.facts)
    names = [words.read_limit] + ([words.write_limit] if words.write_limit else [])
    state = {
        "phase": "limits",
        "read_chunk": words.default_chunk,
        "write_chunk": words.default_chunk if words.write_limit else 1,
        "queue": list(settings_by_label(situation)),
        "values": {},
        "unsupported": [],
        "read_only": [],
        "outcome": {},
        "passes": 0,
        "resets": 0,
        "boot_epoch": situation.facts.boot_epoch,
    } | dict(situation.state)
    if not state["queue"]:
        return configuration_verdict.verdict(situation, state, {}, ())
    alone = len(names) == 1
    return SendCall(reading.action(situation.facts), reading.payload(names), state, repeatable=alone)


def _limits_answered(situation: Situation, state: dict[str, Any]) -> Move | None:
    assert situation.answer is not None
    if situation.answer.kind == "lost":
        return _ask_limits(replace(situation, state=_begun(state)))
    words = dialect(situation.facts)
    if situation.answer.is_uncertain:
        state |= {"phase": "read", "read_chunk": 1, "write_chunk": 1}
        return _next(situation, state, (Note("warn", f"{_problem(situation)}: asking key by key"),))
    found = reading.found(situation.answer.payload)
    for name, limit in (("read_chunk", words.read_limit), ("write_chunk", words.write_limit)):
        told = found.get(label(limit)) if limit else None
        if told is not None and told.value is not None and told.value.isdecimal() and int(told.value) > 0:
            state[name] = int(told.value)
    state["phase"] = "read"
    return None


def _begun(state: dict[str, Any]) -> dict[str, Any]:
    """How the step was told to begin."""
    return {name: state[name] for name in ("dry_run", "resets") if name in state}


def _read_answered(situation: Situation, state: dict[str, Any]) -> Move | None:
    """Take what was read. A charge point that fails on many keys at once (some drop their socket) is asked key by key."""
    answer = situation.answer
    assert answer is not None
    asked: list[str] = state.pop("asked")
    if answer.kind == "lost":
        return None
    if answer.kind != "result" and len(asked) > 1:
        state["read_chunk"] = 1
        return _next(situation, state, (Note("warn", f"{_problem(situation)}: asking key by key"),))
    found = reading.found(answer.payload)
    state["queue"] = state["queue"][len(asked) :]
    missing = [name for name in asked if name not in found]
    for name in asked:
        absent = None if state["passes"] == 0 else ""
        state["values"][name] = found[name].value if name in found else absent
    if state["passes"] == 0:
        state["unsupported"] += missing
        state["read_only"] += [name for name, setting in found.items() if setting.is_read_only]
        return _next(situation, state, tuple(Note("warn", _skipped(name)) for name in missing))
    return None


def _skipped(name: str) -> str:
    return f"Key '{name}' not supported by firmware — skipped"


def _problem(situation: Situation) -> str:
    assert situation.answer is not None
    said = {"timeout": "did not answer", "cut": "dropped its connection"}.get(situation.answer.kind, "refused")
    return f"The charge point {said} when asked for several keys at once"


def _write_answered(situation: Situation, state: dict[str, Any]) -> Move | None:
    answer = situation.answer
    assert answer is not None
    asked: list[str] = state.pop("asked")
    if answer.kind != "result" and len(asked) > 1:
        state["write_chunk"] = 1
        return None
    outcome = (
        dialect(situation.facts).written(asked, answer.payload)
        if answer.kind == "result"
        else dict.fromkeys(asked, "Rejected")
    )
    state["outcome"] |= outcome
    state["queue"] = state["queue"][len(asked) :]
    settings = settings_by_label(situation)
    notes = tuple(_write_note(name, shown(name, settings[name].value), result) for name, result in outcome.items())
    return _next(situation, state, notes)


def _write_note(name: str, value: str | None, result: str) -> Note:
    if result in {"Accepted", "RebootRequired"}:
        later = ", takes effect after a reboot" if result == "RebootRequired" else ""
        return Note("info", f"Key '{name}' set to '{value}'{later}")
    return Note("warn", f"Key '{name}' can't be set to '{value}': {result}")


def _inquiry_answered(situation: Situation, state: dict[str, Any]) -> Move | None:
    """2.x B08: the report tells each variable's mutability."""
    answer = situation.answer
    assert answer is not None
    if answer.payload.get("status") != "Accepted":
        state["phase"] = "write"
        return None
    state["phase"] = "report"
    return _await_report(situation, state)


def _await_report(situation: Situation, state: dict[str, Any]) -> Move | None:
    mutability = situation.facts.mutability
    until = min(situation.deadline, datetime.fromisoformat(state["waits_since"]) + timedelta(seconds=REPORT_SECONDS))
    if mutability is None and situation.now < until:
        return WaitUntil(until, "the charge point to tell which variables can be written", state)
    state["read_only"] += [name for name in _rejected(state) if (mutability or {}).get(name) == "ReadOnly"]
    state["phase"] = "write"
    return None


def _rejected(state: dict[str, Any]) -> list[str]:
    return [name for name, outcome in state["outcome"].items() if outcome == "Rejected"]


def _inquire(situation: Situation, state: dict[str, Any], notes: tuple[Note, ...]) -> SendCall:
    """Ask for a report of the rejected variables."""
    settings = settings_by_label(situation)
    places = [settings[name].variable for name in _rejected(state)]
    request_id = reading.report_id(situation.session_id)
    state |= {"phase": "inquire", "report_id": request_id, "waits_since": situation.now.isoformat()}
    asked = [reading.place(place) for place in places[: state["read_chunk"]] if place is not None]
    payload = {"requestId": request_id, "componentVariable": asked}
    return SendCall("GetReport", payload, state, repeatable=False, notes=notes)


def _reset_answered(situation: Situation, state: dict[str, Any]) -> Move | None:
    """Accepted or Scheduled: it will restart. Refused: the less gentle kind, then without. Unknown: see whether it does."""
    answer = situation.answer
    assert answer is not None
    if answer.is_uncertain or answer.payload.get("status") in {"Accepted", "Scheduled"}:
        state["phase"] = "reboot"
        return _await_reboot(situation, state)
    state["resets"] += 1
    return None


def _await_reboot(situation: Situation, state: dict[str, Any]) -> Move | None:
    """Wait for the boot that the reset brings; a charge point that only comes back without one is taken after a minute."""
    facts, asked_at = situation.facts, datetime.fromisoformat(state["reset_at"])
    if (facts.boot_epoch or 0) <= state["reset_epoch"]:
        patience = asked_at + timedelta(seconds=QUIET_AFTER_RESET_SECONDS)
        if situation.now < patience:
            return WaitUntil(min(patience, situation.deadline), "the charge point to restart", state)
        if facts.epoch <= state["reset_epoch"]:
            state["resets"] += 1
            state["phase"] = "write"
            return None
    state["resets"] = RESET_ATTEMPTS
    state["phase"] = "read"
    state["queue"] = _supported(situation, state)
    return None


AWAITED = {"reboot": _await_reboot, "report": _await_report}
ANSWERED = {
    "limits": _limits_answered,
    "read": _read_answered,
    "write": _write_answered,
    "reset": _reset_answered,
    "inquire": _inquiry_answered,
}


def _supported(situation: Situation, state: dict[str, Any]) -> list[str]:
    return [name for name in settings_by_label(situation) if name not in state["unsupported"]]


def _next(situation: Situation, state: dict[str, Any], notes: tuple[Note, ...] = ()) -> Move:
    """The next CALL, or the verdict when nothing is left to do."""
    words, settings = dialect(situation.facts), settings_by_label(situation)
    if state["phase"] == "read":
        if state["queue"]:
            state["asked"] = state["queue"][: state["read_chunk"]]
            names = _places(words, [settings[name] for name in state["asked"]])
            alone = len(names) == 1
            return SendCall(
                reading.action(situation.facts), reading.payload(names), state, repeatable=alone, notes=notes
            )
        state["queue"] = _to_write(settings, state)
        if not state["queue"] or state["passes"] == WRITE_PASSES or state.get("dry_run"):
            return configuration_verdict.verdict(situation, state, settings, notes)
        state["passes"] += 1
        state["phase"] = "write"
    if state["queue"]:
        state["asked"] = state["queue"][: state["write_chunk"]]
        payload = words.write([settings[name] for name in state["asked"]])
        return SendCall(words.write_action, payload, state, notes=notes)
    if not situation.facts.is_16 and "report_id" not in state and _rejected(state):
        return _inquire(situation, state, notes)
    if "RebootRequired" in state["outcome"].values() and state["resets"] < RESET_ATTEMPTS:
        state |= {"phase": "reset", "reset_at": situation.now.isoformat(), "reset_epoch": situation.facts.epoch}
        kind = words.resets[state["resets"]]
        asking = Note("info", f"Restarting the charge point ({kind}), since some keys take effect only then")
        return SendCall("Reset", {"type": kind}, state, repeatable=False, notes=(*notes, asking))
    state["phase"] = "read"
    state["queue"] = _supported(situation, state)
    return _next(situation, state, notes)


def _places(words: Dialect, settings: Sequence[Setting]) -> list[str | Variable]:
    return [at for setting in settings if (at := words.place(setting)) is not None]


def _to_write(settings: dict[str, Setting], state: dict[str, Any]) -> list[str]:
    """What differs, may be written and was not refused before; what shows no value is written once."""

    def needs(name: str) -> bool:
        value = state["values"].get(name)
        if name in state["unsupported"] or name in state["read_only"]:
            return False
        if value is None:
            return name not in state["outcome"]
        return state["outcome"].get(name, "Accepted") in {"Accepted", "RebootRequired"} and not same(
            settings[name].value, value
        )

    return [name for name in settings if needs(name)]
