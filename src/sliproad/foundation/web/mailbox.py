"""`/dev/mail`: the mails that were written as files, for a demo in which nobody has a mail server. Wiring adds it in demo mode only."""

import asyncio
import email
import re
from dataclasses import dataclass
from datetime import datetime
from email.policy import default
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.foundation.errors import NotFound
from sliproad.foundation.language import marked
from sliproad.foundation.web.ui import Pages

NEWEST = 100
SANE_NAME = re.compile(r"[A-Za-z0-9_-]+\.eml")
LINK = re.compile(r"(https?://[^\s<>\"]+)")


@dataclass(frozen=True, slots=True)
class StoredMail:
    name: str
    to: str
    subject: str
    sent_at: datetime | None
    parts: tuple[tuple[str, bool], ...]
    """The text, cut into pieces; True marks a link."""
    attachments: tuple[str, ...]


def router(folder: Path) -> APIRouter:
    """Pages over the `.eml` files in `folder`, newest first."""
    api = APIRouter(include_in_schema=False)
    pages = Pages()

    @api.get("/dev/mail")
    async def mailbox(request: Request) -> Response:
        return pages.render(request, "mailbox.html", mails=await asyncio.to_thread(_newest, folder))

    @api.get("/dev/mail/{name}")
    async def one(request: Request, name: str) -> Response:
        path = folder / name
        if not SANE_NAME.fullmatch(name) or not await asyncio.to_thread(path.is_file):
            raise NotFound(marked("There is no such mail."))
        return pages.render(request, "mail.html", mail=await asyncio.to_thread(_read, path))

    return api


def _newest(folder: Path) -> list[StoredMail]:
    return [_read(path) for path in sorted(folder.glob("*.eml"), reverse=True)[:NEWEST]]


def _read(path: Path) -> StoredMail:
    mail = email.message_from_bytes(path.read_bytes(), policy=default)
    body = mail.get_body(("plain",))
    text = body.get_content() if body else ""
    parts = tuple((piece, index % 2 == 1) for index, piece in enumerate(LINK.split(text)))
    attachments = tuple(part.get_filename() or "unnamed" for part in mail.iter_attachments())
    return StoredMail(
        path.name,
        str(mail["To"]),
        str(mail["Subject"]),
        mail["Date"].datetime if mail["Date"] else None,
        parts,
        attachments,
    )
