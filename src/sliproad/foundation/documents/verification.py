"""Judges a PDF that somebody brings back: is it the one we signed, byte for byte?

Called by pages where anyone may hand in a document, so every byte is hostile until shown otherwise: whatever breaks the
parser is a document without a valid signature, never an error. A signature that covers less than the whole file is not
enough: bytes appended after signing leave it mathematically valid (ISO 32000-2 §12.8.1).
"""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from asn1crypto.cms import ContentInfo
from cryptography import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from sliproad.foundation.documents.signing import as_asn1
from sliproad.foundation.language import marked

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Verdict:
    """What is true of a PDF's signature. `genuine` is the whole answer; the rest tells which part of it fails.

    ``intact``: the signed bytes are unchanged. ``valid``: the signature is by the key of the certificate inside.
    ``trusted``: that certificate leads to a root we were given. ``covers_whole_file``: nothing was appended.
    ``signed_at`` is what the signer claims; ``timestamped_at`` is proven by an RFC 3161 authority, if there is a stamp.
    ``problems`` are sentences for people, empty for a genuine document.
    """

    intact: bool = False
    valid: bool = False
    trusted: bool = False
    covers_whole_file: bool = False
    signer: str | None = None
    signed_at: datetime | None = None
    timestamped_at: datetime | None = None
    problems: tuple[str, ...] = ()

    @property
    def genuine(self) -> bool:
        return self.intact and self.valid and self.trusted and self.covers_whole_file and not self.problems


async def verify_pdf(
    pdf: bytes, trust_roots: Sequence[x509.Certificate] = (), *, at: datetime | None = None
) -> Verdict:
    """Judge the one signature of the PDF, in a thread; never raises on account of the file.

    Certificates are judged as of ``at``, which is for a document whose time of signing is known from elsewhere (our own
    record), or now. No request leaves the machine.
    """
    return await asyncio.to_thread(lambda: asyncio.run(_judge(pdf, trust_roots, at)))


def extract_attachments(pdf: bytes) -> dict[str, bytes]:
    """The files embedded in a PDF by name (ISO 32000-2 §7.11.4); for documents that `verify_pdf` found genuine."""
    names = PdfFileReader(io.BytesIO(pdf)).root["/Names"]["/EmbeddedFiles"]
    return dict(_embedded(names))


def _embedded(node: Any) -> list[tuple[str, bytes]]:
    listed = node.get("/Names", ())
    files = [(str(listed[i]), listed[i + 1]["/EF"]["/F"].data) for i in range(0, len(listed), 2)]
    return files + [file for kid in node.get("/Kids", ()) for file in _embedded(kid)]


async def _judge(pdf: bytes, trust_roots: Sequence[x509.Certificate], at: datetime | None) -> Verdict:
    try:
        signatures = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures
        if not signatures:
            return Verdict(problems=(marked("The file carries no signature."),))
        if len(signatures) > 1:
            return Verdict(problems=(marked("The file carries more than one signature."),))
        if not _nothing_hides_in(signatures[0]):
            return Verdict(problems=(marked("The document was changed after it was signed."),))
        status = await async_validate_pdf_signature(
            signatures[0],
            _context(trust_roots, at),
            ts_validation_context=_context(trust_roots, at),
            key_usage_settings=KeyUsageConstraints(key_usage={"non_repudiation", "digital_signature"}),
        )
    except Exception as error:  # noqa: BLE001 - a hostile file may break the parser in any way
        log.info("document_unreadable", error=type(error).__name__)
        return Verdict(problems=(marked("The file is damaged or is no signed PDF."),))
    return _verdict(status)


def _nothing_hides_in(signature: EmbeddedPdfSignature) -> bool:
    """Whether the place that holds the signature holds only that, since the signature can't cover itself.

    After the CMS come zeros only, and what is in the CMS is signed, or repeats what is (RFC 5652 §5.1, §5.3).
    """
    content = bytes(signature.pkcs7_content)
    length = len(ContentInfo.load(content).dump())
    signed, signer = signature.signed_data, signature.signer_info
    return (
        not content[length:].strip(b"\0")
        and signed["version"].native == signer["version"].native == "v1"
        and [entry.dump() for entry in signed["digest_algorithms"]] == [signer["digest_algorithm"].dump()]
        and signer["digest_algorithm"]["parameters"].native is None
    )


def _context(trust_roots: Sequence[x509.Certificate], at: datetime | None) -> ValidationContext:
    return ValidationContext(trust_roots=[as_asn1(root) for root in trust_roots], moment=at, allow_fetching=False)


def _verdict(status: PdfSignatureStatus) -> Verdict:
    covers = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    stamp = status.timestamp_validity
    stamped_at = stamp.timestamp if stamp is not None and stamp.intact and stamp.valid else None
    problems = [
        sentence
        for is_wrong, sentence in (
            (not status.intact, marked("The document was changed after it was signed.")),
            (status.intact and not status.valid, marked("The signature does not match its certificate.")),
            (status.revoked, marked("The signer's certificate has been revoked.")),
            (
                status.intact and status.valid and not status.trusted and not status.revoked,
                marked("The signer is not one of this installation."),
            ),
            (not covers, marked("Something was added to the file after it was signed.")),
            (covers and not status.docmdp_ok, marked("The document was changed in a way its signer did not permit.")),
            (stamp is not None and stamped_at is None, marked("The time stamp in the signature is not valid.")),
        )
        if is_wrong
    ]
    return Verdict(
        intact=status.intact,
        valid=status.valid,
        trusted=status.trusted,
        covers_whole_file=covers,
        signer=status.signing_cert.subject.native.get("common_name"),
        signed_at=status.signer_reported_dt,
        timestamped_at=stamped_at,
        problems=tuple(problems),
    )
