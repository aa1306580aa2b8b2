"""Can its meter be believed? OCPP has no call for calibration, so its readings are asked for twice and checked.

The energy register must be there and never fall, voltages lie in their band, and an idle connector draws about nothing.
Skipped, with the reason, where the hardware shows no meter support. Used through `steps`.
"""

from datetime import datetime, timedelta
from typing import Any

from sliproad.features.commissioning.model import Finish, Move, Note, SendCall, Situation, WaitUntil
from sliproad.features.commissioning.steps import meter_plausibility, reading, triggers
from sliproad.features.commissioning.templates import Variable

ROUNDS = 2
CLOCK_ALIGNED_SECONDS = 960
"""A quarter of an hour, the templates' interval of clock-aligned readings, and a minute."""
SIGNED_READINGS = Variable("SampledDataCtrlr", "SignReadings")
METER_VARIABLES = (
    Variable("FiscalMetering", "PublicKey"),
    SIGNED_READINGS,
    Variable("OCPPCommCtrlr", "PublicKeyWithSignedMeterValue"),
)


def advance(situation: Situation) -> Move:
    """The next move of this step."""
    facts = situation.facts
    if not situation.state:
        if facts.meter_type or facts.meter_serial_number:
            return _ask(situation, _begin(situation))
        names = [f"MeterPublicKey{n}" for n in range(1, facts.connector_count + 1)] if facts.is_16 else METER_VARIABLES
        return SendCall(reading.action(facts), reading.payload(names), {"phase": "support"})
    if situation.state["phase"] == "support":
        if situation.answer is not None and _shows_meter(situation):
            return _ask(situation, _begin(situation))
        return Finish(
            "skipped",
            "Skipped: the charge point shows no meter support (it names no meter at its boot and has no key for signed readings)",
        )
    state = dict(situation.state)
    if situation.answer is not None:
        return _after_trigger(situation, state)
    return _after_wait(situation, state)


def _shows_meter(situation: Situation) -> bool:
    """1.6: a public key of a meter. 2.x: the fiscal meter's component, signed readings switched on, or their public key."""
    assert situation.answer is not None
    payload = situation.answer.payload
    found = reading.found(payload)
    if situation.facts.is_16:
        return any(key.value for key in found.values())
    signs = found.pop(SIGNED_READINGS.label, None)
    known = {
        reading.variable_of(item).component: item["attributeStatus"] for item in payload.get("getVariableResult", ())
    }
    has_component = known.get("FiscalMetering", "UnknownComponent") != "UnknownComponent"
    return has_component or bool(found) or (signs is not None and (signs.value or "").casefold() == "true")


def _begin(situation: Situation) -> dict[str, Any]:
    known = {one.evse_id for one in situation.facts.connectors if one.evse_id > 0}
    return {
        "phase": "sample",
        "evses": sorted(known) or list(range(1, situation.facts.connector_count + 1)),
        "round": 1,
        "at": 0,
        "refusals": [],
    }


def _ask(situation: Situation, state: dict[str, Any], notes: tuple[Note, ...] = ()) -> Move:
    """Ask the connector at `at` for its readings."""
    state["asked_at"] = situation.now.isoformat()
    payload = triggers.trigger(situation.facts, "MeterValues", state["evses"][state["at"]])
    return SendCall(triggers.ACTION, payload, state, notes=notes)


def _after_trigger(situation: Situation, state: dict[str, Any]) -> Move:
    assert situation.answer is not None
    evse = state["evses"][state["at"]]
    verdict = triggers.verdict(situation.answer)
    if verdict == "accepted":
        return _after_wait(situation, state)
    state["refusals"] = [*state["refusals"], evse]
    if verdict == "refused" and len(state["refusals"]) < len(state["evses"]):
        note = Note("warn", f"Connector {evse} does not send meter values when asked")
        return _onward(situation, state, (note,))
    state["phase"] = "listen"
    until = situation.now + timedelta(seconds=CLOCK_ALIGNED_SECONDS)
    return WaitUntil(until, "meter readings, which come every quarter of an hour unasked", state, deadline=until)


def _after_wait(situation: Situation, state: dict[str, Any]) -> Move:
    """Has the reading come that was asked for, or, where none can be asked for, any of every connector?"""
    if state["phase"] == "listen":
        if {reading.connector_id for reading in situation.facts.readings} >= set(state["evses"]):
            return meter_plausibility.verdict(situation.facts, state["evses"])
        if situation.now < situation.deadline:
            return WaitUntil(situation.deadline, "meter readings, which come unasked", state)
        return meter_plausibility.verdict(situation.facts, state["evses"])
    evse, asked_at = state["evses"][state["at"]], datetime.fromisoformat(state["asked_at"])
    if any(one.connector_id == evse and one.received_at >= asked_at for one in situation.facts.readings):
        return _onward(situation, state)
    if situation.now < situation.deadline:
        return WaitUntil(situation.deadline, f"the meter readings of connector {evse}", state)
    return meter_plausibility.verdict(situation.facts, state["evses"])


def _onward(situation: Situation, state: dict[str, Any], notes: tuple[Note, ...] = ()) -> Move:
    """To the next connector that answers, the next round, or the verdict."""
    turns = [(turn, at) for turn in range(1, ROUNDS + 1) for at in range(len(state["evses"]))]
    later = turns[turns.index((state["round"], state["at"])) + 1 :]
    for turn, at in later:
        if state["evses"][at] not in state["refusals"]:
            state |= {"round": turn, "at": at}
            return _ask(situation, state, notes)
    return meter_plausibility.verdict(situation.facts, state["evses"])
