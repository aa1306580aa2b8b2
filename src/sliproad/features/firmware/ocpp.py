"""Firmware, log and diagnostics status notifications of every version (1.6 §4.4, §4.5, whitepaper §4; 2.x L01, N01)."""

from typing import Any

from sliproad.features.firmware.statements import NOTIFICATION
from sliproad.foundation.inbound import Handler, Live, Outcome, Peer, Received
from sliproad.foundation.inbound_rows import encode_row


def status_notification(kind: str) -> Handler:
    """The handler of a notification with `status` and perhaps `requestId`; `kind` is `firmware`, `log` or `diagnostics`."""

    def handle(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:
        status, request_id = payload["status"], payload.get("requestId")
        row = {"k": peer.key, "o": peer.organization_id, "d": kind, "s": status, "q": request_id, "t": received.at}
        live = Live("firmware", {"kind": kind, "status": status, "request_id": request_id})
        return Outcome(b"{}", ((NOTIFICATION, encode_row(row)),), live)

    return handle
