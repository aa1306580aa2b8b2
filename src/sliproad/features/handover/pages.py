"""Pages for people with a certificate: the download behind a link, a new link, and `/verify/{certificate_id}`."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from starlette.responses import Response

from sliproad.features.handover.checking import CertificateChecker
from sliproad.features.handover.service import HandoverService
from sliproad.foundation.errors import NotFound
from sliproad.foundation.web.ui import Pages

LARGER_BODIES = {"/verify/": 32 * 1024 * 1024}
"""A certificate of 60 charge points is about 1 MB; whoever checks one may upload it whole."""

PAGES = Pages(Path(__file__).parent / "templates")


def router(service: HandoverService, checker: CertificateChecker) -> APIRouter:
    """The pages of handovers."""
    web = APIRouter(include_in_schema=False)
    _add_downloads(web, service)
    _add_verification(web, checker)
    return web


def _add_downloads(web: APIRouter, service: HandoverService) -> None:
    @web.get("/certificates/{token}.pdf")
    async def download(request: Request, token: str) -> Response:
        link = await service.open_link(token)
        if link.is_expired:
            return PAGES.render(
                request, "link_expired.html", status_code=410, token=token, mailbox=masked(link.mailbox), is_sent=False
            )
        if link.file is None:
            return PAGES.render(request, "being_signed.html", status_code=503, headers={"Retry-After": "5"})
        headers = {
            "Content-Disposition": f'attachment; filename="{link.file.name}"',
            "Cache-Control": "private, no-store",
            "X-Robots-Tag": "noindex",
        }
        return Response(link.file.data, media_type="application/pdf", headers=headers)

    @web.post("/certificates/{token}/new-link")
    async def new_link(request: Request, token: str) -> Response:
        mailbox = masked(await service.renew_link(token))
        return PAGES.render(request, "link_expired.html", token=token, mailbox=mailbox, is_sent=True)


def _add_verification(web: APIRouter, checker: CertificateChecker) -> None:
    @web.get("/verify/{certificate_id}")
    async def verify(request: Request, certificate_id: str) -> Response:
        try:
            issued = await checker.issued(certificate_id)
        except NotFound:
            return PAGES.render(request, "verify_unknown.html", status_code=404, certificate_id=certificate_id[:64])
        return PAGES.render(request, "verify.html", issued=issued, finding=None)

    @web.post("/verify/{certificate_id}")
    async def check(request: Request, certificate_id: str, certificate: Annotated[UploadFile, File()]) -> Response:
        issued = await checker.issued(certificate_id)
        finding = await checker.check(issued, await certificate.read())
        return PAGES.render(request, "verify.html", issued=issued, finding=finding)

    @web.get("/verify/{certificate_id}/root.pem")
    async def root(certificate_id: str) -> Response:
        issued = await checker.issued(certificate_id)
        if issued.trust_root is None:
            raise NotFound("This certificate has not been signed yet.")
        return Response(issued.trust_root, media_type="application/x-pem-file")


def masked(mailbox: str) -> str:
    """A mailbox that its owner recognises and nobody else learns: `s…@riversidebp.co.uk`."""
    name, _, host = mailbox.rpartition("@")
    return f"{name[:1]}…@{host}"
