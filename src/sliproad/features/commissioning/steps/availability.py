"""Does a connector go out of service and come back? ChangeAvailability (1.6 §5.2, 2.x G03, G04), the later part of `connector_test`.

A state of its own: which connectors, at which one, in which direction. Only connectors that nobody uses are asked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sliproad.features.commissioning.model import Facts, SendCall, Situation, WaitUntil

ACTION = "ChangeAvailability"
DONE = "went out of service and came back"
REPORT_SECONDS = 20
FREE = frozenset({"Available", "Unavailable"})
DIRECTIONS = ("Inoperative", "Operative")


def begin(facts: Facts, targets: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The state of a round trip of those connectors that are free now."""
    free = [(one.evse_id, one.connector_id) for one in facts.connectors if one.status in FREE]
    places = [list(target) for target in targets if tuple(target) in free]
    return {"places": places, "at": 0, "direction": 0, "phase": "ask", "results": {}}


def advance(situation: Situation, trip: dict[str, Any]) -> SendCall | WaitUntil | dict[str, str]:
    """The next CALL or wait, whose `state` is the trip's; or, at its end, by connector what came of it."""
    state = {**trip, "results": dict(trip["results"])}
    if state["phase"] == "asked" and situation.answer is not None:
        _answered(situation, state)
    if state["phase"] == "wait":
        waiting = _await_report(situation, state)
        if waiting is not None:
            return waiting
    if state["at"] == len(state["places"]):
        results: dict[str, str] = state["results"]
        return results
    evse_id, connector_id = state["places"][state["at"]]
    state |= {"phase": "asked", "waits_since": situation.now.isoformat()}
    return SendCall(ACTION, _payload(situation.facts, evse_id, connector_id, DIRECTIONS[state["direction"]]), state)


def _payload(facts: Facts, evse_id: int, connector_id: int, kind: str) -> dict[str, Any]:
    if facts.is_16:
        return {"connectorId": evse_id, "type": kind}
    return {"evse": {"id": evse_id, "connectorId": connector_id}, "operationalStatus": kind}


def _answered(situation: Situation, state: dict[str, Any]) -> None:
    """Refused: back into service in any case, since a refusal may follow an acceptance."""
    answer, direction = situation.answer, DIRECTIONS[state["direction"]]
    assert answer is not None
    status = answer.payload.get("status")
    if status in {"Accepted", "Scheduled"}:
        state |= {"phase": "wait"}
        return
    said = answer.code or status or "nothing"
    _over(state, f"Connector {_name(state)} refused ChangeAvailability to {direction} ({said}).")


def _await_report(situation: Situation, state: dict[str, Any]) -> WaitUntil | None:
    """Accepted is a promise; the status that the connector reports is the proof."""
    wanted_out = DIRECTIONS[state["direction"]] == "Inoperative"
    status = _status(situation, state)
    if status is not None and (status == "Unavailable") == wanted_out:
        _onward(state)
        return None
    until = min(situation.deadline, datetime.fromisoformat(state["waits_since"]) + timedelta(seconds=REPORT_SECONDS))
    if situation.now < until:
        place = "out of service" if wanted_out else "back in service"
        return WaitUntil(until, f"connector {_name(state)} to go {place}", state)
    told = f"still reports {status}" if status else "reported nothing"
    _over(
        state,
        f"Connector {_name(state)} accepted ChangeAvailability to {DIRECTIONS[state['direction']]}, but {told}. "
        "Restart the charge point and start again.",
    )
    return None


def _onward(state: dict[str, Any]) -> None:
    state["phase"] = "ask"
    if state["direction"] == 0:
        state["direction"] = 1
        return
    state["results"].setdefault(_name(state), DONE)
    state |= {"direction": 0, "at": state["at"] + 1}


def _over(state: dict[str, Any], sentence: str) -> None:
    """It failed; a connector that went out is brought back all the same."""
    state["results"].setdefault(_name(state), sentence)
    _onward(state)


def _name(state: dict[str, Any]) -> str:
    evse_id, connector_id = state["places"][state["at"]]
    return str(evse_id) if connector_id in {1, evse_id} else f"{evse_id}/{connector_id}"


def _status(situation: Situation, state: dict[str, Any]) -> str | None:
    place = tuple(state["places"][state["at"]])
    return next((one.status for one in situation.facts.connectors if (one.evse_id, one.connector_id) == place), None)
