"""Background work of handovers: certificates are made and mailed by a worker."""

from sliproad.features.handover.issuing import CertificateIssuer
from sliproad.features.handover.service import ISSUE, SEND_LINK
from sliproad.foundation.jobs import Jobs


def register(jobs: Jobs, issuer: CertificateIssuer) -> None:
    """`handover.issue_certificate(certificate_id)` and `handover.send_link(certificate_id, mailbox)`; both may run again."""

    async def issue_certificate(certificate_id: str) -> None:
        await issuer.issue(certificate_id)

    async def send_link(certificate_id: str, mailbox: str) -> None:
        await issuer.send_link(certificate_id, mailbox)

    jobs.task(ISSUE, issue_certificate, attempts=20)
    jobs.task(SEND_LINK, send_link)
