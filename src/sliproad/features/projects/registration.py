"""Registering charge points: what an installer does with the hardware in front of them, until the handover.

`registration_routes` calls it for installers, `routes` calls `move` for organisations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.charge_points.model import Address, ChargePoint, NewChargePoint, Selection
from sliproad.features.charge_points.service import ChargePointPage, ListedChargePoint, RegistryService
from sliproad.features.projects import store
from sliproad.features.projects.service import ProjectService
from sliproad.features.security.service import CredentialService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import Conflict, NotFound, Unprocessable
from sliproad.foundation.web import Page
from sliproad.foundation.web.limits import RateLimiter

TAKEN_IDS = "30/hour"
"""How many taken ids an installer may hit: that a `charge_point_id` is taken is told whoever owns it (contract §1)."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A charge point with its address and its password, which is shown this once."""

    charge_point: ChargePoint
    address: Address
    password: str


class RegistrationService:
    """The installer's charge points; see the module."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        projects: ProjectService,
        registry: RegistryService,
        credentials: CredentialService,
        *,
        limiter: RateLimiter,
    ) -> None:
        self.database = database
        self.clock = clock
        self.projects = projects
        self.registry = registry
        self.credentials = credentials
        self.limiter = limiter

    async def register(self, actor: InstallerActor, new: NewChargePoint, installer_address: str) -> Registered:
        """Register a charge point in a project of the installer's and give it a password.

        Raises:
            NotFound: no such project of theirs.
            Conflict: `project_handed_over`, `charge_point_exists`, `serial_number_exists`.
            InvalidInput: `charge_point_id` can't be an OCPP identity.
            TooMany: too many ids of theirs were taken; this is no way to find out which exist.
        """
        if new.charge_point_id and await self.limiter.is_exhausted(TAKEN_IDS, "taken id", actor.installer_id):
            await self.limiter.hit(TAKEN_IDS, "taken id", actor.installer_id)
        try:
            registered = await self._register(actor, new, installer_address)
        except Conflict as conflict:
            if conflict.code == "charge_point_exists":
                await self.limiter.count(TAKEN_IDS, "taken id", actor.installer_id)
            raise
        await self.registry.announce()
        return registered

    async def _register(self, actor: InstallerActor, new: NewChargePoint, installer_address: str) -> Registered:
        async with self.database.transaction(actor.scope) as session:
            await self.projects.for_installer(session, actor, new.project_id)
            project = await self.projects.for_work(session, new.project_id)
            charge_point = await self.registry.add(
                session,
                new,
                organization_id=project.organization_id,
                site_id=project.site_id,
                registered_by=actor.installer_id,
            )
            await self.registry.note_installer_address(session, charge_point.key, installer_address)
            password = await self.credentials.create(session, charge_point.key, charge_point.organization_id)
        return Registered(charge_point, self.registry.address(charge_point), password)

    async def page(self, actor: InstallerActor, selection: Selection, page: Page) -> ChargePointPage:
        """One page of the charge points in the installer's projects that `selection` narrows, newest first."""
        async with self.database.transaction(actor.scope) as session:
            mine = [row.project_id for row, _ in await store.select_assigned(session, actor.installer_id)]
            return await self.registry.select(session, replace(selection, project_ids=tuple(mine)), page)

    async def get(self, actor: InstallerActor, charge_point_id: str) -> ListedChargePoint:
        """One of them with its live state.

        Raises:
            NotFound: absent, or not in a project of theirs.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.of_installer(session, actor, charge_point_id)
            return await self.registry.with_live(session, charge_point)

    async def for_attempts(self, actor: InstallerActor, charge_point_id: str, address: str) -> ChargePoint:
        """One of theirs, whose attempts to connect they ask for from `address`, which is noted.

        Raises:
            NotFound: absent, or not in a project of theirs.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.of_installer(session, actor, charge_point_id)
            await self.registry.note_installer_address(session, charge_point.key, address)
            return charge_point

    async def change(
        self, actor: InstallerActor, charge_point_id: str, changes: Mapping[str, Any]
    ) -> ListedChargePoint:
        """Correct what was registered. The OCPP version stays as it is while and after it is commissioned.

        Raises:
            NotFound: absent, or not in a project of theirs.
            Conflict: `project_handed_over`, `serial_number_exists`, `session_already_running`.
            Unprocessable: `already_commissioned`.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.for_work(session, actor, charge_point_id)
            if changes.get("ocpp_version", charge_point.ocpp_version) != charge_point.ocpp_version:
                require_not_commissioning(charge_point)
                if charge_point.commissioning_status == "completed":
                    raise Unprocessable(
                        "This charge point was commissioned with another OCPP version.", code="already_commissioned"
                    )
            changed = await self.registry.change(session, charge_point.key, changes)
            found = await self.registry.with_live(session, changed)
        await self.registry.announce()
        return found

    async def remove(self, actor: InstallerActor, charge_point_id: str) -> None:
        """Take a charge point out of its project: it can't connect any more, and its identity and serial number are free.

        Raises:
            NotFound: absent, or not in a project of theirs.
            Conflict: `project_handed_over`, `session_already_running`.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.for_work(session, actor, charge_point_id)
            require_not_commissioning(charge_point)
            await self.credentials.remove(session, charge_point.key)
            await self.registry.remove(session, charge_point.key)
        await self.registry.announce()

    async def rotate_password(self, actor: InstallerActor, charge_point_id: str) -> Registered:
        """A new password to type into the charger; the old one opens nothing from now on.

        Raises:
            NotFound: absent, or not in a project of theirs.
            Conflict: `project_handed_over`.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.for_work(session, actor, charge_point_id)
            password = await self.credentials.rotate(session, charge_point.key, charge_point.organization_id)
        await self.registry.announce()
        return Registered(charge_point, self.registry.address(charge_point), password)

    async def move(self, actor: OrganizationActor, charge_point_id: str, project_id: str) -> ListedChargePoint:
        """Put a charge point into another project of its organisation; both must still be worked on.

        Raises:
            NotFound: the charge point or the project is absent, or another organisation's.
            Conflict: `project_handed_over`.
        """
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.registry.of_organization(session, actor, charge_point_id, lock=True)
            await self.projects.of_organization(session, actor, project_id)
            for one in sorted({charge_point.project_id, project_id}):
                await self.projects.for_work(session, one)
            if project_id != charge_point.project_id:
                target = await self.projects.by_id(session, project_id)
                charge_point = await self.registry.put_into(
                    session,
                    charge_point,
                    project_id=project_id,
                    site_id=target.site_id,
                    moved_by=actor.display_name,
                )
                await store.move_checklist_items(session, charge_point.key, project_id)
            return await self.registry.with_live(session, charge_point)

    async def of_installer(self, session: Session, actor: InstallerActor, charge_point_id: str) -> ChargePoint:
        """A charge point in a project that the installer is assigned to now.

        Raises:
            NotFound: absent, or not in a project of theirs.
        """
        charge_point = await self.registry.facts(session, charge_point_id)
        try:
            await self.projects.for_installer(session, actor, charge_point.project_id)
        except NotFound:
            raise NotFound("There is no such charge point.") from None
        return charge_point

    async def for_work(self, session: Session, actor: InstallerActor, charge_point_id: str) -> ChargePoint:
        """The same, in a project that is still worked on; its row and its project's handover wait for this transaction.

        Raises:
            NotFound: absent, or not in a project of theirs.
            Conflict: `project_handed_over`.
        """
        await self.of_installer(session, actor, charge_point_id)
        charge_point = await self.registry.facts(session, charge_point_id, lock=True)
        await self.projects.for_work(session, charge_point.project_id)
        return charge_point


def require_not_commissioning(charge_point: ChargePoint) -> None:
    """Refuse what would pull a charge point from under a commissioning session.

    Raises:
        Conflict: `session_already_running`.
    """
    if charge_point.commissioning_status == "in_progress":
        raise Conflict(
            "This charge point is being commissioned; stop the session first.", code="session_already_running"
        )
