"""What every socket of a gateway process shares: the ports, the commit group, the handlers by version, the way to the bus."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sliproad.foundation.inbound import Handler
from sliproad.gateway.commit_group import CommitGroup
from sliproad.gateway.ports import ANY_ACTION, FrameLog, Handlers, Identities, Presence, Quarantine
from sliproad.ocpp.actions import sent_by_charge_point
from sliproad.ocpp.validation import rules_of
from sliproad.ocpp.versions import OcppVersion

if TYPE_CHECKING:
    from sliproad.gateway.relays import Relays


@dataclass(slots=True)
class Context:
    """Built by `gateway.Gateway`."""

    gateway_id: str
    handlers: dict[OcppVersion, dict[str, Handler]]
    group: CommitGroup
    identities: Identities
    presence: Presence
    frame_log: FrameLog
    quarantine: Quarantine
    tell: Callable[[str, Any], None]
    """Publish a message on a subject of the bus, without waiting."""
    later: Callable[[float, Callable[[], None]], object]
    """Call something after so many seconds."""
    max_message_bytes: int
    ping_seconds: float
    logs_routine_meter_values: bool
    """Whether MeterValues are frames of the log also where nobody watches (`exchange.Exchange._is_routine`)."""
    relays: "Relays | None" = None
    """The second connections of charge points, to their operators' servers."""


def by_version(handlers: Handlers) -> dict[OcppVersion, dict[str, Handler]]:
    """One table per version, of every action that its charge points may send; what nobody handles is absent."""
    tables: dict[OcppVersion, dict[str, Handler]] = {}
    for version in OcppVersion:
        rules = rules_of(version)
        fallback = handlers.get((version.value, ANY_ACTION))
        table = tables[version] = {}
        for action in (*rules.requests, *rules.sends):
            handler = handlers.get((version.value, action), fallback)
            if handler is not None and sent_by_charge_point(version, action):
                table[action] = handler
    return tables
