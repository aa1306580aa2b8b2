"""REST of commissioning: the reference's start and status for installers, the same session for the organisation.

Answers are the union of the reference's and the guide's (contract §3, "One `start`, two documents").
"""

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer, Viewer
from sliproad.features.commissioning import store, views, workflow
from sliproad.features.commissioning.model import Options, SessionStatus, StepStatus
from sliproad.features.commissioning.service import CommissioningService
from sliproad.foundation.web import RequestModel, Timestamp

Result = Literal["passed", "failed"]
CheckStatus = Literal["pending", "in_progress", "passed", "failed", "skipped"]
ChargePointId = Annotated[str, Path(max_length=64, examples=["CP-SITE42-001"])]


class StartRequest(RequestModel):
    """All of it is optional; an empty body, or none, starts with the default template of the model."""

    template_id: Annotated[str | None, Field(max_length=64, examples=["tpl_standard_ac_22kw"])] = None
    skip_test_transaction: bool = False
    run_connectivity_test: bool = True
    run_meter_calibration: bool = False
    notes: Annotated[str | None, Field(max_length=4000, examples=["Underground car park, check signal."])] = None


class StepAnswer(BaseModel):
    name: str
    status: StepStatus
    duration_ms: int | None
    detail: str | None


class CheckAnswer(BaseModel):
    name: str
    status: CheckStatus
    value: str | None
    detail: str | None


class SessionAnswer(BaseModel):
    charge_point_id: str
    session_id: str
    commissioning_id: str
    """The same as `session_id`."""
    status: SessionStatus
    result: Result | None
    template_id: str
    notes: str | None
    started_at: Timestamp
    completed_at: Timestamp | None
    paused_at: Timestamp | None
    stopped_at: Timestamp | None
    commissioned_at: Timestamp | None
    estimated_duration_seconds: int
    current_step: str | None
    waiting_for: str | None
    """What the session waits for, such as a vehicle to be plugged in; completes "Waiting for …"."""
    steps: list[StepAnswer]
    checks: list[CheckAnswer]


def session_answer(rows: store.Rows) -> SessionAnswer:
    """A session in the union form."""
    row = rows[0]
    return SessionAnswer(
        charge_point_id=row.charge_point_id,
        session_id=row.session_id,
        commissioning_id=row.session_id,
        status=cast("SessionStatus", row.status),
        result=cast("Result | None", row.result),
        template_id=row.template_id,
        notes=row.notes,
        started_at=row.started_at,
        completed_at=row.completed_at,
        paused_at=row.paused_at,
        stopped_at=row.stopped_at,
        commissioned_at=row.commissioned_at,
        estimated_duration_seconds=workflow.estimated_duration_seconds(store.session_of(rows, store.template_of(row))),
        current_step=views.current_step(rows),
        waiting_for=row.waiting_for,
        steps=[StepAnswer(**step) for step in views.steps(rows)],
        checks=[CheckAnswer(**check) for check in views.checks(rows)],
    )


def router(service: CommissioningService) -> APIRouter:
    """The routes of commissioning."""
    api = APIRouter(prefix="/api/v1", tags=["commissioning"])

    @api.post("/installer/commissioning/{charge_point_id}/start", status_code=202)
    async def start(
        actor: Installer, charge_point_id: ChargePointId, body: StartRequest | None = None
    ) -> SessionAnswer:
        """Begin to commission a charge point. Poll the status, or wait for the webhook `commissioning.completed`."""
        wanted = body or StartRequest()
        options = Options(
            skip_test_transaction=wanted.skip_test_transaction,
            run_connectivity_test=wanted.run_connectivity_test,
            run_meter_calibration=wanted.run_meter_calibration,
        )
        return session_answer(
            await service.start(actor, charge_point_id, options, template_id=wanted.template_id, notes=wanted.notes)
        )

    @api.get("/installer/commissioning/{charge_point_id}/status")
    async def status(actor: Installer, charge_point_id: ChargePointId) -> SessionAnswer:
        """The active session of a charge point, or its newest."""
        return session_answer(await service.status(actor, charge_point_id))

    @api.post("/installer/charge-points/{charge_point_id}/commission")
    async def commission(actor: Installer, charge_point_id: ChargePointId) -> SessionAnswer:
        """Put a charge point live whose newest session passed, where the project does not do so by itself."""
        return session_answer(await service.commission(actor, charge_point_id))

    @api.get("/cpo/charge-points/{charge_point_id}/commissioning")
    async def read(actor: Viewer, charge_point_id: ChargePointId) -> SessionAnswer:
        """The organisation's view of the active or newest session."""
        return session_answer(await service.status(actor, charge_point_id))

    return api
