"""What a handler of a charge point's message gives back: the answer, and the writes that must be committed before it.

`app/ocpp_routes.py` maps (version, action) to such handlers in the features; `gateway/commit_group.py` puts the writes of all
sockets of a process that are waiting into one transaction and sends the answers after the commit (house §3). The hot path: no
SELECT a message, no object that costs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from sliproad.foundation.inbound_parameters import Parameters, json_rows


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One set-based SQL statement, run once per group for all its rows; a constant of its module.

    `parameters` makes what the writes hold, in order, the parameters of `sql`. As a rule that is one, `%(rows)s`: a JSON array
    (read it by `json_to_recordset` or `json_array_elements … with ordinality`); with `inbound_parameters.columns` it is an array
    for each column. With `returns`, it gives one row for each input row, whose first column is the 0-based position in the
    array; the rest reaches the answer function. `order` is the place in the group's transaction.
    """

    name: str
    order: int
    sql: str
    returns: bool = False
    parameters: Parameters = json_rows


Write = tuple[Statement, Any]
"""One row for a statement: one JSON value, encoded, or a tuple of its columns, as the statement's `parameters` takes it.

A bare tuple, since every message makes two or three.
"""


class Live(NamedTuple):
    """Said on the bus after the commit, to whoever watches this charge point (`live.{key}`): `{"event": name, **data}`."""

    event: str
    data: dict[str, Any]


Answer = bytes | Callable[[Sequence[Sequence[Any]]], bytes | None]
"""The CALLRESULT's payload, encoded; or how to make it from the rows that the writes returned (one per returning write).

None from a relay alone: it answers itself when the charge point's operator has decided.
"""


class Outcome(NamedTuple):
    """A handler's result. With no writes the answer goes out at once."""

    answer: Answer
    writes: tuple[Write, ...] = ()
    live: Live | None = None


class Received(NamedTuple):
    """How a message came: its id, its payload as sent (bytes of one JSON value), when (Unix seconds), and leniences used."""

    message_id: str
    action: str
    raw: bytes
    at: float
    leniences: int = 0
    """`ocpp.leniences.Lenience`: what the validator forgave and repaired in the payload."""


class Peer:
    """The charge point at the other end of a socket, as a handler may see it. One per connection; the gateway keeps it fresh."""

    __slots__ = (
        "boot_policy",
        "charge_point_id",
        "commissioned",
        "epoch",
        "is_booted",
        "key",
        "organization_id",
        "row_owner",
        "subscribed",
        "version",
        "watched_until",
    )

    def __init__(self, key: int, charge_point_id: str, organization_id: str, version: str) -> None:
        self.key = key
        self.charge_point_id = charge_point_id
        self.organization_id = organization_id
        self.row_owner = b'"k":%d,"o":%b' % (key, orjson.dumps(organization_id))
        """The first two members of most rows, encoded once: key and organisation."""
        self.version = version
        """`1.6`, `2.0.1` or `2.1`: the one agreed on this socket."""
        self.epoch = 0
        """Which connection of this charge point this is; a greater one anywhere in the cluster makes this one stale."""
        self.boot_policy = "accepted"
        """What a BootNotification is answered: `accepted`, `pending`, `rejected`."""
        self.commissioned = False
        self.is_booted = False
        """An accepted BootNotification has been answered on this socket, or before a reconnect."""
        self.subscribed: frozenset[str] = frozenset()
        """Names of domain events that somebody of this organisation subscribed to; others are not stored."""
        self.watched_until = 0.0
        """Unix seconds until which live events of this charge point are said on the bus."""


Handler = Callable[[Peer, dict[str, Any], Received], Outcome]
