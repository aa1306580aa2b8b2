"""What gateways must know of every charge point, read as changes: `security.mirror` keeps it in memory.

Every writer of a mirrored column sets `changed_xid` to its own transaction. A reader that asks for everything from the oldest
transaction that was still running at its last look misses no commit, however long that took.
"""

from typing import NamedTuple

from sqlalchemy import select

from sliproad.features.charge_points.store import ChargePointRow
from sliproad.foundation.database import Session


class RegisteredIdentity(NamedTuple):
    """One charge point, as registered."""

    key: int
    charge_point_id: str
    serial_number: str
    organization_id: str
    ocpp_version: str
    boot_policy: str
    commissioned: bool
    removed: bool


async def identities_changed_since(session: Session, xid: int) -> list[RegisteredIdentity]:
    """Every charge point (removed ones too) written by transaction `xid` or a later one."""
    row = ChargePointRow
    rows = await session.execute(
        select(
            row.key,
            row.charge_point_id,
            row.serial_number,
            row.organization_id,
            row.ocpp_version,
            row.boot_policy,
            row.commissioning_status == "completed",
            row.removed_at.is_not(None),
        ).where(row.changed_xid >= xid)
    )
    return [RegisteredIdentity(*each) for each in rows]
