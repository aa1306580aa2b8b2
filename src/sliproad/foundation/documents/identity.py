"""Who signs documents: a key with its certificate, made here once or bought from a trust service.

`create_identity` is called when an installation starts for the first time; the result is kept encrypted in the database
(`SigningIdentity.to_bytes`). `from_bytes` reads that again, and also the PKCS#12 file of somebody whose certificate
comes from a public trust list, so that Adobe and others show a trusted name.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs12
from cryptography.x509.oid import NameOID

VALIDITY = timedelta(days=3652)
"""Ten years: as long as one would want to prove that a charge point was handed over."""

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class IdentityError(ValueError):
    """The file is no PKCS#12, the password is wrong, or no key or certificate in it can sign."""


@dataclass(frozen=True)
class SigningIdentity:
    """A private key, its certificate, and the certificates up to the root; its ``repr`` shows no secret."""

    key: SigningKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]

    def __repr__(self) -> str:
        return f"SigningIdentity({self.certificate.subject.rfc4514_string()})"

    @property
    def trust_root(self) -> x509.Certificate:
        """The certificate that a verifier must trust: the last of the chain, or the signer's own."""
        return self.chain[-1] if self.chain else self.certificate

    @property
    def name(self) -> str:
        """The signer's common name, as readers show it."""
        return common_name(self.certificate)

    def to_bytes(self, password: bytes | None) -> bytes:
        """As PKCS#12 (RFC 7292), encrypted with the password; without one for whoever encrypts the whole by themselves."""
        return pkcs12.serialize_key_and_certificates(
            name=b"document signing",
            key=self.key,
            cert=self.certificate,
            cas=list(self.chain) or None,
            encryption_algorithm=BestAvailableEncryption(password) if password else NoEncryption(),
        )

    @classmethod
    def from_bytes(cls, content: bytes, password: bytes | None) -> Self:
        """From PKCS#12; raises `IdentityError` with a sentence that names no secret."""
        try:
            key, certificate, others = pkcs12.load_key_and_certificates(content, password)
        except ValueError as error:
            raise IdentityError("the file is no PKCS#12 or the password does not open it") from error
        if key is None or certificate is None:
            raise IdentityError("the PKCS#12 holds no private key with its certificate")
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise IdentityError("documents are signed with an RSA or an elliptic curve key")
        return cls(key, certificate, _in_order(certificate, others))


def create_identity(organization: str, now: datetime) -> SigningIdentity:
    """Make a root of its own and one signer under it, both EC P-256, valid for ten years from an hour before ``now``.

    The root's key signs this one certificate and is forgotten: nobody can ever make a second signer that this root
    vouches for. ``organization`` names the installation and is cut to the 64 characters of X.520. There is no extended
    key usage: readers of PDF disagree on which one they want, and all accept none.
    """
    organization = organization[:64]
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = _name(organization, "Document root")
    root = _certificate(root_name, root_key.public_key(), root_name, root_key, now, is_authority=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(organization, "Document signing")
    signer = _certificate(subject, key.public_key(), root_name, root_key, now, is_authority=False)
    return SigningIdentity(key, signer, (root,))


def common_name(certificate: x509.Certificate) -> str:
    """The subject's common name, or its whole name where it has none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def to_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _name(organization: str, purpose: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{organization[: 62 - len(purpose)]}: {purpose}"),
        ]
    )


def _certificate(
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    is_authority: bool,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(_key_usage(is_authority=is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _in_order(certificate: x509.Certificate, others: list[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The issuers of the certificate, nearest first; PKCS#12 keeps no order."""
    by_subject = {other.subject: other for other in others}
    chain: list[x509.Certificate] = []
    current = certificate
    while current.issuer != current.subject and current.issuer in by_subject:
        current = by_subject.pop(current.issuer)
        chain.append(current)
    return tuple(chain)
