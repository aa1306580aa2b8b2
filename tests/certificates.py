"""Certificates for tests: an authority, and what it signs. Elliptic curves, since RSA keys take a tenth of a second each."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates; `pem` is its own."""

    def __init__(
        self, name: str = "Operator's CA", *, is_ca: bool = True, begins: datetime | None = None, days: float = 30
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begins = begins or datetime.now(UTC) - timedelta(days=1)
        self.certificate = (
            x509.CertificateBuilder(
                issuer_name=self.name,
                subject_name=self.name,
                public_key=self.key.public_key(),
                serial_number=x509.random_serial_number(),
                not_valid_before=begins,
                not_valid_after=begins + timedelta(days=days),
            )
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def private_key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
