"""What a move is made of: where the charge point is to go, what was done, what it answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sliproad.features.connections.move_model.vendor_keys import VENDOR_KEYS, VendorKeys

Payload = dict[str, Any]
Progress = Mapping[str, Any]
"""What has been done, as it is stored: JSON without secrets."""


class Call(NamedTuple):
    """A CALL to the charge point."""

    action: str
    payload: Payload


class Answer(NamedTuple):
    """What became of a CALL: `result`, `error` (a CALLERROR), `absent` (not connected, nothing was sent) or `lost` (sent, no answer)."""

    kind: Literal["result", "error", "absent", "lost"]
    payload: Payload = {}  # noqa: RUF012 (never changed)
    code: str = ""

    @property
    def status(self) -> str:
        """The answer's `status`, or the code of the CALLERROR."""
        return self.code if self.kind == "error" else str(self.payload.get("status", ""))


class RefusedError(Exception):
    """The charge point does not do it; the message is the sentence for people."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the charge point is to go, and who it is. `own_password` is the one it gets when it comes back to us."""

    version: str
    """Of OCPP, on its socket."""
    url: str
    identity: str
    password: str | None = field(repr=False)
    certificates: tuple[str, ...]
    """PEM, each a CA of the operator's server."""
    our_identity: str
    our_url: str
    vendor: str
    families: tuple[VendorKeys, ...] = VENDOR_KEYS
    own_password: str | None = field(default=None, repr=False)

    @property
    def is_secure(self) -> bool:
        """Whether the operator's server is reached by TLS."""
        return self.url.startswith("wss")


@dataclass(frozen=True, slots=True)
class Move:
    """A charge point on its way."""

    step: str
    step_at: datetime
    progress: Progress = field(default_factory=dict)
    attempts: int = 0
    """How often the present CALL was sent and not answered."""


@dataclass(frozen=True, slots=True)
class Situation:
    """How things are at a look."""

    now: datetime
    is_connected: bool
    epoch: int
    """The number of the charge point's present (or last) connection to us."""
    is_wanted: bool
    """Whether the operator still wants this move: it applied nothing else, and the site is still its own."""
