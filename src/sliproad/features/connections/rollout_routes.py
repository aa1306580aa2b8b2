"""`/local-ocpp/v1/operators/{operatorId}/rollouts`: a version goes to a site wave after wave. An extension of OPER."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from sliproad.features.connections.answers import OperAnswer, OperBody
from sliproad.features.connections.rollout_driver import live_subject
from sliproad.features.connections.rollouts import Plan, Rollout, Rollouts
from sliproad.features.connections.routes import PREFIX, Own
from sliproad.features.connections.store import ConnectionRolloutItemRow, ConnectionRolloutRow
from sliproad.foundation.web import PageQuery, Timestamp, live

WaveSize = Annotated[int, Field(ge=1, le=10_000)]


class RolloutBody(OperBody):
    site_id: str = Field(min_length=1, max_length=100)
    version: str = Field(min_length=1, max_length=100, examples=["ocv_01hx1a2b3c4d5e6f7g8h"])
    waves: list[WaveSize] = Field(
        default=[1, 10], min_length=1, max_length=50, description="Sizes of the waves; the last one goes on to the end."
    )
    max_failures: int = Field(default=0, ge=0, le=10_000, description="With more than these it stops.")
    wait_seconds: int = Field(
        default=300, ge=5, le=86_400, description="A charger that is not connected by then has failed."
    )

    @property
    def plan(self) -> Plan:
        return Plan(tuple(self.waves), self.max_failures, self.wait_seconds)


class RolloutSummary(OperAnswer):
    rollout_id: str = Field(examples=["rol_01hx1a2b3c4d5e6f7g8h"])
    site_id: str
    version: str
    state: str = Field(
        description="`running`, `paused`, `stopped`, `completed` or `rolled_back`.", examples=["running"]
    )
    reason: str | None = Field(description="Why it stopped.")
    wave: int
    max_failures: int
    wait_seconds: int
    created_at: Timestamp
    finished_at: Timestamp | None


class RolloutItemAnswer(OperAnswer):
    serial_number: str
    id: str = Field(description="The charge point's id at this platform.")
    wave: int
    state: str = Field(
        description="`waiting`, `applied`, `connected`, `failed` or `rolled_back`.", examples=["applied"]
    )
    reason: str | None
    previous_version: str | None
    state_since: Timestamp


class RolloutAnswer(RolloutSummary):
    states: dict[str, int] = Field(description="How many chargers are in which state.")
    chargers: list[RolloutItemAnswer]


class RolloutsAnswer(OperAnswer):
    rollouts: list[RolloutSummary]
    next_cursor: str | None


def router(rollouts: Rollouts) -> APIRouter:
    """Begin, watch, pause, resume, roll back."""
    api = APIRouter(prefix=f"{PREFIX}/rollouts", tags=["operator connections"])

    @api.post("", status_code=201)
    async def start_rollout(actor: Own, body: RolloutBody) -> RolloutAnswer:
        """Apply an operator-level version to a site wave after wave, and stop when too many fail."""
        return rollout_answer(await rollouts.start(actor, body.site_id, body.version, body.plan))

    @api.get("")
    async def list_rollouts(
        actor: Own, page: PageQuery, site_id: Annotated[str | None, Query(alias="siteId", max_length=100)] = None
    ) -> RolloutsAnswer:
        """Your roll-outs, newest first."""
        rows, next_cursor = await rollouts.page(actor, site_id, page)
        return RolloutsAnswer(rollouts=[summary(row) for row in rows], next_cursor=next_cursor)

    @api.get("/{rollout_id}")
    async def read_rollout(actor: Own, rollout_id: str) -> RolloutAnswer:
        """A roll-out with its chargers."""
        return rollout_answer(await rollouts.read(actor, rollout_id))

    @api.get("/{rollout_id}/events", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}})
    async def watch_rollout(actor: Own, rollout_id: str, request: Request) -> Response:
        """The same as server-sent events: one whenever something changed, until it is over."""

        async def look() -> live.Look:
            await request.app.state.guards.operator(request)  # a key that was revoked meanwhile ends it
            found = rollout_answer(await rollouts.read(actor, rollout_id))
            return live.Look(found.model_dump_json(by_alias=True), found.finished_at is not None)

        return await live.answer(request, look, subject=live_subject(rollout_id))

    @api.post("/{rollout_id}/pause")
    async def pause_rollout(actor: Own, rollout_id: str) -> RolloutAnswer:
        """Begin no further wave."""
        return rollout_answer(await rollouts.pause(actor, rollout_id))

    @api.post("/{rollout_id}/resume")
    async def resume_rollout(actor: Own, rollout_id: str) -> RolloutAnswer:
        """Go on; what failed is tried again."""
        return rollout_answer(await rollouts.resume(actor, rollout_id))

    @api.post("/{rollout_id}/roll-back")
    async def roll_back(actor: Own, rollout_id: str) -> RolloutAnswer:
        """Give every charger that it has changed the version of before, or switch it off where it had none."""
        return rollout_answer(await rollouts.roll_back(actor, rollout_id))

    return api


def summary(row: ConnectionRolloutRow) -> RolloutSummary:
    return RolloutSummary(
        rollout_id=row.rollout_id,
        site_id=row.site_id,
        version=row.version_id,
        state=row.state,
        reason=row.reason,
        wave=row.wave,
        max_failures=row.most_failures,
        wait_seconds=row.wait_seconds,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def rollout_answer(rollout: Rollout) -> RolloutAnswer:
    states: dict[str, int] = {}
    for item in rollout.items:
        states[item.state] = states.get(item.state, 0) + 1
    return RolloutAnswer(
        **summary(rollout.row).model_dump(), states=states, chargers=[item_answer(item) for item in rollout.items]
    )


def item_answer(item: ConnectionRolloutItemRow) -> RolloutItemAnswer:
    return RolloutItemAnswer(
        serial_number=item.serial_number,
        id=item.charge_point_id,
        wave=item.wave,
        state=item.state,
        reason=item.reason,
        previous_version=item.previous_version_id,
        state_since=item.state_at,
    )
