"""`/api/v1/cpo/charge-points`: an organisation's charge points, their live state, connectors and boot policy."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from sliproad.features.accounts.guards import Manager, Viewer
from sliproad.features.charge_points import answers
from sliproad.features.charge_points.answers import (
    ConnectorAnswer,
    ListedChargePointAnswer,
    LiveAnswer,
    MoveAnswer,
    StatusWord,
)
from sliproad.features.charge_points.attempts import AttemptService
from sliproad.features.charge_points.model import Selection
from sliproad.features.charge_points.service import ListedChargePoint, RegistryService
from sliproad.foundation.web import PageQuery, RequestModel, query_of


class ChargePointList(BaseModel):
    charge_points: list[ListedChargePointAnswer]
    total: int
    next_cursor: str | None


class ChargePointDetail(ListedChargePointAnswer):
    """A charge point, its live state, and the projects it was in before."""

    live: LiveAnswer
    moves: list[MoveAnswer]


class ConnectorList(BaseModel):
    charge_point_id: str
    connectors: list[ConnectorAnswer]
    total: int


class ChargePointChange(RequestModel):
    """What its BootNotifications are answered from now on."""

    boot_policy: Literal["accepted", "pending", "rejected"]


Filter = Annotated[str | None, Query(max_length=200)]


@dataclass(frozen=True)
class ListQuery:
    """What narrows the list."""

    project_id: Filter = None
    site_id: Filter = None
    status: Annotated[StatusWord | None, Query()] = None
    connected: Annotated[bool | None, Query()] = None
    serial_number: Filter = None
    q: Annotated[str | None, Query(max_length=200, description="In id, serial, vendor, model or place.")] = None

    @property
    def selection(self) -> Selection:
        return Selection(
            project_id=self.project_id,
            site_id=self.site_id,
            status=self.status,
            connected=self.connected,
            serial_number=self.serial_number,
            text=self.q,
        )


def router(registry: RegistryService, attempts: AttemptService) -> APIRouter:
    """The organisation's routes of charge points."""
    api = APIRouter(prefix="/api/v1/cpo/charge-points", tags=["Charge points"])

    def listed(found: ListedChargePoint) -> ListedChargePointAnswer:
        return answers.listed_answer(found.charge_point, found.live, registry.address(found.charge_point))

    @api.get("")
    async def list_charge_points(
        actor: Viewer,
        page: PageQuery,
        query: Annotated[ListQuery, Depends(query_of(ListQuery))],
    ) -> ChargePointList:
        """The organisation's charge points, newest first."""
        found = await registry.page(actor, query.selection, page)
        return ChargePointList(
            charge_points=[listed(each) for each in found.items], total=found.total, next_cursor=found.next_cursor
        )

    @api.get("/{charge_point_id}")
    async def read_charge_point(actor: Viewer, charge_point_id: str) -> ChargePointDetail:
        """One charge point."""
        found, moves = await registry.detail(actor, charge_point_id)
        return ChargePointDetail(
            **listed(found).model_dump(),
            live=answers.live_answer(charge_point_id, found.live),
            moves=[answers.move_answer(move) for move in moves],
        )

    @api.patch("/{charge_point_id}")
    async def change_charge_point(actor: Manager, charge_point_id: str, body: ChargePointChange) -> ChargePointDetail:
        """Set its boot policy; the gateways know within a second."""
        await registry.set_boot_policy(actor, charge_point_id, body.boot_policy)
        return await read_charge_point(actor, charge_point_id)

    @api.get("/{charge_point_id}/live")
    async def read_live(actor: Viewer, charge_point_id: str) -> LiveAnswer:
        """Whether it is connected, when it was last seen, what it booted with, how its clock is."""
        found, _ = await registry.detail(actor, charge_point_id)
        return answers.live_answer(charge_point_id, found.live)

    @api.get("/{charge_point_id}/connectors")
    async def list_connectors(actor: Viewer, charge_point_id: str) -> ConnectorList:
        """What its connectors reported last."""
        found = [answers.connector_answer(each) for each in await registry.connectors(actor, charge_point_id)]
        return ConnectorList(charge_point_id=charge_point_id, connectors=found, total=len(found))

    @api.get("/{charge_point_id}/connection-attempts")
    async def list_connection_attempts(actor: Viewer, charge_point_id: str) -> answers.AttemptList:
        """What is wrong with its connection and what to do now; its attempts to connect, newest first."""
        charge_point, addresses = await registry.for_attempts(actor, charge_point_id)
        return answers.attempts_answer(charge_point_id, await attempts.report(charge_point, asked_from=addresses))

    return api
