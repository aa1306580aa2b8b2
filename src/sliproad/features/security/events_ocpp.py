"""SecurityEventNotification of every version, translated into a write (1.6 whitepaper §4.3, 2.x A04)."""

from typing import Any
from zlib import crc32

from sliproad.features.charge_points.reported_time import read_reported_time
from sliproad.foundation.inbound import Live, Outcome, Peer, Received, Statement
from sliproad.foundation.inbound_rows import encode_row

SECURITY_EVENT = Statement(
    "security.event",
    62,
    """
insert into security_events (charge_point_key, organization_id, event_type, at, received_at, details, details_key)
  select k, o, y, a, to_timestamp(t), d, h
    from json_to_recordset(%(rows)s) as i(k bigint, o text, y text, a timestamptz, t float8, d text, h bigint)
on conflict (charge_point_key, at, event_type, details_key) do nothing
""",
)


def security_event_notification(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
    """The same event again is the same row."""
    event_type, details = payload["type"], payload.get("techInfo")
    row = {
        "k": peer.key,
        "o": peer.organization_id,
        "y": event_type,
        "a": read_reported_time(payload["timestamp"], received.at)[0],
        "t": received.at,
        "d": details,
        "h": crc32((details or "").encode()),
    }
    return Outcome(b"{}", ((SECURITY_EVENT, encode_row(row)),), Live("security_event", {"type": event_type}))
