"""SQL of webhook endpoints and deliveries."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.features.webhooks.model import Delivery, Endpoint
from sliproad.foundation.database import Row, Session, kept, visible_to


class EndpointRow(Row):
    __tablename__ = "webhook_endpoints"
    __table_args__ = ({"info": visible_to("organization")},)

    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), index=True)
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    description: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="active")
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class DeliveryRow(Row):
    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("webhook_deliveries_event_key", "endpoint_id", "event_id", unique=True),
        Index("webhook_deliveries_list_idx", "organization_id", "created_at", "delivery_id"),
        Index("webhook_deliveries_created_at_idx", "created_at", postgresql_using="brin"),
        {"info": visible_to("organization") | kept(30, since="created_at", where="status in ('delivered', 'failed')")},
    )

    delivery_id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.endpoint_id"))
    organization_id: Mapped[str]
    event_id: Mapped[str]
    event: Mapped[str]
    charge_point_key: Mapped[int | None] = mapped_column(BigInteger)
    body: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    last_status_code: Mapped[int | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]


def as_endpoint(row: EndpointRow) -> Endpoint:
    return Endpoint(
        row.endpoint_id, row.organization_id, row.url, tuple(row.events), row.description, row.status, row.created_at
    )


def as_delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        row.delivery_id,
        row.endpoint_id,
        row.event_id,
        row.event,
        row.status,
        row.attempts,
        row.last_status_code,
        row.last_error,
        row.created_at,
        row.next_attempt_at,
        row.delivered_at,
    )


async def endpoints(session: Session, organization_id: str) -> Sequence[EndpointRow]:
    """An organisation's endpoints, oldest first."""
    query = select(EndpointRow).where(EndpointRow.organization_id == organization_id, EndpointRow.removed_at.is_(None))
    return (await session.scalars(query.order_by(EndpointRow.created_at, EndpointRow.endpoint_id))).all()


async def endpoint(session: Session, organization_id: str, endpoint_id: str) -> EndpointRow | None:
    return await session.scalar(
        select(EndpointRow).where(
            EndpointRow.endpoint_id == endpoint_id,
            EndpointRow.organization_id == organization_id,
            EndpointRow.removed_at.is_(None),
        )
    )


async def subscriptions(session: Session) -> Sequence[tuple[str, list[str]]]:
    """(organization_id, events) of every active endpoint."""
    query = select(EndpointRow.organization_id, EndpointRow.events)
    rows = await session.execute(query.where(EndpointRow.status == "active", EndpointRow.removed_at.is_(None)))
    return [(organization_id, events) for organization_id, events in rows]


async def for_attempt(session: Session, delivery_id: str) -> tuple[DeliveryRow, EndpointRow] | None:
    """A delivery that still waits, with its endpoint, both locked against removal meanwhile."""
    row = (
        await session.execute(
            select(DeliveryRow, EndpointRow)
            .join(EndpointRow, EndpointRow.endpoint_id == DeliveryRow.endpoint_id)
            .where(DeliveryRow.delivery_id == delivery_id, DeliveryRow.status == "pending")
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


async def deliveries(
    session: Session,
    organization_id: str,
    *,
    endpoint_id: str | None,
    status: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[DeliveryRow]:
    """Newest first; `before` is the (created_at, delivery_id) that the last page ended with."""
    query = select(DeliveryRow).where(DeliveryRow.organization_id == organization_id)
    if endpoint_id:
        query = query.where(DeliveryRow.endpoint_id == endpoint_id)
    if status:
        query = query.where(DeliveryRow.status == status)
    if before:
        query = query.where(tuple_(DeliveryRow.created_at, DeliveryRow.delivery_id) < tuple_(*before))
    query = query.order_by(DeliveryRow.created_at.desc(), DeliveryRow.delivery_id.desc())
    return (await session.scalars(query.limit(limit))).all()


async def cancel_pending(session: Session, endpoint_id: str, reason: str) -> None:
    """Nothing more goes to an endpoint that was removed."""
    await session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.status == "pending")
        .values(status="failed", last_error=reason, next_attempt_at=None)
    )
