"""REST of whole projects: `commission-all`, and how far commissioning is at each charge point; for installers and organisations."""

from typing import Annotated, cast

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer, Manager, Viewer
from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.charge_points.service import ListedChargePoint
from sliproad.features.commissioning import store, views
from sliproad.features.commissioning.batch import STARTED, BatchCommissioning, ProjectProgress, Start
from sliproad.features.commissioning.model import Options, SessionStatus
from sliproad.features.commissioning.routes import Result, StartRequest
from sliproad.foundation.web import Page, PageQuery, Timestamp

ProjectId = Annotated[str, Path(max_length=64, examples=["proj_2k4m6n8p0q2r4s6t8v0w"])]
FINISHED = frozenset({"passed", "failed", "skipped"})


class StartRow(BaseModel):
    """`session_id` is the new session's, or that of the one which runs already."""

    charge_point_id: str
    serial_number: str
    outcome: str = Field(
        description="`started`, `already_commissioned`, `session_already_running`, `not_connected`; in rare races `not_found`."
    )
    session_id: str | None
    detail: str | None


class BatchAnswer(BaseModel):
    project_id: str
    total: int
    started: int
    results: list[StartRow]


class ProgressCounts(BaseModel):
    """Charge points of the whole project by commissioning status, and how many are connected now."""

    total: int
    not_started: int
    in_progress: int
    failed: int
    completed: int
    connected: int


class ProgressRow(BaseModel):
    """A charge point with its active, else its newest session; null where there was none."""

    charge_point_id: str
    serial_number: str
    connected: bool
    commissioning_status: str = Field(examples=["in_progress"])
    session_id: str | None
    status: SessionStatus | None
    result: Result | None
    current_step: str | None
    waiting_for: str | None
    steps_finished: int
    steps_total: int
    failed_step: str | None
    detail: str | None = Field(description="The sentence of the step that failed.")
    started_at: Timestamp | None
    completed_at: Timestamp | None


class ProgressAnswer(BaseModel):
    project_id: str
    counts: ProgressCounts
    charge_points: list[ProgressRow]
    total: int
    next_cursor: str | None


def router(batch: BatchCommissioning) -> APIRouter:
    """The same two for both."""
    api = APIRouter(prefix="/api/v1", tags=["commissioning"])

    async def start_all(
        actor: InstallerActor | OrganizationActor, project_id: str, body: StartRequest | None
    ) -> BatchAnswer:
        wanted = body or StartRequest()
        options = Options(
            skip_test_transaction=wanted.skip_test_transaction,
            run_connectivity_test=wanted.run_connectivity_test,
            run_meter_calibration=wanted.run_meter_calibration,
        )
        return started_answer(
            project_id,
            await batch.start_all(actor, project_id, options, template_id=wanted.template_id, notes=wanted.notes),
        )

    async def progress(actor: InstallerActor | OrganizationActor, project_id: str, page: Page) -> ProgressAnswer:
        return progress_answer(project_id, await batch.progress(actor, project_id, page))

    @api.post("/installer/projects/{project_id}/commission-all", status_code=202)
    async def commission_all(actor: Installer, project_id: ProjectId, body: StartRequest | None = None) -> BatchAnswer:
        """Begin to commission every charge point of the project that is connected and not live yet."""
        return await start_all(actor, project_id, body)

    @api.get("/installer/projects/{project_id}/commissioning")
    async def read_progress(actor: Installer, project_id: ProjectId, page: PageQuery) -> ProgressAnswer:
        """How far commissioning is at each charge point, newest first."""
        return await progress(actor, project_id, page)

    @api.post("/cpo/projects/{project_id}/commission-all", status_code=202)
    async def commission_all_as_organization(
        actor: Manager, project_id: ProjectId, body: StartRequest | None = None
    ) -> BatchAnswer:
        """Begin to commission every charge point of the project that is connected and not live yet."""
        return await start_all(actor, project_id, body)

    @api.get("/cpo/projects/{project_id}/commissioning")
    async def read_progress_as_organization(actor: Viewer, project_id: ProjectId, page: PageQuery) -> ProgressAnswer:
        """How far commissioning is at each charge point, newest first."""
        return await progress(actor, project_id, page)

    return api


def started_answer(project_id: str, starts: list[Start]) -> BatchAnswer:
    """A row per charge point."""
    rows = [
        StartRow(
            charge_point_id=start.found.charge_point.charge_point_id,
            serial_number=start.found.charge_point.serial_number,
            outcome=start.outcome,
            session_id=start.session_id,
            detail=start.detail,
        )
        for start in starts
    ]
    started = sum(row.outcome == STARTED for row in rows)
    return BatchAnswer(project_id=project_id, total=len(rows), started=started, results=rows)


def progress_answer(project_id: str, found: ProjectProgress) -> ProgressAnswer:
    """Counts over the project, and a page of its charge points."""
    statuses = ("not_started", "in_progress", "failed", "completed")
    counts = {status: found.counts.get(status, 0) for status in statuses}
    return ProgressAnswer(
        project_id=project_id,
        counts=ProgressCounts(total=found.page.total, connected=found.connected, **counts),
        charge_points=[progress_row(each, found.sessions.get(each.charge_point.key)) for each in found.page.items],
        total=found.page.total,
        next_cursor=found.page.next_cursor,
    )


def progress_row(found: ListedChargePoint, rows: store.Rows | None) -> ProgressRow:
    """One charge point and what its session is at."""
    row, steps = rows or (None, [])
    failed = next((step for step in steps if step.status == "failed"), None)
    return ProgressRow(
        charge_point_id=found.charge_point.charge_point_id,
        serial_number=found.charge_point.serial_number,
        connected=found.live.connected,
        commissioning_status=found.charge_point.commissioning_status,
        session_id=row.session_id if row else None,
        status=cast("SessionStatus", row.status) if row else None,
        result=cast("Result | None", row.result) if row else None,
        current_step=views.current_step(rows) if rows else None,
        waiting_for=row.waiting_for if row else None,
        steps_finished=sum(step.status in FINISHED for step in steps),
        steps_total=len(steps),
        failed_step=failed.name if failed else None,
        detail=failed.detail if failed else None,
        started_at=row.started_at if row else None,
        completed_at=row.completed_at if row else None,
    )
