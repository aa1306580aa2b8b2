"""Registering many charge points at once, each with a result of its own: a delivery's list, as installers and organisations hold it.

`bulk_routes` and `bulk_pages` call it. All rows are one transaction; each is a savepoint in it, so that one that fails leaves
nothing behind.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.charge_points.model import Address, ChargePoint, NewChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.projects.model import Project, require_open
from sliproad.features.projects.registration import TAKEN_IDS
from sliproad.features.projects.service import ProjectService
from sliproad.features.security.service import CredentialService
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import Conflict, DomainError, FieldError, InvalidInput, TooMany
from sliproad.foundation.web.limits import RateLimiter

MOST_ROWS = 500
AT_ONCE = 4
"""Lists that one process registers in parallel; each holds a connection, and at times a second one for the rate limit."""
WITHDRAWN = (
    "not_registered",
    "Fine by itself, but nothing was registered: other rows failed, and it was all or nothing.",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row of the list. `new` is None where `errors` say what is wrong with it; what could be read of it is told back."""

    row: int
    new: NewChargePoint | None
    serial_number: str | None = None
    vendor: str | None = None
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row: a charge point with its address and its password, shown this once; or why not."""

    candidate: Candidate
    charge_point: ChargePoint | None = None
    address: Address | None = None
    password: str | None = None
    code: str | None = None
    detail: str | None = None
    errors: tuple[FieldError, ...] = ()


class _Withdraw(Exception):
    """Some rows failed, and it was all or nothing; or it was a rehearsal: roll back."""


class BulkRegistrationService:
    """See the module."""

    def __init__(
        self,
        database: Database,
        projects: ProjectService,
        registry: RegistryService,
        credentials: CredentialService,
        *,
        limiter: RateLimiter,
    ) -> None:
        self.database = database
        self.projects = projects
        self.registry = registry
        self.credentials = credentials
        self.limiter = limiter
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def register(
        self,
        actor: InstallerActor | OrganizationActor,
        project_id: str,
        candidates: Sequence[Candidate],
        *,
        all_or_nothing: bool,
        installer_address: str,
    ) -> list[Outcome]:
        """Register the rows that are sound, in a project of the actor's; with `all_or_nothing` all of them or none.

        Raises:
            NotFound: no such project of theirs.
            Conflict: `project_handed_over`.
            InvalidInput: no rows, or more than 500.
        """
        outcomes: list[Outcome] = []
        try:
            async with self._at_once, self.database.transaction(actor.scope) as session:
                outcomes = await self._register(session, actor, project_id, candidates, installer_address)
                _require_all(outcomes, all_or_nothing=all_or_nothing)
        except _Withdraw:
            return [outcome if outcome.code else _withdrawn(outcome) for outcome in outcomes]
        await self.registry.announce()
        return outcomes

    async def rehearse(
        self, actor: InstallerActor | OrganizationActor, project_id: str, candidates: Sequence[Candidate]
    ) -> list[Outcome]:
        """What would become of each row: everything is done, and nothing stays. Raises as `register`; no password is told."""
        outcomes: list[Outcome] = []
        try:
            async with self._at_once, self.database.transaction(actor.scope) as session:
                outcomes = await self._register(session, actor, project_id, candidates, "")
                _withdraw()
        except _Withdraw:
            pass
        return [replace(outcome, address=None, password=None) for outcome in outcomes]

    async def _register(
        self,
        session: Session,
        actor: InstallerActor | OrganizationActor,
        project_id: str,
        candidates: Sequence[Candidate],
        installer_address: str,
    ) -> list[Outcome]:
        if not 1 <= len(candidates) <= MOST_ROWS:
            raise InvalidInput.field("charge_points", f"must be 1 to {MOST_ROWS} at once, not {len(candidates)}")
        outcomes = list(refused(candidates))
        failed_rows = {outcome.candidate.row for outcome in outcomes}
        # In this order whoever registers: two lists that share identities wait for each other, never in a circle.
        sound = sorted((each for each in candidates if each.row not in failed_rows), key=_identity)
        project = await self._open_project(session, actor, project_id)
        work = _Work(self, session, actor, project, installer_address)
        outcomes += [await work.register(each) for each in sound]
        return sorted(outcomes, key=attrgetter("candidate.row"))

    async def _open_project(
        self, session: Session, actor: InstallerActor | OrganizationActor, project_id: str
    ) -> Project:
        if isinstance(actor, InstallerActor):
            await self.projects.for_installer(session, actor, project_id)
        else:
            await self.projects.of_organization(session, actor, project_id)
        project = await self.projects.lock_for_handover(session, project_id)
        require_open(project)
        return project


class _Work:
    """One list on its way into one project."""

    def __init__(
        self,
        service: BulkRegistrationService,
        session: Session,
        actor: InstallerActor | OrganizationActor,
        project: Project,
        installer_address: str,
    ) -> None:
        self.service = service
        self.session = session
        self.project = project
        self.installer_address = installer_address
        self.is_installer = isinstance(actor, InstallerActor)
        self.asker, self.registered_by = _who(actor)
        self.too_many: TooMany | None = None
        self.has_asked = False

    async def register(self, candidate: Candidate) -> Outcome:
        """One row, in a savepoint of its own."""
        assert candidate.new is not None
        names_id = candidate.new.charge_point_id is not None
        try:
            if names_id:
                await self._may_name_ids()
            async with self.session.begin_nested():
                return await self._register(candidate, candidate.new)
        except DomainError as error:
            if names_id and error.code == "charge_point_exists":
                await self._count_taken()
            return _failed(candidate, error)

    async def _register(self, candidate: Candidate, new: NewChargePoint) -> Outcome:
        registry = self.service.registry
        charge_point = await registry.add(
            self.session,
            new,
            organization_id=self.project.organization_id,
            site_id=self.project.site_id,
            registered_by=self.registered_by,
        )
        if self.is_installer:
            await registry.note_installer_address(self.session, charge_point.key, self.installer_address)
        password = await self.service.credentials.create(self.session, charge_point.key, charge_point.organization_id)
        return Outcome(candidate, charge_point, registry.address(charge_point), password)

    async def _may_name_ids(self) -> None:
        """That an id is taken is told whoever owns it, so only so often (contract §1), in a list as one by one."""
        if not self.has_asked and await self.service.limiter.is_exhausted(TAKEN_IDS, "taken id", self.asker):
            await self._count_taken()
        self.has_asked = True
        if self.too_many is not None:
            raise self.too_many

    async def _count_taken(self) -> None:
        try:
            await self.service.limiter.hit(TAKEN_IDS, "taken id", self.asker)
        except TooMany as too_many:
            self.too_many = too_many


def refused(candidates: Sequence[Candidate]) -> Iterator[Outcome]:
    """The rows that can't be registered whatever the registry holds: wrong fields, and what stands in the list twice."""
    ids: dict[str, int] = {}
    devices: dict[tuple[str, str], int] = {}
    for candidate in candidates:
        new = candidate.new
        if new is None:
            detail = "; ".join(f"{error.field} {error.message}" for error in candidate.errors)
            yield Outcome(candidate, code="validation_error", detail=detail, errors=candidate.errors)
            continue
        twice = []
        if (named := new.charge_point_id) and (first := ids.setdefault(named, candidate.row)) != candidate.row:
            twice.append(FieldError("charge_point_id", f"stands in row {first} already"))
        device = (new.vendor, new.serial_number)
        if (first := devices.setdefault(device, candidate.row)) != candidate.row:
            twice.append(FieldError("serial_number", f"stands in row {first} already, with the same vendor"))
        if twice:
            detail = "; ".join(f"{error.field} {error.message}" for error in twice)
            yield Outcome(candidate, code="duplicate_in_list", detail=detail, errors=tuple(twice))


