"""Photos that document a charge point: uploaded by installers and site owners, re-encoded, stored, read by them and the organisation.

`photos_routes`, and the pages and routes of faults, call it; `issues_service` asks `require_uploaded` about the ids that a report names.
"""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import orjson
import structlog

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commissioning import issues_store as store
from sliproad.features.commissioning.issues import Reporter, person_of
from sliproad.features.commissioning.issues_reach import IssueReach
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import FieldError, InvalidInput, NotFound
from sliproad.foundation.files import Files
from sliproad.foundation.ids import new_id
from sliproad.foundation.web.limits import RateLimiter

log = structlog.get_logger()
LARGEST_BYTES = 10 * 1024 * 1024
UPLOADS = "200/hour"
ENCODING_SECONDS = 30
AT_ONCE = 2
MODULE = "sliproad.features.commissioning.photo_encoding"
MIME = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Photo:
    photo_id: str
    width: int
    height: int
    size_bytes: int
    uploaded_at: datetime


class PhotoService:
    """One per web process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        registry: RegistryService,
        projects: ProjectService,
        files: Files,
        limiter: RateLimiter,
    ) -> None:
        """`database` speaks as role `web`."""
        self.database, self.clock = database, clock
        self.files, self.limiter = files, limiter
        self.reach = IssueReach(registry, projects)
        self._encoding = asyncio.Semaphore(AT_ONCE)

    async def upload(self, actor: Reporter, charge_point_id: str, data: bytes) -> Photo:
        """Store a photo of a charge point, re-encoded.

        Raises:
            NotFound: no such charge point in their reach.
            Conflict: it is not their time to report (`IssueReach.require_reporting`).
            InvalidInput: `photo` is too large, damaged, or no image of the kinds that are taken.
            TooMany: more than `UPLOADS` of this person.
        """
        await self._may_upload(actor, charge_point_id)
        await self.limiter.hit(UPLOADS, "photos", person_of(actor).id)
        if len(data) > LARGEST_BYTES:
            raise InvalidInput.field("photo", f"must be at most {LARGEST_BYTES // 1024 // 1024} MiB")
        async with self._encoding:
            jpeg, width, height = await encoded(data)
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.reach.charge_point(session, actor, charge_point_id)
            await self.reach.require_reporting(session, actor, charge_point.project_id)
            photo_id, owner = new_id("pho"), charge_point.organization_id
            name = f"{photo_id}.jpg"
            file_id = await self.files.save(session, owner, name, MIME, jpeg, project_id=charge_point.project_id)
            row = store.PhotoRow(
                photo_id=photo_id,
                organization_id=owner,
                charge_point_key=charge_point.key,
                file_id=file_id,
                width=width,
                height=height,
                size_bytes=len(jpeg),
                uploaded_by=person_of(actor).id,
                uploaded_at=self.clock.now(),
            )
            session.add(row)
        return photo_of(row)

    async def read_by_reporter(self, actor: Reporter, charge_point_id: str, photo_id: str) -> bytes:
        """The JPEG.

        Raises:
            NotFound: no such charge point in their reach, or no such photo of it.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.reach.charge_point(session, actor, charge_point_id)
            row = await store.find_photo(session, photo_id)
        if row is None or row.charge_point_key != charge_point.key:
            raise absent()
        # The file is the project's of then; the charge point may have been moved since.
        async with self.database.transaction(replace(actor.scope, lookup=row.file_id)) as session:
            return (await self.files.read(session, row.file_id)).data

    async def read(self, actor: OrganizationActor, photo_id: str) -> bytes:
        """The JPEG, for the charge point's organisation.

        Raises:
            NotFound: absent, or another organisation's.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await store.find_photo(session, photo_id)
            if row is None or row.organization_id != actor.organization_id:
                raise absent()
            return (await self.files.read(session, row.file_id)).data

    async def require_uploaded(self, session: Session, charge_point_key: int, wanted: Mapping[int, str]) -> None:
        """That these photos (place in the report -> id) were uploaded for this charge point.

        Raises:
            InvalidInput: naming each that was not.
        """
        known = {row.photo_id for row in await store.photos_of(session, charge_point_key, set(wanted.values()))}
        wrong = tuple(
            FieldError(f"photo_urls.{place}", "is not the id of a photo that was uploaded for this charge point")
            for place, photo_id in wanted.items()
            if photo_id not in known
        )
        if wrong:
            raise InvalidInput(f"{wrong[0].field} {wrong[0].message}", wrong)

    async def _may_upload(self, actor: Reporter, charge_point_id: str) -> None:
        """Refuse before any work is done; it is asked again in the transaction that stores the photo."""
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.reach.charge_point(session, actor, charge_point_id)
            await self.reach.require_reporting(session, actor, charge_point.project_id)


async def encoded(data: bytes) -> tuple[bytes, int, int]:
    """A photo's JPEG, width and height, made by a process of its own (see `photo_encoding`).

    Raises:
        InvalidInput: it is no photo that can be taken.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", MODULE, env={},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(ENCODING_SECONDS):
            out, said = await child.communicate(data)
    except TimeoutError:
        raise InvalidInput.field("photo", "takes too long to be read") from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    head, _, jpeg = out.partition(b"\n")
    if child.returncode or not head:
        log.warning("photo_encoding_died", code=child.returncode, said=said[-500:].decode(errors="replace"))
        raise InvalidInput.field("photo", "can't be read")
    answer = orjson.loads(head)
    if "unusable" in answer:
        raise InvalidInput.field("photo", answer["unusable"])
    return jpeg, answer["width"], answer["height"]


def photo_of(row: store.PhotoRow) -> Photo:
    """The facts in a row."""
    return Photo(row.photo_id, row.width, row.height, row.size_bytes, row.uploaded_at)


def absent() -> NotFound:
    """The same words whether it does not exist or is somebody else's."""
    return NotFound("There is no such photo.")
