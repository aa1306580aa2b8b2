"""What connection settings must be to be stored (contract §5, OPER). Pure: `versions` calls it with the time.

Every wrong field is named. Nothing of what was sent is repeated: somebody pastes a private key where the certificate belongs.
"""

import contextlib
import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from cryptography import x509

from sliproad.features.connections.model import OFF, NewVersion
from sliproad.foundation.errors import FieldError, InvalidInput
from sliproad.foundation.language import marked

ARGUMENTS = "websocketConnectionArgs"
URL, CERTIFICATE, DOMAIN = f"{ARGUMENTS}.url", f"{ARGUMENTS}.caCertificate", f"{ARGUMENTS}.caCertificateDomain"
PASSWORD, IDENTITY = "basicAuthPassword", "chargePointId"
MASK = "********"
"""What reads show in place of a password, and writes refuse."""
LONGEST_URL = 1000
LONGEST_PASSWORD = 64
IDENTITY_FORM = re.compile(r"[A-Za-z0-9*\-_=+|@.]{1,48}")
"""An OCPP identity: `identifierString` without the `:` at which HTTP Basic splits (OCPP 2.0.1 Part 2 §1.1, RFC 7617 §2)."""
DOMAIN_FORM = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")
NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
"""The last label of a host that is an IPv4 address, however it is written (WHATWG URL §3.5)."""
PEM_LABEL = re.compile(r"-----BEGIN ([^-]*)-----")
SAFE_PASSWORD = re.compile(r"[A-Za-z0-9*\-_=:+|@.]+")
MOST_CERTIFICATES = 20


def check(new: NewVersion, now: datetime) -> tuple[FieldError, ...]:
    """Refuse what can't be used; gives warnings about what some charge points or servers won't take.

    Raises:
        InvalidInput: naming every wrong field.
    """
    wrong = list(_wrong(new, now))
    if wrong:
        detail = "; ".join(f"{error.field} {error.message}" for error in wrong[:3])
        raise InvalidInput(detail, tuple(wrong))
    return tuple(_warnings(new))


def identity_error(identity: str) -> str | None:
    """What is wrong with an identity at the operator's server; None when it will do."""
    if IDENTITY_FORM.fullmatch(identity):
        return None
    return marked("must be 1 to 48 of A-Z a-z 0-9 * - _ = + | @ . to be an OCPP identity")


def _wrong(new: NewVersion, now: datetime) -> Iterator[FieldError]:
    keys = list(_private_keys(new))
    if keys:  # nothing else is worth saying before that
        yield from keys
        return
    yield from _wrong_password(new.password)
    if new.charge_point_id is not None and (sentence := identity_error(new.charge_point_id)):
        yield FieldError(IDENTITY, sentence)
    parts, sentence = _read_url(new.url)
    if parts is None:
        yield FieldError(URL, sentence)
    elif new.connectivity_mode != OFF:
        yield from _wrong_trust(new, parts, now)


def _private_keys(new: NewVersion) -> Iterator[FieldError]:
    fields = {
        CERTIFICATE: new.ca_certificate,
        DOMAIN: new.ca_certificate_domain,
        URL: new.url,
        PASSWORD: new.password,
        IDENTITY: new.charge_point_id,
    }
    for field, text in fields.items():
        if text is not None and "PRIVATE KEY" in text.upper():
            yield FieldError(
                field,
                marked(
                    "holds a private key. It was not stored; still, replace that key. Send the CA's certificate alone"
                ),
            )


def _wrong_password(password: str | None) -> Iterator[FieldError]:
    if password is None:
        return
    if not 1 <= len(password) <= LONGEST_PASSWORD:
        yield FieldError(PASSWORD, marked("must have 1 to 64 characters"))
    elif not password.strip("*"):
        yield FieldError(
            PASSWORD, marked("is the mask of a stored password. Send the password itself, or leave it out for none")
        )
    elif any(ord(character) < 32 or ord(character) == 127 for character in password):
        yield FieldError(PASSWORD, marked("must not hold control characters"))


