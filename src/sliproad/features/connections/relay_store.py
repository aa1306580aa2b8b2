"""Rows of the relay: what is on its way between charge points and operators' servers, and 1.6's transaction ids on both sides.

What gateways write of them goes through their commit groups (`relay_statements`); what they read is here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.foundation.database import Database, Row, Session, kept, run, visible_to


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
        Index(
            "relay_messages_recognised_by_key",
            "charge_point_key",
            "operator_id",
            "recognised_by",
            unique=True,
            postgresql_where=text("recognised_by is not null"),
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
    recognised_by: Mapped[str | None]
    """Of a transaction message: what the charge point repeats says the same, and is queued once (`relay_model.upward`)."""


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


WAITING = """
select seq, action, payload, attempts from relay_messages
  where charge_point_key = %(key)s and operator_id = %(operator_id)s and state = 'waiting' order by seq limit %(most)s
"""
THEIR_TRANSACTION = """
select their_transaction_id from relay_transactions
  where charge_point_key = %(key)s and operator_id = %(operator_id)s and our_transaction_id = %(transaction_id)s
"""
OUR_TRANSACTION = """
select our_transaction_id from relay_transactions
  where charge_point_key = %(key)s and operator_id = %(operator_id)s and their_transaction_id = %(transaction_id)s
  order by at desc limit 1
"""


WAS_QUEUED = """
select from relay_messages where charge_point_key = %(key)s and operator_id = %(operator_id)s and recognised_by = %(by)s
"""
ASSIGNED = """
select charge_point_key, operator_id, generation, mode, url, identity, username, password_sealed, ca_certificate,
    ca_certificate_domain, authorization_decision, off_policy
  from connection_assignments where changed_xid >= %(xid)s
"""
HAS_CHANGED = """
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  coalesce((select max(changed_xid) from connection_assignments) >= %(xid)s, false)
"""
"""The oldest transaction still running, and whether any assignment was written by transaction `xid` or a later one."""


OFFLINE = """
update connection_assignments set state = 'pending', reason = %(reason)s, state_at = now()
  where charge_point_key = %(key)s and mode = 'relay' and state in ('connecting', 'connected')
  returning organization_id, operator_id, version_id, state_at
"""


class WaitingMessage(NamedTuple):
    """A message that waits for an operator."""

    seq: int
    action: str
    payload: str
    attempts: int


class AssignedRelay(NamedTuple):
    """What a gateway needs of an assignment."""

    charge_point_key: int
    operator_id: str
    generation: int
    mode: str
    url: str
    identity: str
    username: str
    password_sealed: bytes | None
    ca_certificate: str | None
    ca_certificate_domain: str | None
    authorization_decision: str
    off_policy: str


async def assignments_changed_since(database: Database, xid: int) -> tuple[int, list[AssignedRelay]]:
    """Assignments written by transaction `xid` or a later one, and the `xid` to ask with next time: nothing is missed so."""
    [(xmin, has_changed)] = await database.ask(HAS_CHANGED, {"xid": xid})
    rows = await database.ask(ASSIGNED, {"xid": xid}) if has_changed else ()
    return xmin, [AssignedRelay(*row) for row in rows]


class NowOffline(NamedTuple):
    """What an assignment was for whose charge point went without a word."""

    organization_id: str
    operator_id: str
    version_id: str
    at: datetime


async def wait_for_charge_point(session: Session, charge_point_key: int, reason: str) -> NowOffline | None:
    """No relay is there: the next connection of the charge point begins one. None where that is known."""
    rows = await run(session, OFFLINE, {"key": charge_point_key, "reason": reason})
    return NowOffline(*rows[0]) if rows else None


async def waiting(database: Database, charge_point_key: int, operator_id: str, most: int) -> Sequence[WaitingMessage]:
    """The oldest messages that wait for this operator."""
    asked = {"key": charge_point_key, "operator_id": operator_id, "most": most}
    return [WaitingMessage(*row) for row in await database.ask(WAITING, asked)]


async def was_queued(database: Database, charge_point_key: int, operator_id: str, by: str) -> bool:
    """Whether the message that is recognised `by` this was ever meant for the operator."""
    return bool(await database.ask(WAS_QUEUED, {"key": charge_point_key, "operator_id": operator_id, "by": by}))


async def their_transaction(database: Database, charge_point_key: int, operator_id: str, ours: int) -> int | None:
    """1.6: the operator's id of a transaction; None when it never gave one."""
    asked = {"key": charge_point_key, "operator_id": operator_id, "transaction_id": ours}
    rows = await database.ask(THEIR_TRANSACTION, asked)
    return rows[0][0] if rows else None


async def our_transaction(database: Database, charge_point_key: int, operator_id: str, theirs: int) -> int | None:
    """1.6: our id, which the charge point knows, of the operator's; None when there is none."""
    asked = {"key": charge_point_key, "operator_id": operator_id, "transaction_id": theirs}
    rows = await database.ask(OUR_TRANSACTION, asked)
    return rows[0][0] if rows else None
