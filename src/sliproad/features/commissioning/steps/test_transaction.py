"""Does it charge, count and stop? A remote-started transaction delivers energy that agrees with the register; we stop it.

Phases, kept in the state: `connector`, `start` (the CALL is about to be made or unanswered), `plug` and `earlier` (rejected for want of
a vehicle, or because of a test that was given up), `begin` (it will try), `charge`, `stop`, `end`. A start whose fate is unknown is
waited for before another is made, and a transaction with this session's token is always taken up instead: whatever dies in between,
there is never a second one.
"""

from datetime import datetime, timedelta
from typing import Any

from sliproad.features.commissioning.model import Finish, Move, Note, SendCall, Situation, TransactionFact, WaitUntil
from sliproad.features.commissioning.steps import test_energy, triggers
from sliproad.features.commissioning.steps.remote_control import ours, remote_control

MOST_STARTS = 3
UNCERTAIN_SECONDS = 60
PLUG_IN_SECONDS = 60
EARLIER_SECONDS = 300
BEGIN_SECONDS = 240
CHARGE_SECONDS = 300
FRESH_VALUE_SECONDS = 3
STOP_SECONDS = 120
BEFORE_IT_BEGINS = frozenset({None, "connector", "start", "earlier"})
"""Phases in which it matters whether an earlier test is in the way."""


def advance(situation: Situation) -> Move:
    """The next move of this step."""
    state: dict[str, Any] = dict(situation.state) or {"phase": "connector", "starts": 0, "asks": True}
    transaction = ours(situation)
    if situation.answer is not None and (move := ANSWERED[state["phase"]](situation, state, transaction)) is not None:
        return move
    if transaction is None:
        return BEFORE[state["phase"]](situation, state)
    return _with_transaction(situation, state, transaction)


def _since(situation: Situation, moment: str) -> timedelta:
    return situation.now - datetime.fromisoformat(moment)


def _until(situation: Situation, moment: str, seconds: float) -> datetime:
    return min(situation.deadline, datetime.fromisoformat(moment) + timedelta(seconds=seconds))


def _choose(situation: Situation, state: dict[str, Any]) -> Move:
    """The connector with a vehicle in it, else a free one, else one that has told nothing yet."""
    words, facts = remote_control(situation.facts), situation.facts
    statuses: dict[int, str] = {}
    for one in facts.connectors:
        if one.evse_id > 0:
            statuses.setdefault(one.evse_id, one.status)
    places = [*statuses, *(n for n in range(1, facts.connector_count + 1) if n not in statuses)]
    for wanted in (words.plugged, words.free, {None}):
        if (evse := next((n for n in places if statuses.get(n) in wanted), None)) is not None:
            return _start(situation, state | {"evse": evse})
    told = ", ".join(f"{n} {status}" for n, status in statuses.items())
    state.setdefault("waits_since", situation.now.isoformat())
    seconds = EARLIER_SECONDS if situation.facts.earlier_test else PLUG_IN_SECONDS
    until = _until(situation, state["waits_since"], seconds)
    if situation.now < until:
        return WaitUntil(until, f"a free connector (now: {told})", state)
    return Finish("failed", f"No connector is free for the test: {told}. Free one and start again.")


def _start(situation: Situation, state: dict[str, Any]) -> Move:
    """Ask for the transaction; that we do is remembered before."""
    words = remote_control(situation.facts)
    state |= {
        "phase": "start",
        "starts": state["starts"] + 1,
        "asked_at": situation.now.isoformat(),
        "epoch": situation.facts.epoch,
        "plugged": _is_plugged(situation, state["evse"]),
    }
    note = Note("info", f"Starting a test transaction at connector {state['evse']}")
    return SendCall(words.start_action, words.start(situation, state["evse"]), state, repeatable=False, notes=(note,))


def _is_plugged(situation: Situation, evse: int) -> bool:
    plugged = remote_control(situation.facts).plugged
    return any(one.evse_id == evse and one.status in plugged for one in situation.facts.connectors)


