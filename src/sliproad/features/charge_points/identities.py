"""What gateways must know of every charge point, read as changes: `security.mirror` keeps it in memory.

Every writer of a mirrored column sets `changed_xid` to its own transaction. A reader that asks for everything from the oldest
transaction that was still running at its last look misses no commit, however long that took.
"""

from collections.abc import Collection
from typing import NamedTuple

from sliproad.features.charge_points import store
from sliproad.foundation.database import Session

IDENTITIES_CHANGED = store.IDENTITIES_CHANGED
"""SQL: whether any charge point was written by transaction `%(xid)s` or a later one."""


async def public_ids(session: Session, keys: Collection[int]) -> dict[int, str]:
    """Key -> public id of these charge points, removed ones too; those out of scope are left out."""
    return await store.select_ids(session, keys)


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
    test_number: int
    """Test tokens with a lower one are dead."""


async def identities_changed_since(session: Session, xid: int) -> list[RegisteredIdentity]:
    """Every charge point (removed ones too) written by transaction `xid` or a later one."""
    return [RegisteredIdentity(*each) for each in await store.identities_changed_since(session, xid)]
