"""The hot write of the frame log: one row per frame, in the same commit as what the frame changed. The gateway calls it, for
every frame but Heartbeats that nobody watches.

The CALL that was handled, by far the most frequent frame, travels in columns; the others, of which members may be absent, as
JSON, and their payload as a JSON string: PostgreSQL then copies it instead of parsing it (measured: half the cost).
"""

from functools import lru_cache

import orjson

from sliproad.features.frame_log.redaction import HOT, redacted
from sliproad.foundation.inbound import Peer, Statement, Write
from sliproad.foundation.inbound_parameters import bigints, columns, doubles, encoded_texts, texts, words
from sliproad.foundation.inbound_rows import storable, without_nul

FRAME = Statement(
    "frame_log.frame",
    90,
    """
insert into ocpp_messages (charge_point_key, at, organization_id, direction, kind, message_id, action, payload,
    answer_kind, error_code, duration_ms)
  select k, to_timestamp(t), o, d, c, m, a, p, r, e, u
    from json_to_recordset(%(rows)s) as i(
      k bigint, o text, t float8, d text, c text, m text, a text, p text, r text, e text, u float8)
""",
)

HANDLED_CALL = Statement(
    "frame_log.handled_call",
    91,
    """
insert into ocpp_messages (charge_point_key, at, organization_id, direction, kind, message_id, action, payload, answer_kind)
  select k, to_timestamp(t), o, 'in', 'call', m, a, p, 'result'
    from unnest(%(k)s, %(t)s, %(o)s, %(m)s, %(a)s, %(p)s) as i(k, t, o, m, a, p)
""",
    parameters=columns(k=bigints, t=doubles, o=words, m=texts, a=words, p=encoded_texts),
)

_ANSWERED = "result"


def write(  # noqa: PLR0917 - by position: it is called for every frame
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
    """The row of one frame; it holds no secrets.

    `direction` is `in` or `out`; `kind` is `call`, `result`, `error` or `send`; `payload` is one JSON value (of an error: code,
    description, details as a list); `at` is Unix seconds; `answer`, with a CALL of the charge point, is `result` or the code of
    our CALLERROR; `duration_ms`, with an answer, is the time since the call.
    """
    shown = payload if action in HOT else redacted(action, payload)
    if answer == _ANSWERED:
        row = (peer.key, at, peer.organization_id, storable(message_id), action, shown)
        return (HANDLED_CALL, row)
    tail = _tail(direction, kind, action, answer)
    if kind == "error":
        tail = b',"e":%b%b' % (orjson.dumps(_error_code(payload)), tail)
    if duration_ms is not None:
        tail = b',"u":%f%b' % (duration_ms, tail)
    text = orjson.dumps(shown.decode())
    spoken_id = without_nul(orjson.dumps(message_id))  # the payload is JSON as text, in which U+0000 is six characters
    members = (peer.row_owner, orjson.dumps(at), spoken_id, text, tail)
    return (FRAME, b'{%b,"t":%b,"m":%b,"p":%b%b' % members)


@lru_cache(maxsize=4096)
def _tail(direction: str, kind: str, action: str, answer: str | None) -> bytes:
    """The members that are alike in many rows; written by hand, since this runs for every message."""
    row = {"d": direction, "c": kind, "a": action}
    if answer is not None:
        row["r"] = _ANSWERED if answer == _ANSWERED else "error"
        if answer != _ANSWERED:
            row["e"] = answer
    return b"," + orjson.dumps(row)[1:]


def _error_code(payload: bytes) -> str | None:
    error = orjson.loads(payload)
    code = error[0] if isinstance(error, list) and error else None
    return code if isinstance(code, str) else None