def _failed(candidate: Candidate, error: DomainError) -> Outcome:
    fields = {"charge_point_exists": "charge_point_id", "serial_number_exists": "serial_number"}
    errors = error.errors if isinstance(error, InvalidInput) else ()
    if isinstance(error, Conflict) and error.code in fields:
        errors = (FieldError(fields[error.code], "is taken"),)
    return Outcome(candidate, code=error.code, detail=error.detail, errors=errors)


def _require_all(outcomes: Sequence[Outcome], *, all_or_nothing: bool) -> None:
    if all_or_nothing and any(outcome.code for outcome in outcomes):
        _withdraw()


def _withdraw() -> None:
    raise _Withdraw


def _withdrawn(outcome: Outcome) -> Outcome:
    code, detail = WITHDRAWN
    return replace(outcome, charge_point=None, address=None, password=None, code=code, detail=detail)


def _who(actor: InstallerActor | OrganizationActor) -> tuple[str, str]:
    """Whose taken ids are counted, and who is noted as having registered."""
    whose = actor.installer_id if isinstance(actor, InstallerActor) else actor.organization_id
    return whose, actor.actor_id


def _identity(candidate: Candidate) -> tuple[str, str, str]:
    assert candidate.new is not None
    return candidate.new.charge_point_id or "", candidate.new.vendor, candidate.new.serial_number
