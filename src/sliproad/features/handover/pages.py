"""Pages for people with a certificate: the download behind a link, a new link, and `/verify`, which says whether it is genuine."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, File, Request, UploadFile
from pydantic import Field
from starlette.responses import Response

from sliproad.features.accounts.answers import address_of
from sliproad.features.handover.checking import CertificateChecker, named_in
from sliproad.features.handover.service import HandoverService
from sliproad.foundation.errors import NotFound
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import RequestModel
from sliproad.foundation.web.ui import Form as Filled
from sliproad.foundation.web.ui import Pages, see_other

LARGER_BODIES = {"/verify(/|$)": 32 * 1024 * 1024}
"""A certificate of 60 charge points is about 1 MB; whoever checks one may upload it whole."""

PAGES = Pages(Path(__file__).parent / "templates")
NUMBER = re.compile(r"cert_[0-9a-z]{20}")


class QuestionForm(RequestModel):
    """What somebody knows of a certificate: its number or the address on it; a file instead, or both."""

    number: Annotated[str, Field(max_length=500)] = ""


def router(service: HandoverService, checker: CertificateChecker) -> APIRouter:
    """The pages of handovers."""
    web = APIRouter(include_in_schema=False)
    _add_downloads(web, service)
    _add_question(web, checker)
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


def _add_question(web: APIRouter, checker: CertificateChecker) -> None:
    @web.get("/verify")
    async def ask(request: Request) -> Response:
        return PAGES.render(request, "verify_ask.html", form=Filled[QuestionForm].blank())

    @web.post("/verify")
    async def answer(request: Request) -> Response:
        form = await Filled.read(request, QuestionForm)
        if form.value is None:
            return PAGES.render(request, "verify_ask.html", status_code=422, form=form)
        number = number_in(form.value.number)
        if not form.files.get("certificate"):
            if number:
                return see_other(request, f"/verify/{quote(number, safe='')}")
            form.fail("number", _("Type the number, or choose the file."))
            return PAGES.render(request, "verify_ask.html", status_code=422, form=form)
        await checker.admit(address_of(request))
        pdf = form.files["certificate"][0].data
        number = number or named_in(pdf) or ""
        if not number:
            form.fail(
                "certificate",
                _("This file names no certificate of Sliproad. It is no certificate, or not a whole one."),
            )
            return PAGES.render(request, "verify_ask.html", status_code=422, form=form)
        try:
            issued = await checker.issued(number)
        except NotFound:
            return unknown(request, number)
        return PAGES.render(request, "verify.html", issued=issued, finding=await checker.check(issued, pdf))


def number_in(typed: str) -> str:
    """The certificate's number in what somebody typed or scanned: the number itself, or the address of its page."""
    found = NUMBER.search(typed.lower())
    return found.group() if found else typed.strip().strip("/")[-64:]


def unknown(request: Request, certificate_id: str) -> Response:
    """No certificate with this number was issued here."""
    return PAGES.render(request, "verify_unknown.html", status_code=404, certificate_id=certificate_id[:64])


def _add_verification(web: APIRouter, checker: CertificateChecker) -> None:
    @web.get("/verify/{certificate_id}")
    async def verify(request: Request, certificate_id: str) -> Response:
        try:
            issued = await checker.issued(certificate_id)
        except NotFound:
            return unknown(request, certificate_id)
        return PAGES.render(request, "verify.html", issued=issued, finding=None)

    @web.post("/verify/{certificate_id}")
    async def check(request: Request, certificate_id: str, certificate: Annotated[UploadFile, File()]) -> Response:
        await checker.admit(address_of(request))
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
