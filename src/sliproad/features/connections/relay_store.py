"""Rows of the relay: what is on its way between charge points and operators' servers, and 1.6's transaction ids on both sides."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Row, kept, visible_to


class RelayMessageRow(Row):
    """One message through the relay. `up` goes to the operator's server, `down` came from it."""

    __tablename__ = "relay_messages"
    __table_args__ = (
        Index(
            "relay_messages_waiting_idx",
            "charge_point_key",
            "seq",
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("relay_messages_at_idx", "at", postgresql_using="brin"),
        {"info": visible_to("organization", "operator") | kept(90, since="at", where="state <> 'waiting'")},
    )

    charge_point_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    """The order within a charge point; the message id on the operator's side is made of it."""
    organization_id: Mapped[str]
    operator_id: Mapped[str]
    direction: Mapped[str]
    """`up` or `down`."""
    kind: Mapped[str]
    """`transaction` (kept until delivered), `live` or `command`."""
    action: Mapped[str]
    message_id: Mapped[str]
    payload: Mapped[str]
    """JSON text as the charge point or the operator's server sent it, secrets taken out of commands."""
    at: Mapped[datetime]
    state: Mapped[str]
    """`waiting`, `delivered`, `refused` or `dropped`."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    answer: Mapped[str | None]
    """JSON text of the other side's answer."""
    error: Mapped[str | None]
    """Of a CALLERROR, or why it was refused or dropped."""
    answered_at: Mapped[datetime | None]


class RelayTransactionRow(Row):
    """OCPP 1.6 has each CSMS choose transaction ids: ours, and the operator's for the same transaction."""

    __tablename__ = "relay_transactions"
    __table_args__ = (
        Index(
            "relay_transactions_their_transaction_id_idx",
            "charge_point_key",
            "operator_id",
            "their_transaction_id",
        ),
        {"info": visible_to("organization", "operator")},
    )

    charge_point_key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    operator_id: Mapped[str] = mapped_column(primary_key=True)
    our_transaction_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    their_transaction_id: Mapped[int] = mapped_column(BigInteger)
    organization_id: Mapped[str]
    at: Mapped[datetime]
