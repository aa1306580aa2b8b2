"""What the relay needs from the rest of the product, stated as Protocols; `app/gateway_wiring.py` fills them with `connections`.

The relay is the second connection of a charge point: to the OCPP server of its operator, in the charge point's name (contract §5).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from sliproad.foundation.inbound import Peer, Write
from sliproad.foundation.outbound import Guard
from sliproad.ocpp.frames import Payload
from sliproad.ocpp.versions import OcppVersion


class Target(Protocol):
    """Where a charge point's relay leads, as it was applied."""

    @property
    def operator_id(self) -> str: ...
    @property
    def generation(self) -> int:
        """Greater with each change of the settings."""
        ...

    @property
    def mode(self) -> str:
        """`relay`; `drain`: deliver what waits, then end; `hand_over`: the same, and the state is another's to tell; `drop`: end."""
        ...

    @property
    def url(self) -> str:
        """Complete, with the identity at its end."""
        ...

    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str | None: ...
    @property
    def ca_certificate(self) -> str | None:
        """PEM: the only CA that a wss server's certificate may come from."""
        ...

    @property
    def ca_certificate_domain(self) -> str | None: ...
    @property
    def authorization_decision(self) -> str: ...


class Targets(Protocol):
    """All relays there should be, in memory."""

    def find(self, key: int) -> Target | None: ...

    def on_change(self, listener: Callable[[Iterable[int]], None]) -> None:
        """Call `listener(keys)` after each refresh that changed the targets of these charge points."""
        ...


class Verdict(Protocol):
    """What becomes of the operator's CALL: `passed` goes to the charge point, or `answer` is given at once."""

    @property
    def passed(self) -> Payload | None: ...
    @property
    def answer(self) -> Payload | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def merged(self) -> Callable[[Payload], Payload]: ...


class Rules(Protocol):
    """The relay's rules; pure. `connections.relay_model` explains each."""

    def kind(self, action: str, payload: Payload) -> str: ...
    def place(self, payload: Payload) -> tuple[int, int]: ...
    def recognised_by(self, action: str, payload: Payload, raw: bytes) -> str: ...
    def started_by(self, payload: Payload) -> str: ...
    def token_of(self, payload: Payload) -> str | None: ...
    def authorize_for(self, payload: Payload) -> Payload: ...
    def is_settled(self, decision_by: str, token: str, ours: str) -> bool: ...
    def decided(self, decision: str, ours: Payload, theirs: Payload | None) -> Payload: ...
    def to_operator(self, action: str, payload: Payload) -> Payload | None: ...
    def answer_to_operator(self, action: str, answer: Payload) -> Payload: ...
    def verdict(self, version: OcppVersion, action: str, payload: Payload, *, is_commissioning: bool) -> Verdict: ...
    def transaction_in(self, action: str, payload: Payload) -> int | None: ...
    def with_transaction(self, action: str, payload: Payload, transaction_id: int) -> Payload: ...
    def unknown_transaction(self, action: str) -> tuple[Payload, str]: ...
    def reconnect_pause(self, failures: int, chance: float) -> float: ...
    def pause_after_refusal(self, attempts: int) -> float | None: ...
    def heartbeat_seconds(self, interval: int) -> int: ...
    def boot_again_seconds(self, interval: int) -> int: ...
    def sentence(self, kind: str, details: Mapping[str, str]) -> str: ...
    @property
    def offline(self) -> str: ...
    @property
    def boot_pending(self) -> str: ...


class Waiting(Protocol):
    """A transaction message that waits for the operator."""

    @property
    def seq(self) -> int: ...
    @property
    def action(self) -> str: ...
    @property
    def payload(self) -> str: ...
    @property
    def attempts(self) -> int: ...


class Heard(NamedTuple):
    """A transaction message as the charge point said it; `by` is what a repetition of it has in common with it."""

    action: str
    message_id: str
    said: bytes
    by: str
    at: float


class Ended(NamedTuple):
    """What came of a queued message: `delivered`, `refused` or `dropped`."""

    seq: int
    state: str
    attempts: int
    answer: bytes | None = None
    error: str | None = None


class Replay(Protocol):
    """What an operator's server is told first."""

    @property
    def boot(self) -> Payload: ...
    @property
    def statuses(self) -> Sequence[Payload]: ...


class Spoken(NamedTuple):
    """One message and what came of it, for the record."""

    direction: str
    """`up` or `down`."""
    kind: str
    """`live` or `command`."""
    action: str
    message_id: str
    payload: bytes
    at: float
    state: str
    """`delivered`, `refused` or `dropped`."""
    answer: bytes | None = None
    error: str | None = None


class Records(Protocol):
    """The relay's rows. Writes go through the commit group, questions to the database."""

    def queued(self, peer: Peer, target: Target, heard: Heard) -> Write:
        """Queues a transaction message; gives (position, seq), or nothing where it is queued already."""
        ...

    def ended(self, key: int, ended: Ended) -> Write:
        """What came of a queued message."""
        ...

    def recorded(self, peer: Peer, target: Target, spoken: Spoken) -> Write:
        """Keeps a message that waits for nothing."""
        ...

    def transaction(self, peer: Peer, target: Target, ours: int, theirs: int) -> Write:
        """1.6: the operator's id of a transaction."""
        ...

    def state(self, peer: Peer, target: Target, state: str, reason: str | None) -> Write:
        """How the connection is; nothing where the settings are others by now, or a newer socket spoke."""
        ...

    def dropped(self, key: int, target: Target, reason: str, *, of_others: bool) -> Write:
        """Delivers no more what waits for this operator, or for any other."""
        ...

    def authorized(self, peer: Peer, transaction_id: str, status: str) -> Write:
        """The operator decided about the token of a transaction after it was stored."""
        ...

    async def waiting(self, key: int, target: Target, most: int) -> Sequence[Waiting]: ...
    async def replay(self, peer: Peer, said: Payload | None, *, is_new: bool) -> Replay: ...
    async def their_transaction(self, key: int, target: Target, ours: int) -> int | None: ...
    async def our_transaction(self, key: int, target: Target, theirs: int) -> int | None: ...
    async def start_before(self, key: int, target: Target, ours: int) -> Payload | None:
        """1.6: the StartTransaction of a transaction that began before the connection; None where it was queued, or never came."""
        ...

    async def started(self, key: int, started_by: str) -> int | None:
        """1.6: the id that a StartTransaction was given."""
        ...


class Tokens(Protocol):
    """What operators said of tokens lately."""

    def find(self, key: int, token: str) -> Payload | None: ...
    def remember(self, key: int, token: str, info: Payload) -> None: ...


@dataclass(frozen=True, slots=True)
class RelayPorts:
    """All of them."""

    targets: Targets
    rules: Rules
    records: Records
    tokens: Tokens
    guard: Guard


class RelayFailed(Exception):
    """There is no connection, or no longer; `kind` and `details` make a sentence (`Rules.sentence`)."""

    def __init__(self, kind: str, **details: Any) -> None:
        super().__init__(kind)
        self.kind = kind
        self.details = {name: str(value) for name, value in details.items()}
