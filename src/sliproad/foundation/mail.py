"""Mails as values, and how one leaves: by SMTP, or as an `.eml` file in `DATA_DIR/mail/` where no SMTP is set.

Features make a `Mail` and give it to `outgoing.Outgoing.enqueue`; only the job there calls a mailer.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib

from sliproad.foundation.clock import Clock
from sliproad.foundation.errors import InvalidInput, UpstreamUnavailable

ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9-]{1,63}"
)
LONGEST_ADDRESS = 254
LONGEST_LINE = 990
TIMEOUT_SECONDS = 20.0


def is_address(text: str) -> bool:
    """Whether `text` is a plain mailbox address (RFC 5321, ASCII): nothing that could begin another header or recipient."""
    return len(text) <= LONGEST_ADDRESS and ADDRESS.fullmatch(text) is not None and ".." not in text


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one person, in text and HTML. The subject may hold text of tenants: line breaks in it become spaces."""

    to: str
    subject: str
    text: str
    html: str
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        if not is_address(self.to):
            raise InvalidInput.field("to", "is not an e-mail address")


class Mailer(Protocol):
    async def send(self, mail: Mail, message_id: str) -> None:
        """Send it; a repetition carries the same `message_id`, so that it can be recognised."""
        ...


def message(mail: Mail, *, sender: str, message_id: str, clock: Clock) -> EmailMessage:
    """The mail as it goes out (RFC 5322, MIME)."""
    made = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    made["From"] = Address(name, addr_spec=address)
    made["To"] = Address(addr_spec=mail.to)
    made["Subject"] = " ".join(mail.subject.split())
    made["Date"] = format_datetime(clock.now())
    made["Message-ID"] = f"<{message_id}@{address.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(mail.text, cte=_transfer_encoding(mail.text))
    made.add_alternative(mail.html, subtype="html", cte=_transfer_encoding(mail.html))
    for attachment in mail.attachments:
        main, _, sub = attachment.mime.partition("/")
        made.add_attachment(attachment.data, maintype=main, subtype=sub, filename=attachment.name)
    return made


def _transfer_encoding(text: str) -> str | None:
    """8bit where lines are short enough (RFC 5321 §4.5.3.1.6), so that a link can be read in the raw mail; else the library's choice."""
    return "8bit" if max(map(len, text.encode().splitlines()), default=0) <= LONGEST_LINE else None


class FileMailer:
    """Writes `.eml` files whose names sort by time, newest last. A repeated mail replaces its first file."""

    def __init__(self, folder: Path, *, sender: str, clock: Clock) -> None:
        self.folder = folder
        self.sender = sender
        self.clock = clock

    async def send(self, mail: Mail, message_id: str) -> None:
        data = bytes(message(mail, sender=self.sender, message_id=message_id, clock=self.clock))
        await asyncio.to_thread(self._write, message_id, data)

    def _write(self, message_id: str, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        earlier = next(self.folder.glob(f"*-{message_id}.eml"), None)
        written_at = datetime.now(UTC)  # the machine's own time: only the order of the names matters
        target = earlier or self.folder / f"{written_at:%Y%m%dT%H%M%S%fZ}-{message_id}.eml"
        partial = target.with_suffix(".part")
        partial.write_bytes(data)
        partial.replace(target)


class SmtpMailer:
    """Sends through `smtp://user:password@host:587` (STARTTLS where offered) or `smtps://…:465`."""

    def __init__(self, url: str, *, sender: str, clock: Clock) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise InvalidInput.field("smtp_url", "must be such as smtp://user:password@host:587 or smtps://host:465")
        self.host = parts.hostname
        self.is_tls = parts.scheme == "smtps"
        self.port = parts.port or (465 if self.is_tls else 587)
        self.user = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None
        self.sender = sender
        self.clock = clock

    async def send(self, mail: Mail, message_id: str) -> None:
        """Raises UpstreamUnavailable when the server can't be reached or refuses; the job tries again."""
        try:
            await aiosmtplib.send(
                message(mail, sender=self.sender, message_id=message_id, clock=self.clock),
                hostname=self.host,
                port=self.port,
                username=self.user,
                password=self.password,
                use_tls=self.is_tls,
                timeout=TIMEOUT_SECONDS,
            )
        except aiosmtplib.SMTPException as error:
            raise UpstreamUnavailable(f"The mail server did not take the mail: {type(error).__name__}.") from None