def _start_answered(situation: Situation, state: dict[str, Any], transaction: TransactionFact | None) -> Move | None:
    answer = situation.answer
    assert answer is not None
    if answer.is_uncertain:
        state["unsure"] = True
    if transaction is not None or answer.is_uncertain:
        return None
    if answer.payload.get("status") == "Accepted":
        state |= {"phase": "begin", "asked_at": situation.now.isoformat()}
        return None
    action = remote_control(situation.facts).start_action
    if answer.kind == "error":
        why = "it does not know how to" if answer.is_unknown_action else f"{answer.code} {answer.description}".strip()
        detail = f"The charge point answered {action} with an error: {why}."
        return Finish("failed", detail, leaves_test="unsure" in state)
    if situation.facts.earlier_test and _until_earlier_ends(situation, state) > situation.now:
        state |= {"phase": "earlier", "starts": state["starts"] - 1, "asked_at": situation.now.isoformat()}
        return None
    if not state["plugged"] and state["starts"] < MOST_STARTS:
        state |= {"phase": "plug", "asked_at": situation.now.isoformat()}
        return None
    return _refused(situation, state)


def _refused(situation: Situation, state: dict[str, Any]) -> Finish:
    advice = "Check that remote start is allowed in its settings and that the connector shows no fault."
    if not state["plugged"]:
        advice = f"Plug in the vehicle and start again. {advice}"
    action = remote_control(situation.facts).start_action
    detail = f"The charge point rejected {action} at connector {state['evse']}. {advice}"
    return Finish("failed", detail, leaves_test="unsure" in state)


def _until_earlier_ends(situation: Situation, state: dict[str, Any]) -> datetime:
    """How long an earlier test is waited for, from the first rejection on."""
    return _until(situation, state.setdefault("rejected_at", situation.now.isoformat()), EARLIER_SECONDS)


def _earlier(situation: Situation, state: dict[str, Any]) -> Move:
    """Rejected while a test that was given up still has the connector: it is being stopped; then ours is taken."""
    until = _until(situation, state["asked_at"], FRESH_VALUE_SECONDS)
    if situation.now < until:
        return WaitUntil(until, f"the end of an earlier test at connector {state['evse']}", state)
    return _start(situation, state)


def _plug(situation: Situation, state: dict[str, Any]) -> Move:
    """Rejected without a vehicle: some charge points want the cable first."""
    if _is_plugged(situation, state["evse"]):
        return _start(situation, state)
    until = _until(situation, state["asked_at"], PLUG_IN_SECONDS)
    if situation.now < until:
        return WaitUntil(until, f"the vehicle: plug it in at connector {state['evse']} now", state)
    return _refused(situation, state)


def _uncertain(situation: Situation, state: dict[str, Any]) -> Move:
    """Whether it heard us is unknown: give the transaction time to show itself before asking again."""
    until = _until(situation, state["asked_at"], UNCERTAIN_SECONDS)
    if situation.now < until:
        return WaitUntil(until, "the test transaction, if the charge point heard of it", state)
    if state["starts"] < MOST_STARTS and situation.now < situation.deadline:
        return _start(situation, state)
    return Finish(
        "failed",
        f"The charge point did not answer {remote_control(situation.facts).start_action}, asked {state['starts']} times. "
        "Check its connection and start again.",
    )


def _begin(situation: Situation, state: dict[str, Any]) -> Move:
    """It will try: wait for the vehicle and the transaction. A restart in between made it forget: ask again."""
    boot_epoch = situation.facts.boot_epoch or 0
    if boot_epoch > state["epoch"] and state["starts"] < MOST_STARTS:
        state |= {"phase": "start", "asked_at": situation.now.isoformat(), "epoch": situation.facts.epoch}
        return _uncertain(situation, state)
    until = _until(situation, state["asked_at"], BEGIN_SECONDS)
    if situation.now < until:
        return WaitUntil(until, _what_begins(situation, state), state)
    return Finish(
        "failed",
        f"The charge point accepted the remote start, but no transaction began at connector {state['evse']} within "
        f"{round((until - datetime.fromisoformat(state['asked_at'])).total_seconds())} s. Plug in the vehicle and start again.",
    )


def _what_begins(situation: Situation, state: dict[str, Any]) -> str:
    """What a person at the charge point should do now."""
    if _is_plugged(situation, state["evse"]):
        return f"the test transaction to begin at connector {state['evse']}"
    return f"the test transaction: plug in the vehicle at connector {state['evse']} now"


