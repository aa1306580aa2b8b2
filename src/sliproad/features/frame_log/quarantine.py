"""The write that keeps a message which could not be read or stored, as it came. The gateway calls it, then refuses the message."""

import base64

from sliproad.foundation.inbound import Peer, Statement, Write
from sliproad.foundation.inbound_rows import encode_row

QUARANTINE = Statement(
    "frame_log.quarantine",
    95,
    """
insert into quarantined_messages (charge_point_key, organization_id, at, message_id, action, raw, reason)
  select k, o, to_timestamp(t), m, a, decode(b, 'base64'), r
    from json_to_recordset(%(rows)s) as i(k bigint, o text, t float8, m text, a text, b text, r text)
""",
)


def write(
    peer: Peer, raw: bytes, reason: str, at: float, *, message_id: str | None = None, action: str | None = None
) -> Write:
    """The row of a frame of any bytes, with why it is here; `at` is Unix seconds."""
    row = {
        "k": peer.key,
        "o": peer.organization_id,
        "t": at,
        "m": message_id,
        "a": action,
        "b": base64.b64encode(raw).decode(),
        "r": reason,
    }
    return (QUARANTINE, encode_row(row))
