"""The OCPP versions Sliproad speaks, and the WebSocket subprotocol each is negotiated by.

The gateway's listener picks a version at the upgrade; every other module of this room is told it.
"""

from __future__ import annotations

from enum import StrEnum


class OcppVersion(StrEnum):
    """A version of OCPP-J, spelled as in the product's API."""

    V16 = "1.6"
    V201 = "2.0.1"
    V21 = "2.1"

    @property
    def subprotocol(self) -> str:
        """The name in `Sec-WebSocket-Protocol` (OCPP-J 1.6 §3.1.2, 2.x Part 4 §3.1.2)."""
        return f"ocpp{self.value}"

    @property
    def is_2x(self) -> bool:
        """Whether this is 2.0.1 or 2.1, which share their device model and their error codes."""
        return self is not OcppVersion.V16

    @classmethod
    def from_subprotocol(cls, text: str) -> OcppVersion | None:
        """Give the version a subprotocol stands for, None when we do not speak it; names are case-sensitive."""
        return _BY_SUBPROTOCOL.get(text)


_BY_SUBPROTOCOL = {version.subprotocol: version for version in OcppVersion}