def _with_transaction(situation: Situation, state: dict[str, Any], transaction: TransactionFact) -> Move:
    """Let it charge, stop it, wait for its end, judge it."""
    if transaction.stopped_at is not None:
        return test_energy.verdict(situation, transaction, stopped_by_us="stop_at" in state)
    if state["phase"] not in {"charge", "stop", "end"}:
        state |= {"phase": "charge", "since": situation.now.isoformat(), "fresh_at": situation.now.isoformat()}
        state["note"] = f"Test transaction {transaction.transaction_id} began"
    if state["phase"] == "charge":
        return _charge(situation, state, transaction)
    if state["phase"] == "stop":
        return _stop(situation, state, transaction)
    until = _until(situation, state["stop_at"], STOP_SECONDS)
    if situation.now < until:
        return WaitUntil(until, "the end of the test transaction", state)
    return Finish(
        "failed",
        f"The charge point accepted the remote stop, but did not end the transaction within {STOP_SECONDS} s. "
        "Unplug the vehicle to end it, and check the charge point's firmware.",
        evidence=test_energy.evidence(transaction),
    )


def _charge(situation: Situation, state: dict[str, Any], transaction: TransactionFact) -> Move:
    """Until the least energy is there, the register falls, or time is up. A fresh value is asked for now and then."""
    notes = (Note("info", state.pop("note")),) if "note" in state else ()
    delivered = transaction.delivered_wh
    enough = delivered is not None and (delivered >= situation.template.minimum_energy_wh or delivered < 0)
    until = _until(situation, state["since"], CHARGE_SECONDS)
    if enough or situation.now >= until:
        return _stop(situation, state | {"phase": "stop", "stops": 0}, transaction, notes)
    fresh_at = datetime.fromisoformat(state["fresh_at"]) + timedelta(seconds=FRESH_VALUE_SECONDS)
    if state["asks"] and situation.now >= fresh_at:
        state["fresh_at"] = situation.now.isoformat()
        words = remote_control(situation.facts)
        payload = triggers.trigger(situation.facts, words.fresh_value, transaction.evse_id)
        return SendCall(triggers.ACTION, payload, state, notes=notes)
    look = min(until, fresh_at) if state["asks"] else until
    return WaitUntil(look, f"the vehicle to draw energy ({delivered or 0} Wh so far)", state, notes=notes)


def _fresh_answered(situation: Situation, state: dict[str, Any], _transaction: TransactionFact | None) -> Move | None:
    assert situation.answer is not None
    state["asks"] = triggers.verdict(situation.answer) == "accepted"
    return None


def _stop(
    situation: Situation, state: dict[str, Any], transaction: TransactionFact, notes: tuple[Note, ...] = ()
) -> Move:
    """Ask for its end. Asking twice is harmless, so that a lost answer is no trouble."""
    if state["stops"] == MOST_STARTS:
        return Finish(
            "failed",
            f"The charge point refused {remote_control(situation.facts).stop_action} for the transaction that it runs. "
            "Unplug the vehicle to end it, and check the charge point's firmware.",
            evidence=test_energy.evidence(transaction),
        )
    if state["stops"] and _since(situation, state["stop_at"]) < timedelta(seconds=FRESH_VALUE_SECONDS):
        return WaitUntil(_until(situation, state["stop_at"], FRESH_VALUE_SECONDS), "another try to stop", state, notes)
    state |= {"stops": state["stops"] + 1, "stop_at": situation.now.isoformat()}
    words = remote_control(situation.facts)
    asking = Note("info", f"Stopping test transaction {transaction.transaction_id}")
    return SendCall(words.stop_action, words.stop(transaction.transaction_id), state, notes=(*notes, asking))


def _stop_answered(situation: Situation, state: dict[str, Any], _transaction: TransactionFact | None) -> Move | None:
    assert situation.answer is not None
    if situation.answer.payload.get("status") == "Accepted":
        state |= {"phase": "end", "stop_at": situation.now.isoformat()}
    return None


ANSWERED = {"start": _start_answered, "charge": _fresh_answered, "stop": _stop_answered}
BEFORE = {"connector": _choose, "start": _uncertain, "plug": _plug, "earlier": _earlier, "begin": _begin}
