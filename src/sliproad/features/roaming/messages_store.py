"""SQL of messages that the hub sends: pushes that wait or were sent, requests it carried, and addresses to which results come back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, Session, kept, visible_to


class MessageRow(Row):
    """One request to one party of a platform.

    Those that wait are pushes of the hub's own, each tried once (OCPI 2.2.1 §4.4: not queued), in the order of its platform.
    """

    __tablename__ = "ocpi_messages"
    __table_args__ = (
        Index(
            "ocpi_messages_waiting_idx", "connection_id", "message_number", postgresql_where=text("status = 'pending'")
        ),
        Index("ocpi_messages_created_at_idx", "created_at", postgresql_using="brin"),
        {"info": visible_to("engine") | kept(14, since="created_at", where="status <> 'pending'")},
    )

    message_number: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    connection_id: Mapped[str]
    """Of the receiver."""
    sender: Mapped[str | None]
    receiver: Mapped[str | None]
    """Parties such as `NL*ABC`; none on configuration modules."""
    module: Mapped[str]
    method: Mapped[str]
    url: Mapped[str]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
    status: Mapped[str]
    """`pending`, then `delivered`, `refused` by the receiver, `failed` on the way, or `dropped` since the receiver is away."""
    http_status: Mapped[int | None]
    status_code: Mapped[int | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]


class CallbackRow(Row):
    """An address of ours that was given in the place of a party's `response_url`: random, used once, bound to whom it was given."""

    __tablename__ = "ocpi_callbacks"
    __table_args__ = ({"info": visible_to("engine") | kept(1, since="expires_at")},)

    callback_hash: Mapped[str] = mapped_column(primary_key=True)
    module: Mapped[str]
    given_to: Mapped[str]
    """The connection that may use it."""
    connection_id: Mapped[str]
    """Whose `response_url` it stands for."""
    sender: Mapped[str]
    receiver: Mapped[str]
    response_url: Mapped[str]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


async def waiting(session: Session, connection_id: str, limit: int) -> Sequence[MessageRow]:
    """What waits for a platform, oldest first."""
    query = select(MessageRow).where(MessageRow.connection_id == connection_id, MessageRow.status == "pending")
    return (await session.scalars(query.order_by(MessageRow.message_number).limit(limit))).all()


async def waited_for(session: Session) -> Sequence[str]:
    """Platforms for which something waits."""
    query = select(MessageRow.connection_id).where(MessageRow.status == "pending").distinct()
    return (await session.scalars(query)).all()


async def drop_waiting(session: Session, connection_id: str, reason: str) -> None:
    """Send nothing more of what waits for a platform; it asks for it when it is back (§4.4)."""
    await session.execute(
        update(MessageRow)
        .where(MessageRow.connection_id == connection_id, MessageRow.status == "pending")
        .values(status="dropped", error=reason)
    )


async def record(session: Session, message_number: int, **values: Any) -> None:
    """How a message ended."""
    await session.execute(
        update(MessageRow)
        .where(MessageRow.message_number == message_number, MessageRow.status == "pending")
        .values(**values)
    )


async def messages(session: Session, connection_id: str | None, before: int | None, limit: int) -> Sequence[MessageRow]:
    """Newest first, of one platform or of all."""
    query = select(MessageRow)
    if connection_id:
        query = query.where(MessageRow.connection_id == connection_id)
    if before is not None:
        query = query.where(MessageRow.message_number < before)
    return (await session.scalars(query.order_by(MessageRow.message_number.desc()).limit(limit))).all()


async def use_callback(session: Session, callback_hash: str, given_to: str, now: datetime) -> CallbackRow | None:
    """The callback, used by this; None where it is not this connection's, is over, or was used."""
    query = (
        update(CallbackRow)
        .where(
            CallbackRow.callback_hash == callback_hash,
            CallbackRow.given_to == given_to,
            CallbackRow.used_at.is_(None),
            CallbackRow.expires_at > now,
        )
        .values(used_at=now)
        .returning(CallbackRow)
    )
    return await session.scalar(query)
