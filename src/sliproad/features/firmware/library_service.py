"""A CPO's firmware library: files of ours, uploaded as they come, or URLs that charge points get by themselves.

`library_routes` call it; `updates_service` installs from it.
"""

import binascii
from base64 import b64decode
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from cryptography.x509 import load_pem_x509_certificate

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.firmware import updates_store
from sliproad.features.firmware.transfer_urls import safe_name
from sliproad.features.firmware.updates_model import fits
from sliproad.features.firmware.updates_store import FirmwareRow
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import Conflict, InvalidInput, NotFound
from sliproad.foundation.file_streams import IncomingFile
from sliproad.foundation.ids import new_id
from sliproad.foundation.web import Page

MOST_BYTES = 100 * 1024 * 1024
SCHEMES = frozenset({"http", "https", "ftp", "ftps", "sftp"})
LONGEST_URL = 512
"""OCPP's `location`."""


@dataclass(frozen=True, slots=True)
class NewFirmware:
    """What a CPO says about firmware. `checksum` is SHA-256 in hex; a signature comes with its certificate or not at all."""

    version: str
    vendor: str
    models: tuple[str, ...]
    checksum: str | None = None
    signature: str | None = None
    signing_certificate: str | None = None
    notes: str | None = None


class FirmwareLibrary:
    """See the module."""

    def __init__(self, database: Database, clock: Clock, *, most_bytes: int = MOST_BYTES) -> None:
        """`database` speaks as role `web`."""
        self.database = database
        self.clock = clock
        self.most_bytes = most_bytes

    def begin_file(self, actor: OrganizationActor) -> IncomingFile:
        """A file that is about to arrive; `add_file` makes firmware of it."""
        return IncomingFile(self.database, actor.scope, actor.organization_id, most_bytes=self.most_bytes)

    async def add_file(self, actor: OrganizationActor, new: NewFirmware, file: IncomingFile, name: str) -> FirmwareRow:
        """Put a file that has arrived into the library.

        Raises:
            InvalidInput: it is empty, its checksum is another, or what is said about it is wrong.
        """
        check(new)
        if not file.size_bytes:
            raise InvalidInput.field("file", "is empty")
        async with self.database.transaction(actor.scope) as session:
            facts = await file.finish(session, name=safe_name(name))
            if new.checksum is not None and new.checksum.lower() != facts.sha256:
                raise InvalidInput.field("checksum", f"is not that of the file, which is {facts.sha256}")
            values = {"name": facts.name, "file_id": facts.file_id, "size_bytes": facts.size_bytes}
            return await self._insert(session, actor, replace(new, checksum=facts.sha256), values)

    async def add_url(self, actor: OrganizationActor, new: NewFirmware, url: str) -> FirmwareRow:
        """Register firmware that the charge point gets elsewhere; we never dial the URL.

        Raises:
            InvalidInput: the URL can't be one, or what is said about the firmware is wrong.
        """
        check(new)
        name = check_url(url)
        async with self.database.transaction(actor.scope) as session:
            return await self._insert(session, actor, new, {"name": safe_name(name), "url": url})

    async def page(self, actor: OrganizationActor, page: Page) -> tuple[list[FirmwareRow], int, str | None]:
        """One page of the library, newest first, how many there are, and the next cursor."""
        after = page.after(datetime, str)
        async with self.database.transaction(actor.scope) as session:
            rows, total = await updates_store.select_firmwares(
                session, actor.organization_id, limit=page.limit + 1, after=(after[0], after[1]) if after else None
            )
        kept, next_cursor = page.cut(rows, lambda row: (row.created_at, row.firmware_id))
        return kept, total, next_cursor

    async def get(self, actor: OrganizationActor, firmware_id: str) -> FirmwareRow:
        """One of the library.

        Raises:
            NotFound: absent, removed, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            return await self.of_organization(session, actor.organization_id, firmware_id)

    async def remove(self, actor: OrganizationActor, firmware_id: str) -> None:
        """Take firmware out of the library; finished updates keep naming it.

        Raises:
            NotFound: absent, removed, or another organisation's.
            Conflict: `firmware_in_use`, an update is under way.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self.of_organization(session, actor.organization_id, firmware_id)
            if await updates_store.is_in_use(session, firmware_id):
                raise Conflict("This firmware is being installed on a charge point just now.", code="firmware_in_use")
            row.removed_at = self.clock.now()

    async def of_organization(self, session: Session, organization_id: str, firmware_id: str) -> FirmwareRow:
        """Firmware of an organisation.

        Raises:
            NotFound: absent, removed, or another organisation's.
        """
        row = await updates_store.find_firmware(session, firmware_id)
        if row is None or row.organization_id != organization_id or row.removed_at is not None:
            raise NotFound("There is no such firmware.")
        return row

    async def find(
        self, session: Session, organization_id: str, *, vendor: str, model: str, version: str
    ) -> str | None:
        """The newest firmware of this version for such a charge point; None where the library has none."""
        rows = await updates_store.select_versions(session, organization_id, version)
        return next(
            (row.firmware_id for row in rows if fits(row.vendor, row.models, of_vendor=vendor, of_model=model)), None
        )

    async def _insert(
        self, session: Session, actor: OrganizationActor, new: NewFirmware, more: dict[str, object]
    ) -> FirmwareRow:
        values = asdict(new) | {"models": list(new.models), "sha256": new.checksum}
        del values["checksum"]
        values |= {
            "firmware_id": new_id("fw"),
            "organization_id": actor.organization_id,
            "created_at": self.clock.now(),
            "created_by": actor.display_name,
        }
        return await updates_store.insert_firmware(session, values | more)


def check(new: NewFirmware) -> None:
    """Refuse a signature without certificate, one that is not base64, a certificate that is none or holds a private key.

    Raises:
        InvalidInput: naming the field.
    """
    if (new.signature is None) != (new.signing_certificate is None):
        missing = "signature" if new.signature is None else "signing_certificate"
        raise InvalidInput.field(missing, "is required: signature and signing_certificate come together")
    if new.signature is None or new.signing_certificate is None:
        return
    try:
        b64decode(new.signature, validate=True)
    except binascii.Error:
        raise InvalidInput.field("signature", "is not base64") from None
    if "PRIVATE KEY" in new.signing_certificate:
        raise InvalidInput.field("signing_certificate", "holds a private key; send the certificate alone")
    try:
        load_pem_x509_certificate(new.signing_certificate.encode())
    except ValueError:
        raise InvalidInput.field("signing_certificate", "is not a certificate in PEM") from None


def check_url(url: str) -> str:
    """The file's name in a URL that a charge point can be given.

    Raises:
        InvalidInput: it is none, or holds credentials, which would be readable to everybody on the way.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput.field("url", "is not a URL") from None
    has_odd_letters = any(ord(letter) <= 32 or ord(letter) > 126 for letter in url)
    if len(url) > LONGEST_URL or not parts.hostname or port == 0 or has_odd_letters:
        raise InvalidInput.field("url", "is not a URL with a host")
    if parts.scheme not in SCHEMES:
        raise InvalidInput.field("url", "must begin with https://, http:// or ftp://")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput.field("url", "must not hold a user name or password")
    return parts.path
