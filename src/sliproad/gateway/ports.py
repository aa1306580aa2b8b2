"""What the gateway needs from the rest of the product, stated as Protocols; `app/wiring.py` fills them with features.

The handlers are `foundation.inbound.Handler`s in a mapping from (version, action), e.g. `("1.6", "Heartbeat")`; one under
`(version, "*")` serves every other action that a charge point of the version may send. A handler may raise `CallRefused`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from sliproad.foundation.inbound import Handler, Peer, Write

Handlers = Mapping[tuple[str, str], Handler]
ANY_ACTION = "*"


class KnownChargePoint(Protocol):
    """What a gateway keeps in memory of a registered charge point."""

    @property
    def key(self) -> int: ...
    @property
    def charge_point_id(self) -> str: ...
    @property
    def serial_number(self) -> str: ...
    @property
    def organization_id(self) -> str: ...
    @property
    def ocpp_version(self) -> str: ...
    @property
    def boot_policy(self) -> str: ...
    @property
    def commissioned(self) -> bool: ...


class Verified(Protocol):
    """The credential that a password opened, and the form it was sent in: `plain`, `hex` or `decoded`."""

    @property
    def credential_id(self) -> int: ...
    @property
    def form(self) -> str: ...


class Identities(Protocol):
    """The mirror of all charge points and their credentials, in memory: no I/O, so that the upgrade decides at once."""

    def find(self, identity: str) -> KnownChargePoint | None:
        """The charge point whose OCPP identity this is."""
        ...

    def by_key(self, key: int) -> KnownChargePoint | None:
        """The same by internal key; None once it is removed."""
        ...

    def verify(self, known: KnownChargePoint, password: bytes) -> Verified | None:
        """Which of its credentials `password` opens, None when none does; takes constant time per credential."""
        ...

    def is_valid(self, known: KnownChargePoint, credential_id: int) -> bool:
        """Whether a credential that once opened still would."""
        ...

    def used(self, known: KnownChargePoint, verified: Verified) -> tuple[Write, ...]:
        """The writes that record a credential's (first) use; none when that is known already."""
        ...

    def subscribed(self, organization_id: str) -> frozenset[str]:
        """Names of domain events that somebody of this organisation subscribed to."""
        ...

    def on_change(self, listener: Callable[[Iterable[int]], None]) -> None:
        """Call `listener(keys)` after each refresh that changed something about these charge points."""
        ...


class Opened(NamedTuple):
    """What is known of a socket at its upgrade."""

    gateway_id: str
    remote_address: str
    path: str
    security_profile: int
    at: float


class Seen(NamedTuple):
    """When a charge point was last heard, Unix seconds; `heartbeat_at` when a Heartbeat was among it."""

    at: float
    heartbeat_at: float | None


class Presence(Protocol):
    """Which gateway holds which charge point, as rows. Writes go through the commit group, questions to the database."""

    def opened(self, peer: Peer, opened: Opened) -> tuple[Write, ...]:
        """Raises the epoch and marks it connected; the first returns `(position, epoch, was_booted)`, or nothing."""
        ...

    def closed(self, peer: Peer, at: float) -> tuple[Write, ...]:
        """Marks it disconnected where `peer.epoch` is still its epoch."""
        ...

    def seen(self, peer: Peer, seen: Seen) -> Write:
        """Sets last_seen_at and last_heartbeat_at, never backwards."""
        ...

    async def sign_of_life(self, gateway_id: str) -> None:
        """Say that this gateway lives (every second) and bury those that have been silent for 10 s."""
        ...

    async def held(self, gateway_id: str) -> tuple[int, int]:
        """How many charge points the rows say this gateway holds, and the sum of their epochs."""
        ...

    async def held_epochs(self, gateway_id: str) -> dict[int, int]:
        """The same in full: epoch by charge point key."""
        ...

    async def leave(self, gateway_id: str) -> None:
        """This gateway stops: its charge points are disconnected, its row goes."""
        ...


class Attempt(NamedTuple):
    """An attempt to connect, whatever became of it."""

    at: float
    key: int | None
    organization_id: str | None
    identity: str | None
    path: str
    remote_address: str
    outcome: str
    details: dict[str, str]


RecordAttempts = Callable[[list[Attempt]], Awaitable[None]]
"""Stores a batch of attempts; off the sockets' path."""


class FrameLog(Protocol):
    """Who said what, when: one row per frame."""

    def __call__(  # noqa: PLR0917 - by position: it is called for every frame
        self,
        peer: Peer,
        direction: str,
        kind: str,
        message_id: str,
        action: str,
        payload: bytes,
        at: float,
        answer: str | None = None,
        duration_ms: float | None = None,
    ) -> Write:
        """The row of one frame.

        `direction` is `in` or `out`; `kind` is `call`, `result` or `error`; `payload` is one JSON value (of an error: code,
        description, details as a list); `at` is Unix seconds; `answer`, with an inbound CALL, is `result` or the error code;
        `duration_ms`, with an answer to our CALL, is the time since it was sent.
        """
        ...


class Quarantine(Protocol):
    def __call__(self, peer: Peer, raw: bytes, reason: str, at: float) -> Write:
        """The row of a frame that could not be processed, raw (any bytes), with why."""
        ...
