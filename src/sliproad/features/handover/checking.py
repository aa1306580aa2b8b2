"""Tells anyone whether a certificate is genuine. `pages` calls it; it trusts nothing that it is given.

Two independent proofs: the file's SHA-256 is the one that was kept when the certificate was issued, and its signature holds. Who
knows a certificate's id has seen the certificate, so the page repeats some of what stands on its cover, and no mailbox.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

import structlog
from cryptography import x509

from sliproad.features.handover import store
from sliproad.features.handover.certificate.record import RECORD_FILE_NAME
from sliproad.foundation.database import Database, Scope
from sliproad.foundation.documents.verification import Verdict, extract_attachments, verify_pdf
from sliproad.foundation.errors import NotFound
from sliproad.foundation.language import marked
from sliproad.foundation.web.limits import RateLimiter

log = structlog.get_logger()
CHECKS = "20/minute"


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """What the page shows of a certificate; the digests and `trust_root` (PEM) are None until it has been signed."""

    certificate_id: str
    handed_over_at: datetime
    signed_by: str
    organization_name: str | None
    project_name: str | None
    site_name: str | None
    serial_numbers: tuple[str, ...]
    pdf_sha256: str | None
    record_sha256: str | None
    trust_root: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is true of a file that was handed in. `other_certificate_id`: it is genuine, but this other one."""

    is_genuine: bool
    verdict: Verdict
    sha256: str
    problems: tuple[str, ...]
    other_certificate_id: str | None = None


class CertificateChecker:
    """Checks certificates; see the module."""

    def __init__(self, database: Database, limiter: RateLimiter) -> None:
        self.database, self.limiter = database, limiter

    async def admit(self, address: str) -> None:
        """Count a file that somebody without an account hands in from a network address: reading it costs real work.

        Raises:
            TooMany: more than `CHECKS` from there.
        """
        await self.limiter.hit(CHECKS, "certificate check", address)

    async def issued(self, certificate_id: str) -> IssuedCertificate:
        """The certificate with this id.

        Raises:
            NotFound: none was issued here.
        """
        async with self.database.transaction(Scope(lookup=certificate_id)) as session:
            row = await store.find_handover(session, certificate_id)
        if row is None:
            raise NotFound(marked("No certificate with this number was issued here."))
        record = json.loads(row.record_json) if row.record_json else {}
        return IssuedCertificate(
            certificate_id=row.certificate_id,
            handed_over_at=row.handed_over_at,
            signed_by=row.signed_by,
            organization_name=record.get("organization_name"),
            project_name=record.get("project", {}).get("name"),
            site_name=record.get("site", {}).get("name"),
            serial_numbers=tuple(point["serial_number"] for point in record.get("charge_points", ())),
            pdf_sha256=row.pdf_sha256,
            record_sha256=row.record_sha256,
            trust_root=row.trust_root,
        )

    async def check(self, issued: IssuedCertificate, pdf: bytes) -> Finding:
        """Judge a file that is said to be this certificate."""
        digest = hashlib.sha256(pdf).hexdigest()
        if issued.trust_root is None:
            return Finding(
                False, Verdict(), digest, (marked("This certificate has not been signed yet. Try again in a minute."),)
            )
        root = x509.load_pem_x509_certificate(issued.trust_root.encode())
        verdict = await verify_pdf(pdf, [root], at=issued.handed_over_at)
        if digest == issued.pdf_sha256:
            return Finding(verdict.genuine, verdict, digest, verdict.problems)
        if verdict.genuine:
            return Finding(False, verdict, digest, (marked("This file is another certificate."),), named_in(pdf))
        return Finding(False, verdict, digest, verdict.problems)


def named_in(pdf: bytes) -> str | None:
    """The certificate that a file says it is, genuine or not; None where it says nothing that can be read."""
    try:
        name = json.loads(extract_attachments(pdf)[RECORD_FILE_NAME])["certificate_id"]
    except Exception as error:  # noqa: BLE001 - a hostile file may break the parser in any way
        log.info("certificate_unreadable", error=type(error).__name__)
        return None
    return name if isinstance(name, str) else None
