"""Which CSMS a virtual charge point dials: the back end it was installed with, or one that it was moved to.

2.x has network profiles in slots and an order of priority (B09, B10): after so many failed attempts the next one is tried. 1.6 has
nothing of the kind; one firmware's vendor keys stand for all. `charger` asks `Dialing` before each attempt.
"""

import base64
import ssl
from dataclasses import dataclass
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate, load_pem_x509_certificate

from sliproad.simulator.station import Station

CERTIFICATE = "root:"
"""Before the serial number of a root certificate that the CSMS installed, in the ledger."""


@dataclass(frozen=True)
class Network:
    """One CSMS: where it is and who the charge point is there."""

    slot: str
    url: str
    """The whole URL that is dialled."""
    user: str
    password: str | None

    @property
    def authorization(self) -> dict[str, str]:
        """The header of security profiles 1 and 2."""
        if self.password is None:
            return {}
        return {"Authorization": "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()}


def moved_to(slot: str, url: str, identity: str, password: str | None) -> Network:
    """Another CSMS; the identity is appended to its URL."""
    return Network(slot, f"{url.rstrip('/')}/{quote(identity, safe='')}", identity, password)


class Dialing:
    """Goes through the networks of a charge point as their order and its luck have it."""

    def __init__(self, station: Station, factory_tls: ssl.SSLContext | None) -> None:
        """`factory_tls` is for the back end that it was installed with."""
        self._station = station
        self._factory_tls = factory_tls
        self._place = 0
        self._failures = 0

    def rebooted(self) -> None:
        """Begin again with the first."""
        self._place = self._failures = 0

    def succeeded(self) -> None:
        """This one works."""
        self._failures = 0

    def failed(self) -> None:
        """No connection: after as many of these as the settings say, it is the next one's turn."""
        self._failures += 1
        if self._failures >= self._station.dialect.network_attempts():
            self._place, self._failures = self._place + 1, 0

    def network(self) -> Network | None:
        """The one to dial now; None is the one it was installed with."""
        networks = self._station.dialect.networks()
        found = networks[self._place % len(networks)]
        self._station.active_slot = "0" if found is None else found.slot
        return found

    def tls(self, network: Network | None) -> ssl.SSLContext | None:
        """Whom to trust there."""
        if network is None:
            return self._factory_tls
        if not network.url.startswith("wss:"):
            return None
        context = ssl.create_default_context()
        if roots := list(self._station.written(CERTIFICATE).values()):
            context.load_verify_locations(cadata="\n".join(roots))
        return context


def install(station: Station, pem: str) -> bool:
    """Trust a CSMS root certificate from now on; False where it is none."""
    try:
        certificate = load_pem_x509_certificate(pem.encode())
    except ValueError:
        return False
    station.ledger.remember(f"{CERTIFICATE}{certificate.serial_number:x}", pem)
    station.events.publish("certificate_installed", serial_number=f"{certificate.serial_number:x}")
    return True


def installed(station: Station) -> list[dict[str, str]]:
    """The hash data of every root certificate that the CSMS installed (CertificateHashDataType)."""
    return [hash_data(load_pem_x509_certificate(pem.encode())) for pem in station.written(CERTIFICATE).values()]


def hash_data(certificate: Certificate) -> dict[str, str]:
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "hash_algorithm": "SHA256",
        "issuer_name_hash": _digest(certificate.issuer.public_bytes()),
        "issuer_key_hash": _digest(key),
        "serial_number": f"{certificate.serial_number:x}",
    }


def _digest(content: bytes) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(content)
    return digest.finalize().hex()
