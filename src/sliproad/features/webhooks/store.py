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
from sliproad.foundation.ids import new_id


class EndpointRow(Row):
    __tablename__ = "webhook_endpoints"
    __table_args__ = ({"info": visible_to("organization")},)

    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.organization_id"), index=True)
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    previous_secret_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The secret of before a rotation; it signs too until `previous_secret_expires_at`."""
    previous_secret_expires_at: Mapped[datetime | None]
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
    turn: Mapped[int] = mapped_column(server_default=text("0"))
    """Goes up when a delivery is begun anew (redelivery, resumption): jobs that were planned before are void."""
    attempts_before: Mapped[int] = mapped_column(server_default=text("0"))
    """Attempts of earlier turns: waits grow from the beginning again."""
    begun_at: Mapped[datetime]
    """When this turn began; it ends three days later."""
    last_status_code: Mapped[int | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]


def as_endpoint(row: EndpointRow) -> Endpoint:
    return Endpoint(
        row.endpoint_id,
        row.organization_id,
        row.url,
        tuple(row.events),
        row.description,
        row.status,
        row.created_at,
        row.previous_secret_expires_at,
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


async def endpoint(
    session: Session, organization_id: str, endpoint_id: str, *, lock: bool = False
) -> EndpointRow | None:
    """One of an organisation's endpoints; `lock` holds it until the transaction ends."""
    query = select(EndpointRow).where(
        EndpointRow.endpoint_id == endpoint_id,
        EndpointRow.organization_id == organization_id,
        EndpointRow.removed_at.is_(None),
    )
    return await session.scalar(query.with_for_update() if lock else query)


SUBSCRIPTIONS = "select organization_id, events from webhook_endpoints where status = 'active' and removed_at is null"
"""Of every active endpoint; gateways ask it every second (`Database.ask`)."""


async def for_attempt(
    session: Session, delivery_id: str, *, lock: bool = False
) -> tuple[DeliveryRow, EndpointRow] | None:
    """A delivery that still waits, with its endpoint; `lock` holds both until the transaction ends."""
    query = (
        select(DeliveryRow, EndpointRow)
        .join(EndpointRow, EndpointRow.endpoint_id == DeliveryRow.endpoint_id)
        .where(DeliveryRow.delivery_id == delivery_id, DeliveryRow.status == "pending")
    )
    row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
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


async def delivery(
    session: Session, organization_id: str, delivery_id: str, *, lock: bool = False
) -> DeliveryRow | None:
    """One of an organisation's deliveries; `lock` holds it until the transaction ends."""
    query = select(DeliveryRow).where(
        DeliveryRow.delivery_id == delivery_id, DeliveryRow.organization_id == organization_id
    )
    return await session.scalar(query.with_for_update() if lock else query)


def new_delivery(
    endpoint: EndpointRow, event_id: str, event: str, body: str, now: datetime, *, charge_point_key: int | None = None
) -> DeliveryRow:
    """A delivery to `endpoint`, due now."""
    return DeliveryRow(
        delivery_id=new_id("dlv"),
        endpoint_id=endpoint.endpoint_id,
        organization_id=endpoint.organization_id,
        event_id=event_id,
        event=event,
        charge_point_key=charge_point_key,
        body=body,
        status="pending",
        attempts=0,
        attempts_before=0,
        turn=0,
        created_at=now,
        begun_at=now,
        next_attempt_at=now,
    )


def begin_anew(row: DeliveryRow, now: datetime) -> None:
    """A new turn: due now, with three days and short waits before it; jobs that were planned before are void."""
    row.status, row.turn, row.begun_at, row.next_attempt_at = "pending", row.turn + 1, now, now
    row.attempts_before, row.delivered_at = row.attempts, None


async def pending(session: Session, endpoint_id: str) -> Sequence[DeliveryRow]:
    """What waits for an endpoint, oldest first, locked."""
    query = select(DeliveryRow).where(DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.status == "pending")
    return (
        await session.scalars(query.order_by(DeliveryRow.created_at, DeliveryRow.delivery_id).with_for_update())
    ).all()


async def cancel_pending(session: Session, endpoint_id: str, reason: str) -> None:
    """Nothing more goes to an endpoint that was removed."""
    await session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.endpoint_id == endpoint_id, DeliveryRow.status == "pending")
        .values(status="failed", last_error=reason, next_attempt_at=None)
    )
