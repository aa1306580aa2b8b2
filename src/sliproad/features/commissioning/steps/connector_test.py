"""Does every connector report? Each is asked for a StatusNotification (1.6 §5.17, 2.x F06), and its report awaited.

Where nothing can be asked, the report that came with the boot counts. Where the template says so, each connector that can be is
then taken out of service and back (`availability`). One that reports Faulted did report: the sentence says so, and the template
whether that fails the step.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sliproad.features.commissioning.model import (
    ConnectorFact,
    Facts,
    Finish,
    Move,
    Note,
    SendCall,
    Situation,
    WaitUntil,
)
from sliproad.features.commissioning.steps import availability, triggers
from sliproad.foundation.clock import rfc3339

ASK_AGAIN_SECONDS = 20
MOST_ASKS = 3


def advance(situation: Situation) -> Move:
    """The next move of this step."""
    facts = situation.facts
    if "trip" in situation.state:
        return _round_trip(situation, dict(situation.state))
    state: dict[str, Any] = dict(situation.state) or {"targets": _targets(facts), "asks": {}, "asking": None}
    asks: dict[str, dict[str, Any]] = {name: dict(ask) for name, ask in state["asks"].items()}
    state["asks"] = asks
    if situation.answer is not None and state["asking"] is not None:
        asks[state["asking"]]["verdict"] = triggers.verdict(situation.answer)
        state["asking"] = None
    for evse_id, connector_id in state["targets"]:
        name = _name(facts, evse_id, connector_id)
        if _must_ask(situation, asks.get(name)) and not _has_reported(facts, name, asks.get(name)):
            reports = _report(facts, name)
            asks[name] = {
                "before": asks[name]["before"] if name in asks else reports.report_count if reports else 0,
                "at": situation.now.isoformat(),
                "times": asks.get(name, {}).get("times", 0) + 1,
            }
            state["asking"] = name
            payload = triggers.trigger(facts, "StatusNotification", evse_id, connector_id)
            return SendCall(triggers.ACTION, payload, state)
    missing = [name for name in asks if not _has_reported(facts, name, asks[name])]
    if missing and situation.now < situation.deadline and any(_may_come(asks[name]) for name in missing):
        until = min(situation.deadline, situation.now + timedelta(seconds=ASK_AGAIN_SECONDS))
        return WaitUntil(until, f"the status of connector {', '.join(missing)}", state)
    if missing or not situation.template.availability_round_trip:
        return _verdict(situation, list(asks), missing)
    return _round_trip(situation, state | {"names": list(asks), "trip": availability.begin(facts, state["targets"])})


def _round_trip(situation: Situation, state: dict[str, Any]) -> Move:
    """Out of service and back, connector by connector; then the verdict."""
    moved = availability.advance(situation, state["trip"])
    if isinstance(moved, dict):
        return _verdict(situation, state["names"], [], moved)
    return replace(moved, state=state | {"trip": moved.state})


def _targets(facts: Facts) -> list[list[int]]:
    """Every connector that reported itself, and as many more as were registered."""
    known = sorted({(one.evse_id, one.connector_id) for one in facts.connectors if one.evse_id > 0})
    evses = {evse_id for evse_id, _ in known}
    number = 1
    while len(known) < facts.connector_count:
        if number not in evses:
            known.append((number, number if facts.is_16 else 1))
        number += 1
    return [list(target) for target in sorted(known)]


def _name(facts: Facts, evse_id: int, connector_id: int) -> str:
    return str(evse_id) if facts.is_16 or connector_id == 1 else f"{evse_id}/{connector_id}"


def _report(facts: Facts, name: str) -> ConnectorFact | None:
    named = {_name(facts, one.evse_id, one.connector_id): one for one in facts.connectors if one.evse_id}
    return named.get(name)


def _must_ask(situation: Situation, ask: dict[str, Any] | None) -> bool:
    """Not asked yet; or promised long ago and nothing came."""
    if ask is None:
        return True
    waited = situation.now - datetime.fromisoformat(ask["at"])
    return _may_come(ask) and ask["times"] < MOST_ASKS and waited >= timedelta(seconds=ASK_AGAIN_SECONDS)


def _may_come(ask: dict[str, Any]) -> bool:
    return bool(ask.get("verdict", "accepted") == "accepted")


def _has_reported(facts: Facts, name: str, ask: dict[str, Any] | None) -> bool:
    """A report since it was asked; where it can't be asked, any."""
    report = _report(facts, name)
    if ask is None or report is None:
        return False
    return bool(report.report_count > ask["before"] or ask.get("verdict") == "unsupported")


def _verdict(situation: Situation, names: list[str], missing: list[str], trips: dict[str, str] | None = None) -> Finish:
    facts = situation.facts
    reports = {name: report for name in names if (report := _report(facts, name)) is not None}
    evidence: dict[str, Any] = {
        "connectors": [
            {
                "connector": name,
                "status": one.status,
                "error_code": one.error_code,
                "reported_at": rfc3339(one.received_at),
            }
            for name, one in reports.items()
        ]
    }
    if trips is not None:
        evidence["availability"] = trips
    if missing:
        return Finish(
            "failed",
            f"Connector {', '.join(missing)} did not report a status when asked. Check its cabling inside the charge point, "
            f"and whether the charge point really has {facts.connector_count} connectors.",
            evidence=evidence,
        )
    if wrong := [sentence for sentence in (trips or {}).values() if sentence != availability.DONE]:
        return Finish("failed", " ".join(wrong), evidence=evidence)
    statuses = ", ".join(f"{name} {one.status}" for name, one in reports.items())
    count = "1 connector reports" if len(reports) == 1 else f"{len(reports)} connectors report"
    there_and_back = "; each went out of service and came back" if trips else ""
    faulted = [f"{name} ({one.error_code or 'no code'})" for name, one in reports.items() if one.status == "Faulted"]
    if not faulted:
        return Finish("passed", f"{count} a status: {statuses}{there_and_back}", evidence=evidence)
    fault = f"Connector {', '.join(faulted)} reports Faulted"
    if situation.template.faulted_connector == "fail":
        return Finish("failed", f"{fault}. Clear the fault at the charge point and start again.", evidence=evidence)
    warning = f"{fault}: clear the fault at the charge point before anyone charges there"
    return Finish(
        "passed",
        f"{count} a status: {statuses}{there_and_back}. {warning}",
        evidence=evidence,
        notes=(Note("warn", warning),),
    )
