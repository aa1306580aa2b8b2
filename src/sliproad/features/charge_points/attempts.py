"""Attempts to connect, told to a technician in sentences: what arrived, what is wrong with it, what to do.

Gateways store them (`store_attempts`, in batches); the connection-attempts route reads them (contract §3).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sliproad.features.charge_points import attempts_store
from sliproad.features.charge_points.attempts_store import ConnectionAttemptRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import ENGINE, Database

STRANGERS_HOURS = 24
MOST_STRANGERS = 500
NEAR_DISTANCE = 2
NOTHING_ARRIVED = (
    "Nothing has ever arrived from this charge point. Check the host name, ws or wss, and that the site's network lets it"
    " reach our port (usually outbound 443)."
)
ADVICE = {
    "accepted": "Connected.",
    "unknown_identity": "The identity in the URL is not a registered charge point. Check that it equals the charge point id.",
    "unknown_path": "The path is not one of ours. Use the ocpp_endpoint exactly as it was given.",
    "missing_credentials": "No password was sent. Switch on Basic authentication (security profile 1 or 2) and set it.",
    "unreadable_credentials": "The Authorization header is not HTTP Basic. Switch to security profile 1 or 2.",
    "wrong_user": "The user name is neither the charge point id nor its serial number.",
    "wrong_password": "The password is wrong. Type the provisioning password again, or rotate it and use the new one.",
    "no_common_subprotocol": "The charge point offers no OCPP version that we speak. Set it to OCPP-J 1.6, 2.0.1 or 2.1.",
    "too_many_attempts": "Too many wrong attempts; wrong ones are put off for five minutes. The right password works at once.",
    "not_websocket": "A plain web request arrived, not a WebSocket. Check that the charge point uses OCPP-J, not SOAP.",
    "plain_http": "An unencrypted request arrived on the encrypted port. Use wss:// instead of ws://.",
    "tls_failed": "The TLS handshake failed. Check the charge point's clock, TLS 1.2 and the trusted root certificate.",
    "unreadable_request": "Something arrived that is no web request. Check the port and that ws or wss fits it.",
    "server_error": "We could not process the request. It will be tried again by the charge point.",
}
OTHER_ADVICE = "The attempt was refused."


class AttemptFacts(Protocol):
    """An attempt as the gateway saw it."""

    @property
    def at(self) -> float: ...
    @property
    def key(self) -> int | None: ...
    @property
    def organization_id(self) -> str | None: ...
    @property
    def identity(self) -> str | None: ...
    @property
    def path(self) -> str: ...
    @property
    def remote_address(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def details(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class ConnectionAttempt:
    """One attempt; `advice` is the sentence for the technician; `is_certain` is False where we only suppose whose it was."""

    at: datetime
    outcome: str
    advice: str
    identity: str | None
    path: str
    remote_address: str
    details: dict[str, Any]
    is_certain: bool


class AttemptService:
    """Stores and explains attempts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """`database` speaks as role `engine`: an attempt with an unknown identity belongs to nobody."""
        self.database = database
        self.clock = clock

    async def store_attempts(self, attempts: Sequence[AttemptFacts]) -> None:
        """Insert a batch; the gateway's port `RecordAttempts`."""
        rows = [
            {
                "at": datetime.fromtimestamp(each.at, UTC),
                "charge_point_key": each.key,
                "organization_id": each.organization_id,
                "identity": each.identity,
                "path": each.path,
                "remote_address": each.remote_address,
                "outcome": each.outcome,
                "details": each.details,
            }
            for each in attempts
        ]
        if rows:
            async with self.database.transaction(ENGINE) as session:
                await attempts_store.insert_attempts(session, rows)

    async def of_charge_point(
        self, key: int, charge_point_id: str, *, asked_from: Iterable[str] = (), limit: int = 50
    ) -> list[ConnectionAttempt]:
        """The newest attempts of a charge point, and strangers' of the last 24 h that may well have been it.

        Those are attempts with an unknown identity, or none, from an address that this charge point or the asking installer
        (`asked_from`) used in that time, or whose identity nearly spells this one. The caller has checked access.
        """
        since = self.clock.now() - timedelta(hours=STRANGERS_HOURS)
        async with self.database.transaction(ENGINE) as session:
            own = await attempts_store.attempts_of(session, key, limit)
            addresses = {*asked_from, *await attempts_store.addresses_of(session, key, since)}
            strangers = await attempts_store.strangers(session, addresses, since, MOST_STRANGERS)
        may_be = [
            each
            for each in strangers
            if each.remote_address in addresses or nearly_spells(each.identity or "", charge_point_id)
        ]
        found = sorted([*own, *may_be], key=lambda each: (each.at, each.attempt_id), reverse=True)
        return [explain(each) for each in found[:limit]]

    async def reconnects(self, key: int, since: datetime) -> int:
        """How often a charge point has connected again since then; the caller has checked access."""
        async with self.database.transaction(ENGINE) as session:
            count, was_there = await attempts_store.connections_since(session, key, since)
        return count if was_there else max(0, count - 1)


def explain(row: ConnectionAttemptRow) -> ConnectionAttempt:
    """The attempt with its sentence."""
    return ConnectionAttempt(
        at=row.at,
        outcome=row.outcome,
        advice=ADVICE.get(row.outcome, OTHER_ADVICE),
        identity=row.identity,
        path=row.path,
        remote_address=row.remote_address,
        details=row.details,
        is_certain=row.charge_point_key is not None,
    )


def nearly_spells(sent: str, meant: str) -> bool:
    """Whether `sent` is `meant` but for capitals, or up to two characters wrong, missing or too many (not for short ids)."""
    sent, meant = sent.casefold(), meant.casefold()
    if sent == meant:
        return True
    most = NEAR_DISTANCE if len(meant) > 2 * NEAR_DISTANCE else len(meant) // 4
    if abs(len(sent) - len(meant)) > most:
        return False
    row = list(range(len(meant) + 1))
    for position, character in enumerate(sent, 1):
        previous, row[0] = row[0], position
        for column, other in enumerate(meant, 1):
            previous, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, previous + (character != other)),
            )
    return row[-1] <= most
