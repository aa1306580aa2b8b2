"""REST of the session's control: stop, pause, resume, restart, and the sessions that were (the reference; contract §3)."""

from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer, Manager, Viewer
from sliproad.features.commissioning import store, views
from sliproad.features.commissioning.control import CommissioningControl
from sliproad.features.commissioning.model import SessionStatus
from sliproad.features.commissioning.routes import ChargePointId, SessionAnswer, session_answer
from sliproad.foundation.web import PageQuery, RequestModel, Timestamp

INSTALLER = "/installer/commissioning/{charge_point_id}"
ORGANIZATION = "/cpo/charge-points/{charge_point_id}/commissioning"


class RestartRequest(RequestModel):
    """An empty body, or none, begins anew with the same template and options."""

    template_id: Annotated[str | None, Field(max_length=64, examples=["tpl_standard_ac_22kw"])] = None


class StoppedAnswer(BaseModel):
    charge_point_id: str
    session_id: str
    status: SessionStatus
    stopped_at: Timestamp


class PausedAnswer(BaseModel):
    charge_point_id: str
    session_id: str
    status: SessionStatus
    paused_at: Timestamp
    paused_at_step: str


class ResumedAnswer(BaseModel):
    charge_point_id: str
    session_id: str
    status: SessionStatus
    resumed_at: Timestamp
    resuming_at_step: str


class SessionList(BaseModel):
    charge_point_id: str
    sessions: list[SessionAnswer]
    total: int
    next_cursor: str | None


def stopped_answer(rows: store.Rows) -> StoppedAnswer:
    """What the reference prints."""
    row = rows[0]
    return StoppedAnswer(
        charge_point_id=row.charge_point_id,
        session_id=row.session_id,
        status=cast("SessionStatus", row.status),
        stopped_at=cast("datetime", row.stopped_at),
    )


def router(control: CommissioningControl) -> APIRouter:
    """The routes of control and history, for installers and for the organisation."""
    api = APIRouter(prefix="/api/v1", tags=["commissioning"])

    @api.post(f"{INSTALLER}/stop")
    async def stop(actor: Installer, charge_point_id: ChargePointId) -> StoppedAnswer:
        """End the active session, and a test transaction that it runs."""
        return stopped_answer(await control.stop(actor, charge_point_id))

    @api.post(f"{INSTALLER}/pause")
    async def pause(actor: Installer, charge_point_id: ChargePointId) -> PausedAnswer:
        """Hold the session at its current step; waits and time limits stand still."""
        rows = await control.pause(actor, charge_point_id)
        return PausedAnswer(
            charge_point_id=rows[0].charge_point_id,
            session_id=rows[0].session_id,
            status=cast("SessionStatus", rows[0].status),
            paused_at=cast("datetime", rows[0].paused_at),
            paused_at_step=views.current_step(rows) or "",
        )

    @api.post(f"{INSTALLER}/resume")
    async def resume(actor: Installer, charge_point_id: ChargePointId) -> ResumedAnswer:
        """Go on with the step that was held; a test transaction begins anew."""
        rows, resumed_at = await control.resume(actor, charge_point_id)
        return ResumedAnswer(
            charge_point_id=rows[0].charge_point_id,
            session_id=rows[0].session_id,
            status=cast("SessionStatus", rows[0].status),
            resumed_at=resumed_at,
            resuming_at_step=views.current_step(rows) or "",
        )

    @api.post(f"{INSTALLER}/restart", status_code=202)
    async def restart(
        actor: Installer, charge_point_id: ChargePointId, body: RestartRequest | None = None
    ) -> SessionAnswer:
        """Begin anew from the first step; the session before is stopped and stays readable by its id."""
        template_id = None if body is None else body.template_id
        return session_answer(await control.restart(actor, charge_point_id, template_id=template_id))

    @api.get(f"{INSTALLER}/sessions")
    async def sessions(actor: Installer, charge_point_id: ChargePointId, page: PageQuery) -> SessionList:
        """Every session of a charge point, newest first."""
        found, total, cursor = await control.sessions(actor, charge_point_id, page)
        return _list(charge_point_id, found, total, cursor)

    @api.get(f"{INSTALLER}/sessions/{{session_id}}")
    async def session(actor: Installer, charge_point_id: ChargePointId, session_id: str) -> SessionAnswer:
        """One session, however old."""
        return session_answer(await control.session(actor, charge_point_id, session_id))

    @api.post(f"{ORGANIZATION}/stop")
    async def stop_as_organization(actor: Manager, charge_point_id: ChargePointId) -> StoppedAnswer:
        """The organisation ends the session of its charge point."""
        return stopped_answer(await control.stop(actor, charge_point_id))

    @api.get(f"{ORGANIZATION}/sessions")
    async def sessions_as_organization(actor: Viewer, charge_point_id: ChargePointId, page: PageQuery) -> SessionList:
        """Every session of the organisation's charge point, newest first."""
        found, total, cursor = await control.sessions(actor, charge_point_id, page)
        return _list(charge_point_id, found, total, cursor)

    return api


def _list(charge_point_id: str, found: list[store.Rows], total: int, cursor: str | None) -> SessionList:
    sessions = [session_answer(rows) for rows in found]
    return SessionList(charge_point_id=charge_point_id, sessions=sessions, total=total, next_cursor=cursor)
