"""`/api/v1/cpo/charge-points/{id}/messages`: the frame log of a charge point, for its organisation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from sliproad.features.accounts.guards import Viewer
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.frame_log.service import FrameLogService, MessageFilter, OcppMessage
from sliproad.foundation.database import Database
from sliproad.foundation.web import PageQuery, Timestamp, query_of


class MessageAnswer(BaseModel):
    """A frame. Of a charge point's call, `answer_kind` and `error_code` tell how we answered it; secrets are taken out."""

    at: Timestamp
    direction: Literal["in", "out"] = Field(description="`in` comes from the charge point.")
    kind: str = Field(examples=["call"])
    message_id: str
    action: str
    payload: Any
    answer_kind: str | None
    error_code: str | None
    duration_ms: float | None


class MessageList(BaseModel):
    charge_point_id: str
    messages: list[MessageAnswer]
    next_cursor: str | None


@dataclass(frozen=True)
class MessageQuery:
    """What narrows the list. `since` is included, `until` is not."""

    action: Annotated[str | None, Query(max_length=50)] = None
    direction: Annotated[Literal["in", "out"] | None, Query()] = None
    since: Annotated[AwareDatetime | None, Query()] = None
    until: Annotated[AwareDatetime | None, Query()] = None
    message_id: Annotated[str | None, Query(max_length=36)] = None

    @property
    def selection(self) -> MessageFilter:
        since: datetime | None = self.since
        return MessageFilter(self.action, self.direction, since, self.until, self.message_id)


def message_answer(message: OcppMessage) -> MessageAnswer:
    return MessageAnswer(**{name: getattr(message, name) for name in MessageAnswer.model_fields})


def router(database: Database, frames: FrameLogService, registry: RegistryService) -> APIRouter:
    """The organisation's route of messages; `database` speaks as role `web`."""
    api = APIRouter(prefix="/api/v1/cpo/charge-points/{charge_point_id}/messages", tags=["Charge points"])

    @api.get("")
    async def list_messages(
        actor: Viewer,
        page: PageQuery,
        charge_point_id: str,
        query: Annotated[MessageQuery, Depends(query_of(MessageQuery))],
    ) -> MessageList:
        """Every frame exchanged with the charge point, newest first."""
        async with database.transaction(actor.scope) as session:
            charge_point = await registry.of_organization(session, actor, charge_point_id)
            found, next_cursor = await frames.messages_page(session, charge_point.key, page, query.selection)
        return MessageList(
            charge_point_id=charge_point_id,
            messages=[message_answer(message) for message in found],
            next_cursor=next_cursor,
        )

    return api
