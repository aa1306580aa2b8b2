"""Does it show that it is alive? A Heartbeat CALL on this connection, asked for or already there (OCPP 1.6 §4.6, 2.x G02).

A charge point that knows no TriggerMessage is given one interval of its own.
"""

import math
from datetime import datetime, timedelta

from sliproad.features.commissioning.model import Finish, Move, SendCall, Situation, WaitUntil
from sliproad.features.commissioning.steps import reading, triggers
from sliproad.features.commissioning.templates import HEARTBEAT

LONGEST_INTERVAL_SECONDS = 900
MARGIN_SECONDS = 30


def advance(situation: Situation) -> Move:
    """The next move of this step."""
    facts, state = situation.facts, situation.state
    if facts.last_heartbeat_epoch == facts.epoch and facts.last_heartbeat_at is not None:
        return Finish("passed", _received(state.get("asked_at"), facts.last_heartbeat_at))
    if state.get("epoch") != facts.epoch:
        asked = {"epoch": facts.epoch, "asked_at": situation.now.isoformat()}
        return SendCall(triggers.ACTION, triggers.trigger(facts, "Heartbeat"), asked)
    if situation.answer is not None:
        return _after_answer(situation)
    return _wait(situation)


def _received(asked_at: str | None, at: datetime) -> str:
    if asked_at is None or (waited := (at - datetime.fromisoformat(asked_at)).total_seconds()) < 0:
        return "Heartbeat received on this connection"
    return f"Heartbeat received within {max(1, math.ceil(waited))}s"


def _after_answer(situation: Situation) -> Move:
    """The answer to TriggerMessage, or to the question for the interval."""
    assert situation.answer is not None
    state = dict(situation.state)
    if "trigger" not in state:
        state["trigger"] = triggers.verdict(situation.answer)
        if state["trigger"] == "accepted":
            return WaitUntil(situation.deadline, "a Heartbeat", state)
        name = (HEARTBEAT.key if situation.facts.is_16 else HEARTBEAT.variable) or ""
        return SendCall(reading.action(situation.facts), reading.payload([name]), state)
    interval = _interval(situation)
    if interval > LONGEST_INTERVAL_SECONDS:
        return Finish(
            "failed",
            f"The charge point can't be asked for a Heartbeat and sends one only every {interval} s. "
            "Set its heartbeat interval to 300 s or less and start again.",
        )
    until = situation.now + timedelta(seconds=interval + MARGIN_SECONDS)
    return WaitUntil(until, f"a Heartbeat, which comes every {interval} s", state, deadline=until)


def _interval(situation: Situation) -> int:
    """The interval that the charge point keeps, in seconds; without its word, what it was told at its boot."""
    assert situation.answer is not None
    for found in reading.found(situation.answer.payload).values():
        if found.value is not None and found.value.isdigit() and int(found.value) > 0:
            return int(found.value)
    return situation.facts.heartbeat_interval_seconds


def _wait(situation: Situation) -> Move:
    if situation.now < situation.deadline:
        return WaitUntil(situation.deadline, "a Heartbeat", situation.state)
    waited = round((situation.deadline - situation.started_at).total_seconds())
    asked = " although the charge point agreed to send one" if situation.state.get("trigger") == "accepted" else ""
    return Finish(
        "failed",
        f"No Heartbeat arrived within {waited} s{asked}. Check that heartbeats are switched on in the charge point and "
        "that its firmware is current.",
    )
