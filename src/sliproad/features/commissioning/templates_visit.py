"""The configuration step outside of a session: a template is applied, tried without writing, or its keys are read.

`apply_template_service`, `templates_service` and `drift_service` use it in the web process. It goes by the very workflow and
step that sessions go by, only that nothing of it is kept but the values that were read.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning import workflow
from sliproad.features.commissioning.asking import ask
from sliproad.features.commissioning.drift import Known
from sliproad.features.commissioning.drift_keeping import remember
from sliproad.features.commissioning.facts import FactsGatherer
from sliproad.features.commissioning.model import Answer, Outgoing, Session, Step
from sliproad.features.commissioning.steps.configuration import DRY_RUN
from sliproad.features.commissioning.templates import STANDARD_AC, Setting, Template, Variable
from sliproad.features.commissioning.templates_learning import USUAL_KEYS, USUAL_VARIABLES
from sliproad.features.device_model.service import DeviceModelService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.errors import UpstreamUnavailable
from sliproad.foundation.ids import new_id
from sliproad.ocpp.our_numbers import OURS_BELOW

LIMIT_SECONDS = 120.0
REPORT_SECONDS = 30.0
LOOK_SECONDS = 0.2
CONNECTION_SECONDS = 2.0
"""How often a CALL in flight is asked whether its connection is still there."""


class TemplateVisit:
    """Visits one charge point at a time per call; any number at once."""

    def __init__(self, engine: Database, clock: Clock, commands: CommandService, facts: FactsGatherer) -> None:
        """`engine` speaks as role `engine`: the caller has checked whose charge point it is."""
        self.engine = engine
        self.clock = clock
        self.commands = commands
        self.facts = facts
        self.device_model = DeviceModelService(clock)

    async def run(self, charge_point: ChargePoint, template: Template, begun: Mapping[str, Any]) -> Step:
        """The configuration step as it ended, with its evidence. `begun` is how its state begins (`DRY_RUN`, `NEVER_RESET`).

        Raises:
            UpstreamUnavailable: `charge_point_timeout`, it did not answer or went away, with the step's sentence.
        """
        now = self.clock.now()
        step = Step("configuration", ("step",), LIMIT_SECONDS, "running", state=dict(begun), started_at=now)
        visit = Session(
            session_id=new_id("visit"),
            status="running",
            result=None,
            steps=(step,),
            template=template,
            test_token="",
            started_at=now,
        )
        answer: Answer | None = None
        while True:
            async with self.engine.transaction(ENGINE) as session:
                await remember(session, self.clock, charge_point, visit.outgoing, answer)
                facts = await self.facts.gather(session, charge_point, visit)
            event = workflow.Looked(facts) if answer is None else workflow.Answered(facts, answer)
            transition = workflow.advance(visit, event, self.clock.now())
            visit, answer = transition.session, None
            if visit.steps[0].finished_at is not None:
                return _ended(visit.steps[0])
            if transition.then == "call" and visit.outgoing is not None:
                answer = await self._call(charge_point.key, visit.outgoing)
            else:
                await asyncio.sleep(LOOK_SECONDS)

    async def _call(self, charge_point_key: int, outgoing: Outgoing) -> Answer:
        """Make the CALL and see how it ends; `cut` as soon as the charge point has another connection than the one it was sent on.

        A gateway that is killed takes the CALL with it, and nobody else would tell before its time is up.
        """
        calling = asyncio.ensure_future(ask(self.commands, charge_point_key, outgoing))
        try:
            while not (await asyncio.wait({calling}, timeout=CONNECTION_SECONDS))[0]:
                async with self.engine.transaction(ENGINE) as session:
                    live = await self.facts.live.live(session, charge_point_key)
                if not calling.done() and live.epoch != outgoing.epoch:
                    return Answer("cut")
            return calling.result()
        finally:
            calling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({calling})

    async def read_all(self, charge_point: ChargePoint, version: str) -> dict[str | Variable, Known]:
        """Everything that it says of its settings; one that fails when asked for all is asked for the usual ones.

        Raises:
            UpstreamUnavailable: `charge_point_timeout`.
        """
        found = await (self._all_keys(charge_point) if version == "1.6" else self._report(charge_point))
        if found is not None:
            return found
        usual = (
            tuple(Setting("", "", key=key) for key in USUAL_KEYS)
            if version == "1.6"
            else tuple(Setting("", "", variable=variable) for variable in USUAL_VARIABLES)
        )
        step = await self.run(charge_point, replace(STANDARD_AC, settings=usual), DRY_RUN)
        evidence = step.evidence or {}
        places: dict[str, str | Variable] = (
            {key: key for key in USUAL_KEYS} if version == "1.6" else {one.label: one for one in USUAL_VARIABLES}
        )
        return {places[name]: one for name, one in known_of(evidence).items()}

    async def _all_keys(self, charge_point: ChargePoint) -> dict[str | Variable, Known] | None:
        """1.6 §5.8: GetConfiguration without keys. None where that fails."""
        outgoing = Outgoing("GetConfiguration", {}, repeatable=True, timeout_seconds=30)
        answer = await ask(self.commands, charge_point.key, outgoing)
        keys = answer.payload.get("configurationKey")
        if answer.kind != "result" or not keys:
            return None
        async with self.engine.transaction(ENGINE) as session:
            await remember(session, self.clock, charge_point, outgoing, answer)
        return {item["key"]: Known(item.get("value"), item.get("readonly", False)) for item in keys}

    async def _report(self, charge_point: ChargePoint) -> dict[str | Variable, Known] | None:
        """2.x B07: the full inventory, which comes in parts. None where it fails or is not complete in time."""
        request_id, since = secrets.randbelow(OURS_BELOW - 1) + 1, self.clock.now()
        payload = {"requestId": request_id, "reportBase": "FullInventory"}
        outgoing = Outgoing("GetBaseReport", payload, repeatable=True, timeout_seconds=30)
        answer = await ask(self.commands, charge_point.key, outgoing)
        if answer.payload.get("status") != "Accepted":
            return None
        for _ in range(round(REPORT_SECONDS / LOOK_SECONDS)):
            async with self.engine.transaction(ENGINE) as session:
                report = await self.device_model.reported(session, charge_point.key, request_id, since=since)
                if report is not None and report.is_complete:
                    variables = await self.device_model.variables(session, charge_point.key)
                    return {
                        Variable(one.component, one.variable, one.variable_instance or None): Known(
                            one.value, one.mutability == "ReadOnly", one.received_at
                        )
                        for one in variables
                        if one.evse_id == 0 and one.attribute == "Actual" and not one.component_instance
                    }
            await asyncio.sleep(LOOK_SECONDS)
        return None


def known_of(evidence: Mapping[str, Any]) -> dict[str, Known]:
    """What the configuration step found out, by label; keys that the charge point does not know are absent."""
    read_only, lacking = set(evidence["read_only_keys"]), set(evidence["unsupported"])
    return {name: Known(value, name in read_only) for name, value in evidence["values"].items() if name not in lacking}


def _ended(step: Step) -> Step:
    if not step.evidence:
        raise UpstreamUnavailable(step.detail or "", code="charge_point_timeout")
    return step
