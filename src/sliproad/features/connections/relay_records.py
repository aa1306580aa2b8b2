"""The relay's rows as the gateway writes and reads them: fills its port `Records`."""

from collections.abc import Callable, Sequence
from time import time
from typing import Any, NamedTuple, Protocol

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charging.service import ChargingService
from sliproad.features.charging.statements import AUTHORIZED
from sliproad.features.connections import relay_store
from sliproad.features.connections.model import STATE_CHANGED
from sliproad.features.connections.relay_model import replay
from sliproad.features.connections.relay_statements import (
    ANSWERED,
    DROPPED,
    QUEUED,
    RECORDED,
    STATE,
    TRANSACTION,
)
from sliproad.foundation.database import Database
from sliproad.foundation.ids import new_id
from sliproad.foundation.inbound import Peer, Write
from sliproad.foundation.inbound_rows import encode_row, storable
from sliproad.ocpp.versions import OcppVersion

Payload = dict[str, Any]


class TargetOfRelay(Protocol):
    """What rows need of a relay's target."""

    @property
    def operator_id(self) -> str: ...
    @property
    def generation(self) -> int: ...


class HeardMessage(Protocol):
    """A transaction message of a charge point; `by` recognises a repetition."""

    @property
    def action(self) -> str: ...
    @property
    def message_id(self) -> str: ...
    @property
    def said(self) -> bytes: ...
    @property
    def by(self) -> str: ...
    @property
    def at(self) -> float: ...


class EndedMessage(Protocol):
    """What came of a queued message."""

    @property
    def seq(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def answer(self) -> bytes | None: ...
    @property
    def error(self) -> str | None: ...


class SpokenMessage(Protocol):
    """A message that waits for nothing, with what came of it."""

    @property
    def direction(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def message_id(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def at(self) -> float: ...
    @property
    def state(self) -> str: ...
    @property
    def answer(self) -> bytes | None: ...
    @property
    def error(self) -> str | None: ...


class Replay(NamedTuple):
    """What an operator's server is told first."""

    boot: Payload
    statuses: Sequence[Payload]


class RelayRecords:
    """See the module."""

    def __init__(self, database: Database, redacted: Callable[[str, bytes], bytes]) -> None:
        """`database` speaks as role `engine`; `redacted` takes the secrets out of an action's payload (`frame_log.redaction`)."""
        self._database = database
        self._redacted = redacted
        self._live, self._charging = LiveService(), ChargingService()

    def queued(self, peer: Peer, target: TargetOfRelay, heard: HeardMessage) -> Write:
        """Queues a transaction message; gives (position, seq), or nothing where it is queued already."""
        owner = (peer.key, peer.organization_id, target.operator_id)
        message_id, by = storable(heard.message_id), storable(heard.by)
        return (QUEUED, (*owner, heard.action, message_id, heard.said, heard.at, by))

    def ended(self, key: int, ended: EndedMessage) -> Write:
        """What came of a queued message."""
        row = {
            "k": key,
            "q": ended.seq,
            "s": ended.state,
            "n": ended.attempts,
            "a": _text(ended.answer),
            "e": ended.error,
            "t": time(),
        }
        return (ANSWERED, encode_row(row))

    def recorded(self, peer: Peer, target: TargetOfRelay, spoken: SpokenMessage) -> Write:
        """Keeps a message that waits for nothing, without secrets."""
        answer = None if spoken.answer is None else self._redacted(spoken.action, spoken.answer)
        row = _owner(peer, target) | {
            "d": spoken.direction,
            "c": spoken.kind,
            "a": spoken.action,
            "m": spoken.message_id,
            "p": self._redacted(spoken.action, spoken.payload).decode(),
            "t": spoken.at,
            "s": spoken.state,
            "w": _text(answer),
            "e": spoken.error,
            "u": time(),
        }
        return (RECORDED, encode_row(row))

    def transaction(self, peer: Peer, target: TargetOfRelay, ours: int, theirs: int) -> Write:
        """1.6: the operator's id of a transaction."""
        return (TRANSACTION, encode_row(_owner(peer, target) | {"i": ours, "j": theirs, "t": time()}))

    def state(self, peer: Peer, target: TargetOfRelay, state: str, reason: str | None) -> Write:
        """How the connection is; nothing where the settings are others by now, or a newer socket spoke."""
        row = {
            "k": peer.key,
            "p": peer.charge_point_id,
            "g": target.generation,
            "c": peer.epoch,
            "s": state,
            "r": reason,
            "t": time(),
            "e": new_id("evt") if STATE_CHANGED in peer.subscribed else None,
        }
        return (STATE, encode_row(row))

    def dropped(self, key: int, target: TargetOfRelay, reason: str, *, of_others: bool) -> Write:
        """Delivers no more what waits for this operator, or for any other."""
        row = {"k": key, "q": target.operator_id, "x": of_others, "r": reason, "t": time()}
        return (DROPPED, encode_row(row))

    def authorized(self, peer: Peer, transaction_id: str, status: str) -> Write:
        """The operator decided about the token of a transaction after it was stored."""
        return (AUTHORIZED, encode_row({"k": peer.key, "x": transaction_id, "z": status}))

    async def waiting(self, key: int, target: TargetOfRelay, most: int) -> Sequence[relay_store.WaitingMessage]:
        """The oldest messages that wait for this operator."""
        return await relay_store.waiting(self._database, key, target.operator_id, most)

    async def replay(self, peer: Peer, said: Payload | None, *, is_new: bool) -> Replay:
        """What a charge point would say after connecting; `said` is its BootNotification on this socket."""
        is_2x = OcppVersion(peer.version).is_2x
        boot = await self._live.last_boot(self._database, peer.key)
        plate = replay.TypePlate(boot.vendor, boot.model, boot.serial_number)
        connectors = await self._live.connectors(self._database, peer.key)
        last = boot.payload if said is None else said
        return Replay(replay.boot(last, plate, is_2x=is_2x, is_new=is_new), replay.statuses(connectors, is_2x=is_2x))

    async def their_transaction(self, key: int, target: TargetOfRelay, ours: int) -> int | None:
        """1.6: the operator's id of a transaction of ours."""
        return await relay_store.their_transaction(self._database, key, target.operator_id, ours)

    async def our_transaction(self, key: int, target: TargetOfRelay, theirs: int) -> int | None:
        """1.6: our id of a transaction of the operator's."""
        return await relay_store.our_transaction(self._database, key, target.operator_id, theirs)

    async def started(self, key: int, started_by: str) -> int | None:
        """1.6: the id that a StartTransaction was given."""
        found = await self._charging.transaction_started_by(self._database, key, started_by)
        return None if found is None else int(found)

    async def start_before(self, key: int, target: TargetOfRelay, ours: int) -> Payload | None:
        """1.6: the StartTransaction of a transaction that began before the connection; None where it was queued, or never came."""
        started = await self._charging.start_of(self._database, key, str(ours))
        if started is None:
            return None
        by = f"start {started.start_key}"
        is_theirs = await relay_store.was_queued(self._database, key, target.operator_id, by)
        return None if is_theirs else replay.start(started)


def _owner(peer: Peer, target: TargetOfRelay) -> dict[str, Any]:
    return {"k": peer.key, "o": peer.organization_id, "q": target.operator_id}


def _text(answer: bytes | None) -> str | None:
    return None if answer is None else answer.decode()
