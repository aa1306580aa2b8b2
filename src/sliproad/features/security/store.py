"""SQL of charge point credentials. `changed_xid` lets gateways read only what changed since they last looked."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, LargeBinary, Select, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from sliproad.features.charge_points.identities import IDENTITIES_CHANGED
from sliproad.foundation.database import Row, Session, visible_to

ACTIVE = "active"
PENDING = "pending"
RETIRED = "retired"


class ChargePointCredentialRow(Row):
    """One password of a charge point. During a rotation two open: the `active` one and the `pending` one."""

    __tablename__ = "charge_point_credentials"
    __table_args__ = (
        Index("charge_point_credentials_charge_point_key_idx", "charge_point_key"),
        Index(
            "charge_point_credentials_one_active_key",
            "charge_point_key",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index(
            "charge_point_credentials_one_pending_key",
            "charge_point_key",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
        {"info": visible_to("organization", "charge_point")},
    )

    credential_id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    charge_point_key: Mapped[int] = mapped_column(BigInteger, ForeignKey("charge_points.key"))
    organization_id: Mapped[str]
    state: Mapped[str]
    """`active`; `pending`: given to the charge point, not yet proven; `retired`: opens nothing."""
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    keyed_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """HMAC-SHA256 of salt and password under a key derived from SECRET_KEY (trust G6)."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    accepted_at: Mapped[datetime | None]
    """When the charge point said Accepted to this (pending) password."""
    used_at: Mapped[datetime | None]
    used_form: Mapped[str | None]
    """The form in which the charge point sent it first: `plain`, `hex` or `decoded` (1.6 AuthorizationKey)."""
    changed_xid: Mapped[int] = mapped_column(
        BigInteger, server_default=text("pg_current_xact_id()::text::bigint"), index=True
    )


CURRENT_XID = text("pg_current_xact_id()::text::bigint")


async def insert_credential(
    session: Session, charge_point_key: int, organization_id: str, *, state: str, salt: bytes, keyed_hash: bytes
) -> int:
    """Insert a password's hash; gives its id."""
    row = ChargePointCredentialRow(
        charge_point_key=charge_point_key,
        organization_id=organization_id,
        state=state,
        salt=salt,
        keyed_hash=keyed_hash,
    )
    session.add(row)
    await session.flush()
    return row.credential_id


async def retire_credentials(session: Session, charge_point_key: int, *states: str) -> int:
    """Make the passwords in one of `states` open nothing from now on; gives how many."""
    done = await session.execute(
        update(ChargePointCredentialRow)
        .where(
            ChargePointCredentialRow.charge_point_key == charge_point_key, ChargePointCredentialRow.state.in_(states)
        )
        .values(state=RETIRED, changed_xid=CURRENT_XID)
        .returning(ChargePointCredentialRow.credential_id)
    )
    return len(done.all())


async def mark_accepted(session: Session, credential_id: int) -> bool:
    """Note that the charge point accepted its pending password; False when there is none."""
    done = await session.execute(
        update(ChargePointCredentialRow)
        .where(ChargePointCredentialRow.credential_id == credential_id, ChargePointCredentialRow.state == PENDING)
        .values(accepted_at=text("now()"), changed_xid=CURRENT_XID)
        .returning(ChargePointCredentialRow.credential_id)
    )
    return done.first() is not None


async def open_credentials(session: Session, charge_point_key: int) -> Sequence[ChargePointCredentialRow]:
    """The passwords that open, held until the transaction ends."""
    row = ChargePointCredentialRow
    query = (
        select(row).where(row.charge_point_key == charge_point_key, row.state != RETIRED).order_by(row.credential_id)
    )
    return (await session.scalars(query.with_for_update(), execution_options={"populate_existing": True})).all()


async def promote(session: Session, charge_point_key: int) -> None:
    """The pending password is the only one from now on."""
    await retire_credentials(session, charge_point_key, ACTIVE)
    row = ChargePointCredentialRow
    await session.execute(
        update(row)
        .where(row.charge_point_key == charge_point_key, row.state == PENDING)
        .values(state=ACTIVE, changed_xid=CURRENT_XID)
    )


def credentials_changed_since(xid: int) -> Select[int, int, str, bytes, bytes, str | None]:
    """Every credential (retired ones too) written by transaction `xid` or a later one."""
    row = ChargePointCredentialRow
    return select(row.charge_point_key, row.credential_id, row.state, row.salt, row.keyed_hash, row.used_form).where(
        row.changed_xid >= xid
    )


HAS_CHANGED = f"""
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
  {IDENTITIES_CHANGED}
  or coalesce((select max(changed_xid) from charge_point_credentials) >= %(xid)s, false)
"""  # noqa: S608 - put together from constants
"""The oldest transaction still running, and whether anything mirrored was written by transaction `xid` or a later one."""


async def begin_snapshot(session: Session) -> int:
    """Have the transaction see one moment; returns the oldest transaction that was still running then.

    Must be the transaction's first statement.
    """
    await session.execute(text("set transaction isolation level repeatable read, read only"))
    xmin = await session.scalar(text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    return int(xmin or 0)
