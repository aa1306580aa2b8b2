"""Every charge point's identity and credentials, in a gateway's memory, at most a second old.

An upgrade is decided from it at once, so a reconnect storm touches neither the database nor a slow hash. It fills the gateway's
port `Identities`. `run` refreshes it every second, and at once when somebody says `mirror.changed` on the bus.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, Protocol

import structlog

from sliproad.features.charge_points.identities import RegisteredIdentity, identities_changed_since
from sliproad.features.security import store
from sliproad.features.security.credential_use import credential_used
from sliproad.features.security.service import PasswordHash
from sliproad.foundation.bus import Bus
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database, DatabaseError
from sliproad.foundation.inbound import Write

log = structlog.get_logger()
REFRESH_SECONDS = 0.8
Subscriptions = Callable[[Database], Awaitable[dict[str, frozenset[str]]]]
NO_EVENTS: frozenset[str] = frozenset()


class KnownCredential(NamedTuple):
    """A password's hash that opens: `active` or `pending`."""

    credential_id: int
    state: str
    salt: bytes
    keyed_hash: bytes
    used_form: str | None


class OpenedCredential(Protocol):
    """What `verify` gave."""

    @property
    def credential_id(self) -> int: ...
    @property
    def form(self) -> str: ...


class VerifiedCredential(NamedTuple):
    """The credential that a password opened, and the form it was sent in: `plain`, `hex` or `decoded`."""

    credential_id: int
    form: str


class MirroredChargePoint:
    """A charge point in memory; the gateway's `KnownChargePoint`."""

    __slots__ = (
        "boot_policy",
        "charge_point_id",
        "commissioned",
        "credentials",
        "key",
        "ocpp_version",
        "organization_id",
        "serial_number",
        "test_number",
    )

    def __init__(self, identity: RegisteredIdentity, credentials: tuple[KnownCredential, ...]) -> None:
        self.key = identity.key
        self.credentials = credentials
        self.update(identity)

    def update(self, identity: RegisteredIdentity) -> None:
        """Take over what the registry says now."""
        self.charge_point_id = identity.charge_point_id
        self.serial_number = identity.serial_number
        self.organization_id = identity.organization_id
        self.ocpp_version = identity.ocpp_version
        self.boot_policy = identity.boot_policy
        self.commissioned = identity.commissioned
        self.test_number = identity.test_number


