"""Authorize of every version (1.6 §4.1, 2.x C01), and how an authorization is said in each. The frame log keeps who asked."""

from typing import Any

from sliproad.features.authorization.model import AuthorizationStatus, Authorize
from sliproad.foundation.inbound import Handler, Outcome, Peer, Received

ID_TAG_INFO = {status: b'{"idTagInfo":{"status":"%b"}}' % status.encode() for status in AuthorizationStatus}
ID_TOKEN_INFO = {status: b'{"idTokenInfo":{"status":"%b"}}' % status.encode() for status in AuthorizationStatus}


def authorize_16(authorize: Authorize) -> Handler:
    """1.6: the token is the text `idTag`."""

    def handle(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:  # noqa: ARG001 (a Handler)
        return Outcome(ID_TAG_INFO[authorize(peer.key, payload["idTag"])])

    return handle


def authorize_2x(authorize: Authorize) -> Handler:
    """2.x: the token is `idToken.idToken`."""

    def handle(peer: Peer, payload: dict[str, Any], received: Received) -> Outcome:  # noqa: ARG001 (a Handler)
        return Outcome(ID_TOKEN_INFO[authorize(peer.key, payload["idToken"]["idToken"])])

    return handle