def _read_url(url: str) -> tuple[SplitResult | None, str]:
    """The URL's parts, or what is wrong with it."""
    if not url or len(url) > LONGEST_URL:
        return None, marked("must have 1 to 1000 characters")
    if any(not 33 <= ord(character) <= 126 for character in url) or "\\" in url:
        return None, marked("must be ASCII without blanks; write other letters in Punycode or per cent")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None, marked("is not a URL")
    problems = (
        (parts.scheme not in {"ws", "wss"}, marked("must begin with ws:// or wss://")),
        (not host, marked("has no host")),
        ("@" in parts.netloc, marked("must not hold a user name or password; send basicAuthPassword")),
        ("?" in url, marked("must not hold a query (?…)")),
        ("#" in url, marked("must not hold a fragment (#…)")),
        (port == 0, marked("has no usable port")),
        (is_address(parts) and parts.scheme == "wss", marked("must name a domain: an IP address needs ws://")),
        (not is_address(parts) and not DOMAIN_FORM.fullmatch(host or ""), marked("has no valid domain name")),
    )
    sentence = next((sentence for is_wrong, sentence in problems if is_wrong), "")
    return (None, sentence) if sentence else (parts, "")


def is_address(parts: SplitResult) -> bool:
    """Whether the host is an IP address, not a name."""
    host = (parts.hostname or "").rstrip(".")
    return ":" in host or NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _wrong_trust(new: NewVersion, parts: SplitResult, now: datetime) -> Iterator[FieldError]:
    """Whom to trust: needed with wss, and right wherever it is given."""
    is_secure = parts.scheme == "wss"
    if new.ca_certificate is None and is_secure:
        yield FieldError(CERTIFICATE, marked("is required, since the URL begins with wss"))
    if new.ca_certificate is not None and (sentence := certificate_error(new.ca_certificate, now)):
        yield FieldError(CERTIFICATE, sentence)
    if new.ca_certificate_domain is None:
        if is_secure:
            yield FieldError(DOMAIN, marked("is required, since the URL begins with wss"))
    elif is_secure and _plain(new.ca_certificate_domain) != _plain(parts.hostname or ""):
        yield FieldError(DOMAIN, marked("must be equal to the URL's host"))


def certificate_error(pem: str, now: datetime) -> str | None:
    """What is wrong with a CA's certificate; several may stand one after another, and each must be one."""
    labels = PEM_LABEL.findall(pem)
    if not labels or not pem.isascii():
        return marked("must be a certificate in PEM: -----BEGIN CERTIFICATE----- …")
    if set(labels) != {"CERTIFICATE"} or len(labels) > MOST_CERTIFICATES:
        return f"must hold certificates alone, at most {MOST_CERTIFICATES}"
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
        sentences = [_refusal_of(certificate, now) for certificate in found]
    except (ValueError, TypeError):
        return marked("can't be read as a certificate")
    if len(found) != len(labels):
        return marked("can't be read as a certificate")
    return next((sentence for sentence in sentences if sentence), None)


def _refusal_of(certificate: x509.Certificate, now: datetime) -> str | None:
    if certificate.not_valid_after_utc <= now:
        return f"has expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if certificate.not_valid_before_utc > now:
        return f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    try:
        is_ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        is_ca = False
    with contextlib.suppress(x509.ExtensionNotFound):
        is_ca = is_ca and certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    return (
        None
        if is_ca
        else marked("is not a CA's certificate (basicConstraints CA:TRUE); send that of who signed the server's")
    )


def _warnings(new: NewVersion) -> Iterator[FieldError]:
    if new.password is None:
        return
    length = len(new.password.encode())
    if not 16 <= length <= 20:
        yield FieldError(PASSWORD, marked("is outside of what OCPP 1.6 charge points take (16 to 20 bytes)"))
    if not 16 <= length <= 40 or not SAFE_PASSWORD.fullmatch(new.password):
        yield FieldError(
            PASSWORD,
            marked("is outside of what OCPP 2.0.1 charge points take (16 to 40 of A-Z a-z 0-9 * - _ = : + | @ .)"),
        )
    if urlsplit(new.url).scheme == "ws":
        yield FieldError(PASSWORD, marked("will travel unencrypted, since the URL begins with ws"))


def _plain(domain: str) -> str:
    return domain.strip().rstrip(".").lower()
