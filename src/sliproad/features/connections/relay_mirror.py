"""Where every charge point's relay leads, in a gateway's memory, at most a second old; fills the gateway's port `Targets`.

`run` refreshes it every second, and at once when somebody says `connections.changed` on the bus. Nothing is read for a message.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import quote

import structlog

from sliproad.features.connections import relay_store
from sliproad.features.connections.sealing import ConnectionSecrets
from sliproad.foundation.bus import Bus
from sliproad.foundation.crypto import WrongKey
from sliproad.foundation.database import Database, DatabaseError

log = structlog.get_logger()
REFRESH_SECONDS = 0.9
CHANGED = "connections.changed"
"""Said on the bus by whoever changed an assignment."""


class RelayTarget(NamedTuple):
    """The gateway's `Target`: an assignment as it is to be now."""

    operator_id: str
    generation: int
    mode: str
    url: str
    user: str
    password: str | None
    ca_certificate: str | None
    ca_certificate_domain: str | None
    authorization_decision: str

    def __repr__(self) -> str:
        return f"<relay to operator {self.operator_id}, generation {self.generation}>"  # no password in any log


class RelayMirror:
    """By charge point key; only those that have a relay, or something to deliver after it was switched off."""

    def __init__(self, database: Database, secrets: ConnectionSecrets) -> None:
        """`database` speaks as role `engine`."""
        self.database = database
        self._secrets = secrets
        self._targets: dict[int, RelayTarget] = {}
        self._listeners: list[Callable[[Iterable[int]], None]] = []
        self._seen_xid = 0

    def find(self, key: int) -> RelayTarget | None:
        """Where its relay leads."""
        return self._targets.get(key)

    def decision_of(self, key: int) -> str | None:
        """Who decides about tokens at a charge point; None without an operator's connection."""
        target = self._targets.get(key)
        return None if target is None or target.mode != "relay" else target.authorization_decision

    def on_change(self, listener: Callable[[Iterable[int]], None]) -> None:
        """Call `listener(keys)` after each refresh that changed the targets of these charge points."""
        self._listeners.append(listener)

    async def refresh(self) -> None:
        """Read what changed since the last look."""
        xmin, rows = await relay_store.assignments_changed_since(self.database, self._seen_xid)
        changed = {row.charge_point_key for row in rows if self._take(row)}
        self._seen_xid = xmin
        if changed:
            for listener in self._listeners:
                listener(changed)

    async def run(self, bus: Bus) -> None:
        """Refresh for ever; the database may go and come back meanwhile."""
        async with contextlib.AsyncExitStack() as stack:
            hints = await stack.enter_async_context(bus.listen(CHANGED, most=1))
            while True:
                try:
                    await self.refresh()
                except (DatabaseError, OSError) as error:
                    log.warning("relay_mirror_refresh_failed", error=repr(error))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REFRESH_SECONDS):
                        await hints.get()

    def _take(self, row: relay_store.AssignedRelay) -> bool:
        """Take over an assignment; gives whether that is news."""
        before, target = self._targets.get(row.charge_point_key), self._target(row)
        if target is None:
            self._targets.pop(row.charge_point_key, None)
        else:
            self._targets[row.charge_point_key] = target
        return before != target

    def _target(self, row: relay_store.AssignedRelay) -> RelayTarget | None:
        modes = {"relay": "relay", "off": row.off_policy, "native": "hand_over"}
        if row.mode not in modes:
            return None
        try:
            password = self._secrets.open(row.password_sealed)
        except WrongKey as error:
            log.warning("relay_password_unreadable", key=row.charge_point_key, error=str(error))
            password = None
        url = f"{row.url.rstrip('/')}/{quote(row.identity, safe='')}"
        return RelayTarget(
            row.operator_id,
            row.generation,
            modes[row.mode],
            url,
            row.username,
            password,
            row.ca_certificate,
            row.ca_certificate_domain,
            row.authorization_decision,
        )
