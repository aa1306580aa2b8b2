"""Signs a PDF by PAdES (ETSI EN 319 142-1): baseline B-B, or B-LT where a time stamping service is set.

Called by features whose documents must prove that nobody changed them. The signature certifies the document with no
changes permitted (ISO 32000-2 §12.8.2.2, DocMDP level 1) and covers the whole file. It is invisible: the page that
tells who signed belongs to the template, and a reader shows the signature's own verdict beside the page, never on it.
"""

import io
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import fields, signers
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers.pdf_signer import DSSContentSettings, SigDSSPlacementPreference
from pyhanko.sign.timestamps import TimestampRequestError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from sliproad.foundation.documents.identity import SigningIdentity
from sliproad.foundation.documents.trust_services import Fetch, FetchedTimeStamper, fetchers


class SignatureError(Exception):
    """The document could not be signed: no valid certificate path, no time stamp, or a broken PDF."""


@dataclass(frozen=True)
class TimestampService:
    """An RFC 3161 service and the guarded client to reach it by; whoever sets its address trusts the chain it shows."""

    url: str
    fetch: Fetch


async def sign_pdf(
    pdf: bytes,
    identity: SigningIdentity,
    *,
    reason: str,
    location: str | None,
    field_name: str,
    signed_at: datetime,
    timestamp_service: TimestampService | None = None,
) -> bytes:
    """Give the PDF with one signature in the field ``field_name``, claiming the time ``signed_at`` (aware).

    With ``timestamp_service`` the time is proven and the revocation information is inside (B-LT), in the same revision,
    so that the signature still covers the whole file. Raises `SignatureError`.
    """
    signed = io.BytesIO()
    try:
        metadata = signers.PdfSignatureMetadata(
            field_name=field_name,
            subfilter=fields.SigSeedSubFilter.PADES,
            md_algorithm="sha256",
            reason=reason,
            location=location or None,
            name=identity.name,
            certify=True,
            docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        )
        stamper = None
        if timestamp_service:
            stamper = FetchedTimeStamper(timestamp_service.url, timestamp_service.fetch)
            metadata = replace(metadata, **await _long_term(identity, timestamp_service, stamper))
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        signer = _PdfSigner(metadata, _cms_signer(identity), timestamper=stamper)
        signer.signed_at = signed_at
        await signer.async_sign_pdf(writer, output=signed)
    except (SigningError, PathError, ValidationError, PdfError, TimestampRequestError) as error:
        raise SignatureError(f"{error} ({error.__cause__})" if error.__cause__ else str(error)) from error
    return signed.getvalue()


def as_asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    """The same certificate in the library that pyHanko speaks."""
    return asn1_x509.Certificate.load(certificate.public_bytes(Encoding.DER))


class _PdfSigner(signers.PdfSigner):
    """Signs at the time it is told, in place of the machine's clock."""

    signed_at: datetime

    def init_signing_session(self, *arguments: Any, **named: Any) -> Any:
        session = super().init_signing_session(*arguments, **named)
        session.system_time = self.signed_at
        return session


def _cms_signer(identity: SigningIdentity) -> signers.SimpleSigner:
    """A root inside a signature proves nothing, and its bytes are the only ones there that no check would cover."""
    key = identity.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    store = SimpleCertificateStore.from_certs(map(as_asn1, identity.chain))  # type: ignore[no-untyped-call]
    return signers.SimpleSigner(
        signing_cert=as_asn1(identity.certificate),
        signing_key=asn1_keys.PrivateKeyInfo.load(key),
        cert_registry=store,
        embed_roots=False,
    )


async def _long_term(
    identity: SigningIdentity, service: TimestampService, stamper: FetchedTimeStamper
) -> dict[str, Any]:
    context = ValidationContext(
        trust_roots=[as_asn1(identity.trust_root), *await stamper.anchors()],
        other_certs=[as_asn1(certificate) for certificate in identity.chain],
        allow_fetching=True,
        fetchers=fetchers(service.fetch),
    )
    placement = SigDSSPlacementPreference.TOGETHER_WITH_SIGNATURE
    return {
        "validation_context": context,
        "embed_validation_info": True,
        "dss_settings": DSSContentSettings(include_vri=False, placement=placement),
    }