class Mirror:
    """All charge points by identity and by key."""

    def __init__(self, database: Database, secret_key: SecretKey, subscriptions: Subscriptions | None = None) -> None:
        """`database` speaks as role `engine`; `subscriptions` gives the event names each organisation listens to."""
        self.database = database
        self._hash = PasswordHash(secret_key)
        self._subscriptions = subscriptions
        self._by_key: dict[int, MirroredChargePoint] = {}
        self._by_identity: dict[str, MirroredChargePoint] = {}
        self._subscribed: dict[str, frozenset[str]] = {}
        self._listeners: list[Callable[[Iterable[int]], None]] = []
        self._seen_xid = 0
        self._refreshing = asyncio.Lock()

    def find(self, identity: str) -> MirroredChargePoint | None:
        """The charge point whose OCPP identity this is."""
        return self._by_identity.get(identity)

    def by_key(self, key: int) -> MirroredChargePoint | None:
        """The same by internal key; None once it is removed."""
        return self._by_key.get(key)

    def test_number(self, key: int) -> int:
        """Below which test tokens of this charge point are dead (`authorization.model`)."""
        entry = self._by_key.get(key)
        return 0 if entry is None else entry.test_number

    def all(self) -> Iterable[MirroredChargePoint]:
        """Every charge point."""
        return self._by_key.values()

    def verify(self, known: "KnownByKey", password: bytes) -> VerifiedCredential | None:
        """Which credential of it `password` opens.

        While a rotation runs, and for a credential first used so, 1.6's hex and decoded forms of the AuthorizationKey open
        too (1.6 security whitepaper A00.FR.205; ocpp.md "Connecting").
        """
        entry = self._by_key.get(known.key)
        if entry is None or not password:
            return None
        lenient = len(entry.credentials) > 1
        for credential in entry.credentials:
            if self._hash.matches(credential.salt, password, credential.keyed_hash):
                return VerifiedCredential(credential.credential_id, "plain")
            if lenient or credential.used_form in {"hex", "decoded"}:
                for form, candidate in _other_forms(password):
                    if self._hash.matches(credential.salt, candidate, credential.keyed_hash):
                        return VerifiedCredential(credential.credential_id, form)
        return None

    def is_valid(self, known: "KnownByKey", credential_id: int) -> bool:
        """Whether a credential that once opened still would."""
        entry = self._by_key.get(known.key)
        return entry is not None and any(each.credential_id == credential_id for each in entry.credentials)

    def used(self, known: "KnownByKey", verified: OpenedCredential) -> tuple[Write, ...]:
        """The writes that record a first use, and with it end a rotation; none when it is recorded already."""
        entry = self._by_key.get(known.key)
        for credential in entry.credentials if entry else ():
            if credential.credential_id == verified.credential_id and (
                credential.state == store.PENDING or credential.used_form is None
            ):
                return credential_used(known.key, verified.credential_id, verified.form)
        return ()

    def subscribed(self, organization_id: str) -> frozenset[str]:
        """Names of domain events that somebody of this organisation subscribed to."""
        return self._subscribed.get(organization_id, NO_EVENTS)

    def on_change(self, listener: Callable[[Iterable[int]], None]) -> None:
        """Call `listener(keys)` after each refresh that changed something about these charge points."""
        self._listeners.append(listener)

    async def refresh(self) -> None:
        """Read what changed since the last look; nearly always one cheap statement tells that nothing did."""
        async with self._refreshing:
            changed: set[int] = set()
            [(xmin, has_changed)] = await self.database.ask(store.HAS_CHANGED, {"xid": self._seen_xid})
            if has_changed:
                changed = await self._read_changes()
            else:
                self._seen_xid = xmin
            if self._subscriptions is not None:
                changed |= self._take_subscriptions(await self._subscriptions(self.database))
        if changed:
            for listener in self._listeners:
                listener(changed)

    async def _read_changes(self) -> set[int]:
        """Read them in one snapshot; gives the keys of the charge points."""
        async with self.database.transaction(ENGINE) as session:
            xmin = await store.begin_snapshot(session)
            identities = await identities_changed_since(session, self._seen_xid)
            credentials = (await session.execute(store.credentials_changed_since(self._seen_xid))).all()
        changed = {identity.key for identity in identities if self._take_identity(identity)}
        for key, credential_id, state, salt, keyed_hash, used_form in credentials:
            if self._take_credential(key, KnownCredential(credential_id, state, salt, keyed_hash, used_form)):
                changed.add(key)
        self._seen_xid = xmin
        return changed

    async def run(self, bus: Bus) -> None:
        """Refresh for ever; the database may go and come back meanwhile."""
        async with contextlib.AsyncExitStack() as stack:
            hints = await stack.enter_async_context(bus.listen("mirror.changed", most=1))
            while True:
                try:
                    await self.refresh()
                except (DatabaseError, OSError) as error:
                    log.warning("mirror_refresh_failed", error=repr(error))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(REFRESH_SECONDS):
                        await hints.get()

    def _take_identity(self, identity: RegisteredIdentity) -> bool:
        entry = self._by_key.get(identity.key)
        if identity.removed:
            if entry is not None:
                del self._by_key[identity.key]
                if self._by_identity.get(entry.charge_point_id) is entry:  # not one registered anew under the same id
                    del self._by_identity[entry.charge_point_id]
            return entry is not None
        if entry is None:
            entry = self._by_key[identity.key] = MirroredChargePoint(identity, ())
        else:
            if entry.charge_point_id != identity.charge_point_id:
                self._by_identity.pop(entry.charge_point_id, None)
            entry.update(identity)
        self._by_identity[entry.charge_point_id] = entry
        return True

    def _take_credential(self, key: int, credential: KnownCredential) -> bool:
        entry = self._by_key.get(key)
        if entry is None:
            return False
        others = tuple(each for each in entry.credentials if each.credential_id != credential.credential_id)
        before = entry.credentials
        entry.credentials = others if credential.state == store.RETIRED else (*others, credential)
        return entry.credentials != before

    def _take_subscriptions(self, subscribed: dict[str, frozenset[str]]) -> set[int]:
        if subscribed == self._subscribed:
            return set()
        organizations = {
            each
            for each in {*subscribed, *self._subscribed}
            if subscribed.get(each, NO_EVENTS) != self._subscribed.get(each, NO_EVENTS)
        }
        self._subscribed = subscribed
        return {entry.key for entry in self._by_key.values() if entry.organization_id in organizations}


class KnownByKey(Protocol):
    """A charge point, of which only the internal key is needed here."""

    @property
    def key(self) -> int: ...


def _other_forms(password: bytes) -> list[tuple[str, bytes]]:
    """What else the bytes may stand for: the hex text of the password, or what its hex reading decodes to."""
    forms = [("decoded", password.hex().encode()), ("decoded", password.hex().upper().encode())]
    with contextlib.suppress(ValueError):
        forms.append(("hex", bytes.fromhex(password.decode("ascii"))))
    return forms
