"""What commissioning found, for those who ask without working on it: projects (checklist) and handover (certificate).

Wiring hands this to `projects`, an earlier room, as its `CommissioningFacts`; it therefore needs no other service.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sliproad.features.commissioning import store
from sliproad.features.projects.model import PlatformCheck
from sliproad.foundation.database import Session

STARRED = {"ocpp_connection": "connectivity", "heartbeat": "heartbeat", "meter_calibration": "meter_calibration"}
"""The checklist's items that the platform fills, and the steps that prove them."""


@dataclass(frozen=True, slots=True)
class StepSummary:
    """One step as it ended (or stands)."""

    name: str
    status: str
    detail: str | None
    duration_ms: int | None
    value: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """The newest session of a charge point."""

    session_id: str
    charge_point_key: int
    template_id: str
    status: str
    result: str | None
    notes: str | None
    started_at: datetime
    completed_at: datetime | None
    steps: tuple[StepSummary, ...]
    test_energy_wh: int | None
    """What the test transaction delivered, by the register."""

    @property
    def firmware_version(self) -> str | None:
        """The version that the session recorded."""
        return next((step.value for step in self.steps if step.name == "firmware_version"), None)


class CommissioningRecords:
    """Reads inside the caller's transaction; row-level security decides what it sees."""

    async def summaries(self, session: Session, charge_point_keys: Sequence[int]) -> dict[int, SessionSummary]:
        """The newest session of each charge point that has one, by key."""
        return {
            row.charge_point_key: _summary((row, steps))
            for row, steps in await store.latest_sessions(session, charge_point_keys)
        }

    async def platform_checks(
        self, session: Session, charge_point_keys: Sequence[int]
    ) -> Mapping[int, Mapping[str, PlatformCheck]]:
        """The starred checklist items of each charge point, as its newest session proved them."""
        summaries = await self.summaries(session, charge_point_keys)
        return {key: _checks(summary) for key, summary in summaries.items()}


def _summary(rows: store.Rows) -> SessionSummary:
    row, steps = rows
    energy = next(
        (step.evidence["energy_wh"] for step in steps if step.evidence and "energy_wh" in step.evidence), None
    )
    return SessionSummary(
        session_id=row.session_id,
        charge_point_key=row.charge_point_key,
        template_id=row.template_id,
        status=row.status,
        result=row.result,
        notes=row.notes,
        started_at=row.started_at,
        completed_at=row.completed_at,
        steps=tuple(
            StepSummary(one.name, one.status, one.detail, one.duration_ms, one.value, one.finished_at) for one in steps
        ),
        test_energy_wh=energy,
    )


def _checks(summary: SessionSummary) -> dict[str, PlatformCheck]:
    steps = {step.name: step for step in summary.steps}
    checks: dict[str, PlatformCheck] = {}
    for item, name in STARRED.items():
        if (step := steps.get(name)) is not None:
            checks[item] = PlatformCheck(
                done=step.status == "passed",
                done_at=step.finished_at if step.status == "passed" else None,
                note=step.detail,
                applicable=not (name == "meter_calibration" and step.status == "skipped"),
            )
    return checks
