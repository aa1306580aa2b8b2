"""`/dev/ui`: the design sheet as a living page, every component in all its states, made with the same macros as the product's pages."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.foundation.errors import FieldError, InvalidInput
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web.ui.forms import Form
from sliproad.foundation.web.ui.pages import Pages
from sliproad.foundation.web.ui.statuses import WORDS
from sliproad.foundation.web.ui.tables import Column, Table

BEGAN = datetime(2026, 5, 1, 10, 23, 7, tzinfo=UTC)
COLOURS = ("ink", "accent", "brand", "amber", "good", "bad", "warning", "busy")
ICONS = (
    "check", "cross", "alert", "info", "plug", "bolt", "camera", "pen", "copy", "clock", "download", "upload",
    "chevron", "back", "menu", "user", "users", "folder", "home", "search", "inbox", "flag", "file", "list",
    "settings", "play", "pause", "stop", "refresh", "logout", "phone", "mail", "pin", "qr", "key", "eye", "shield",
    "plus", "chart", "globe", "euro", "link", "trash", "charger",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Specimen:
    """One step or one line of a timeline."""

    title: str
    state: str = ""
    tone: str = ""
    text: str = ""
    detail: str = ""
    advice: str = ""
    at: datetime | None = None


def steps() -> list[Specimen]:
    """One step in each state."""
    return [
        Specimen(_("Connection"), "passed", at=BEGAN, detail=_("Connected by wss from 198.51.100.7.")),
        Specimen(_("Configuration"), "passed", at=BEGAN + timedelta(seconds=9)),
        Specimen(_("Clock"), "warning", at=BEGAN + timedelta(seconds=14), detail=_("The charger's clock is 95 s slow.")),
        Specimen(_("Firmware"), "skipped", detail=_("The template asks for none.")),
        Specimen(
            _("Test charge"), "running", detail=_("Waiting for a cable at connector 1."),
            advice=_("Plug a vehicle or a tester into connector 1. You have 4 minutes."),
        ),
        Specimen(
            _("Emergency stop"), "failed", detail=_("No status came within 30 s."),
            advice=_("Release the button, check its cable, and restart this step."),
        ),
        Specimen(_("Remote stop"), "paused"),
        Specimen(_("Handover"), "pending"),
    ]  # fmt: skip


def events() -> list[Specimen]:
    """Lines of a timeline."""
    return [
        Specimen(_("Connected"), tone="good", text=_("OCPP 2.0.1, from 198.51.100.7"), at=BEGAN),
        Specimen(
            "BootNotification", text="HYC300 · 2.4.1 · <script>alert(1)</script>", at=BEGAN + timedelta(seconds=1)
        ),
        Specimen(_("Clock is slow"), tone="warning", at=BEGAN + timedelta(seconds=14)),
        Specimen(_("Connection lost"), tone="bad", text=_("No answer for 60 s."), at=BEGAN + timedelta(seconds=95)),
    ]


def wrong_form() -> Form[Any]:
    """A form that came back."""
    form: Form[Any] = Form.blank(
        email="alex@acme", role="installer", note=_("Bay 4, behind the barrier"), agreed="true"
    )
    form.refuse(InvalidInput("", (FieldError("email", _("is not an e-mail address")),)))
    form.fail("signature", _("Please sign."))
    return form


def router() -> APIRouter:
    """The page."""
    pages, web = Pages(), APIRouter(include_in_schema=False)

    @web.get("/dev/ui")
    async def gallery(request: Request) -> Response:
        columns = [
            Column("serial", _("Serial number"), sorts=True),
            Column("status", _("Status")),
            Column("energy", _("Energy"), sorts=True, is_number=True),
            Column("", ""),
        ]
        rows = [
            ("ALP-300-0017", "available", 1834.5),
            ("ALP-300-0018", "faulted", 0),
            ("KEBA-30-2204", "charging", 22.41),
        ]
        power = [(BEGAN + timedelta(seconds=10 * i), min(46 * i, 287) * (1 - max(0, i - 24) / 40)) for i in range(40)]
        return pages.render(
            request, "gallery.html", colours=COLOURS, icons=ICONS, steps=steps(), events=events(), form=wrong_form(),
            blank=Form.blank(), words=WORDS, power=power, now=datetime.now(UTC), began=BEGAN,
            table=Table(request, columns, rows, total=128, next_cursor="x", export="/dev/ui"),
            empty_table=Table(request, columns, [], total=0),
        )  # fmt: skip

    return web
