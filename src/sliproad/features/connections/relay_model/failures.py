"""Why there is no connection to the operator's server, in a sentence for whoever set it up.

The gateway's dialling names a kind; details are texts. An operator reads these sentences in the state of a connection.
"""

from collections.abc import Mapping

_SENTENCES = {
    "address": "{detail}",
    "private": "{host}: private address not allowed here",
    "authority": "The server's certificate was not issued by the CA that was stored (caCertificate).",
    "expired": "The server's certificate, or the CA's, is not valid now: it has expired or begins later.",
    "domain": "The server's certificate is not for {domain} (caCertificateDomain).",
    "certificate": "The server's certificate is not accepted: {detail}.",
    "ca": "The stored CA certificate can't be used: {detail}.",
    "tls": "TLS with {host} failed: {detail}. Check that the port speaks TLS 1.2 or 1.3.",
    "refused": "Nobody listens at {host}, port {port}: the connection was refused.",
    "unreachable": "{host}, port {port}, can't be reached: {detail}.",
    "silent": "{host} did not answer within {seconds} s.",
    "unauthorized": "The server refused the user name {user} or the password (401).",
    "no_password": "The server wants a password and none is stored (401).",
    "forbidden": "The server refused this charge point (403).",
    "unknown": "The server knows no charge point at {path} (404). Check the URL and the chargePointId.",
    "status": "The server answered the connection with HTTP status {status} instead of opening a WebSocket.",
    "not_websocket": "The server does not speak WebSocket at this URL.",
    "subprotocol": "The server does not speak OCPP {version} (it chose no subprotocol, or another one).",
    "boot_rejected": "The server rejected the charge point's BootNotification.",
    "boot_refused": "The server answered the charge point's BootNotification with an error: {detail}.",
    "no_answer": "The server did not answer {action} within {seconds} s.",
    "closed": "The server closed the connection ({detail}).",
    "lost": "The connection to the server was lost.",
    "internal": "The connection could not be opened here; it is tried again.",
}
OFFLINE = "The charge point is not connected to the platform."
BOOT_PENDING = "The server has not accepted the charge point yet: it answers its BootNotification with Pending."


def sentence(kind: str, details: Mapping[str, str]) -> str:
    """The sentence for a failure of this kind; every kind takes the details that its sentence names."""
    return _SENTENCES[kind].format_map(details)
