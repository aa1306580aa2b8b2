"""Certificates of the operator's CA as charge points know them (OCPP M03–M05, CertificateHashDataType)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
ALGORITHMS: Mapping[str, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


def split(pem: str | None) -> tuple[str, ...]:
    """Each certificate by itself."""
    return tuple(PEM.findall(pem or ""))


def fingerprint(pem: str) -> str:
    """SHA-256 of the certificate, in hexadecimal with colons: what people compare."""
    digest = x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex().upper()
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))


def is_among(pem: str, installed: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the charge point has told that it has this certificate; serial number and issuer's name decide."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return any(_is(certificate, each) for each in installed)


def _is(certificate: x509.Certificate, told: Mapping[str, Any]) -> bool:
    algorithm = ALGORITHMS.get(str(told.get("hashAlgorithm")))
    if algorithm is None:
        return False
    digest = hashes.Hash(algorithm)
    digest.update(certificate.issuer.public_bytes())
    number = str(told.get("serialNumber", "")).lower().lstrip("0")
    return (
        str(told.get("issuerNameHash", "")).lower() == digest.finalize().hex()
        and number == f"{certificate.serial_number:x}"
    )
