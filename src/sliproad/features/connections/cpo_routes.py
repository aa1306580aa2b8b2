"""`/api/v1/cpo/…`: what an organisation sees of its sites' operators."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Viewer
from sliproad.features.connections.model import Change, ConnectionState
from sliproad.features.connections.overview import ConnectionOverview
from sliproad.foundation.web import PageQuery, Timestamp


class ConnectionAnswer(BaseModel):
    charge_point_id: str
    serial_number: str
    version: str | None
    state: str = Field(description="`pending`, `connecting`, `connected`, `failed` or `off`.", examples=["connected"])
    reason: str | None
    state_since: Timestamp | None
    connected_at: Timestamp | None


class SiteConnectionsAnswer(BaseModel):
    site_id: str
    operator_id: str | None
    operator_name: str | None
    connections: list[ConnectionAnswer]
    total: int


class ConnectionChange(BaseModel):
    at: Timestamp
    actor: str
    change: str
    operator_id: str
    site_id: str | None
    charge_point_id: str | None
    serial_number: str | None
    from_version: str | None
    to_version: str | None
    details: dict[str, Any]


class ConnectionChangeList(BaseModel):
    changes: list[ConnectionChange]
    next_cursor: str | None


def router(overview: ConnectionOverview) -> APIRouter:
    """The organisation's routes."""
    api = APIRouter(prefix="/api/v1/cpo", tags=["Sites"])

    @api.get("/sites/{site_id}/connections")
    async def site_connections(actor: Viewer, site_id: str) -> SiteConnectionsAnswer:
        """How the charge points of a site are connected to its operator's server."""
        found = await overview.site(actor, site_id)
        return SiteConnectionsAnswer(
            site_id=site_id,
            operator_id=found.site.operator_id,
            operator_name=found.operator_name,
            connections=[connection_answer(state) for state in found.states],
            total=len(found.states),
        )

    @api.get("/connection-changes")
    async def connection_changes(actor: Viewer, page: PageQuery) -> ConnectionChangeList:
        """Who changed what about connections to operators' servers, newest first."""
        found, next_cursor = await overview.changes(actor, page)
        return ConnectionChangeList(changes=[change_answer(change) for change in found], next_cursor=next_cursor)

    return api


def connection_answer(state: ConnectionState) -> ConnectionAnswer:
    return ConnectionAnswer(
        charge_point_id=state.charge_point_id,
        serial_number=state.serial_number,
        version=state.version_id,
        state=state.state,
        reason=state.reason,
        state_since=state.state_at,
        connected_at=state.connected_at,
    )


def change_answer(change: Change) -> ConnectionChange:
    return ConnectionChange(
        at=change.at,
        actor=change.actor,
        change=change.change,
        operator_id=change.operator_id,
        site_id=change.site_id,
        charge_point_id=change.charge_point_id,
        serial_number=change.serial_number,
        from_version=change.from_version_id,
        to_version=change.to_version_id,
        details=change.details or {},
    )
