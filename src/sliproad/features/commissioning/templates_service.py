"""Templates of organisations: made, versioned, cloned, archived, tried against a charge point, learnt from one.

`templates_routes` calls it. A version never changes; a session keeps the one it began with (`templates_choice`). The shipped ones
are seen by everybody and changed by nobody: they are cloned.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commissioning import templates_choice as choice
from sliproad.features.commissioning import templates_store as store
from sliproad.features.commissioning.drift import KeyComparison, compare
from sliproad.features.commissioning.steps.configuration import DRY_RUN
from sliproad.features.commissioning.templates import SHIPPED, STANDARD_AC, Template, by_id, fits
from sliproad.features.commissioning.templates_definition import definition_of, template_of
from sliproad.features.commissioning.templates_learning import learn
from sliproad.features.commissioning.templates_rules import Draft, check
from sliproad.features.commissioning.templates_visit import TemplateVisit, known_of
from sliproad.features.firmware.library_service import FirmwareLibrary
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import Conflict, InvalidInput, NotFound, Unprocessable
from sliproad.foundation.ids import new_id
from sliproad.foundation.web import Page


@dataclass(frozen=True, slots=True)
class Kept:
    """A version of a template and what is known of it; `created_by` None: it ships with the product."""

    template: Template
    newest_version: int
    version_created_at: datetime
    created_by: str | None = None
    archived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """A template that an installer may name; the last two only where a charge point was named."""

    template: Template
    is_default: bool | None = None
    is_compatible: bool | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What applying a template would do, key by key; nothing was written."""

    charge_point: ChargePoint
    ocpp_version: str
    template: Template
    keys: list[KeyComparison]
    read_at: datetime


class TemplateService:
    """One per web process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        registry: RegistryService,
        projects: ProjectService,
        live: LiveService,
        visit: TemplateVisit,
        library: FirmwareLibrary,
    ) -> None:
        """`database` speaks as role `web`."""
        self.database = database
        self.clock = clock
        self.registry = registry
        self.projects = projects
        self.live = live
        self.visit = visit
        self.library = library

    # ------------------------------------------------------------------ the organisation's own

    async def create(self, actor: OrganizationActor, draft: Draft) -> Kept:
        """A new template, version 1.

        Raises:
            InvalidInput: naming every wrong field.
        """
        check(draft)
        async with self.database.transaction(actor.scope) as session:
            await self._check_firmware(session, actor, draft)
            return await self._insert(session, actor, _parts(draft))

    async def add_version(self, actor: OrganizationActor, template_id: str, draft: Draft) -> Kept:
        """The template's next version, which new sessions use; those that run keep theirs.

        Raises:
            InvalidInput: naming every wrong field.
            NotFound: absent, or another organisation's.
            Conflict: `template_is_shipped`, `template_archived`.
        """
        check(draft)
        async with self.database.transaction(actor.scope) as session:
            await self._check_firmware(session, actor, draft)
            row = await self._own(session, actor, template_id)
            if row.archived_at is not None:
                raise Conflict("This template is archived; clone it to go on with it.", code="template_archived")
            row.version += 1
            template = self._template(row, _parts(draft))
            version = await store.insert_version(
                session, row, definition_of(template), self.clock.now(), actor.display_name
            )
            return _kept(row, version)

    async def page(self, actor: OrganizationActor, page: Page, *, archived: bool) -> tuple[list[Kept], int, str | None]:
        """One page of the organisation's templates, newest first, the shipped ones at the end of the last."""
        after = page.after(datetime, str)
        async with self.database.transaction(actor.scope) as session:
            found, total = await store.select_templates(
                session,
                [actor.organization_id],
                archived=archived,
                limit=page.limit + 1,
                after=(after[0], after[1]) if after else None,
            )
        kept, next_cursor = page.cut(found, lambda one: (one[0].created_at, one[0].template_id))
        listed = [_kept(*one) for one in kept]
        if next_cursor is None:
            listed += [_shipped(template) for template in SHIPPED]
        return listed, total + len(SHIPPED), next_cursor

    async def get(self, actor: OrganizationActor, template_id: str, version: int | None = None) -> Kept:
        """A template that the organisation sees, archived ones too, in one of its versions or the newest.

        Raises:
            NotFound: absent, or another organisation's.
        """
        if (shipped := by_id(template_id)) is not None and version in {None, shipped.version}:
            return _shipped(shipped)
        async with self.database.transaction(actor.scope) as session:
            found = await store.find_template(session, actor.organization_id, template_id, version)
        if found is None:
            raise choice.absent()
        return _kept(*found)

    async def versions(self, actor: OrganizationActor, template_id: str) -> list[Kept]:
        """Every version of a template, newest first.

        Raises:
            NotFound: absent, or another organisation's.
        """
        newest = await self.get(actor, template_id)
        if newest.template.is_shipped:
            return [newest]
        async with self.database.transaction(actor.scope) as session:
            rows = await store.select_versions(session, template_id)
        return [
            replace(
                newest,
                template=template_of(row.definition),
                version_created_at=row.created_at,
                created_by=row.created_by,
            )
            for row in rows
        ]

    async def clone(self, actor: OrganizationActor, template_id: str, name: str | None) -> Kept:
        """A new template like this one, which may be a shipped or an archived one.

        Raises:
            NotFound: absent, or another organisation's.
        """
        template = (await self.get(actor, template_id)).template
        parts = _parts(template) | {"name": name or f"{template.name} (copy)"[:200]}
        async with self.database.transaction(actor.scope) as session:
            return await self._insert(session, actor, parts)

    async def archive(self, actor: OrganizationActor, template_id: str) -> Kept:
        """No new session uses it any more; it stays readable. Archiving twice changes nothing.

        Raises:
            NotFound: absent, or another organisation's.
            Conflict: `template_is_shipped`.
        """
        async with self.database.transaction(actor.scope) as session:
            row = await self._own(session, actor, template_id)
            row.archived_at = row.archived_at or self.clock.now()
            found = await store.find_template(session, actor.organization_id, template_id)
            assert found is not None
            return _kept(*found)

    # ------------------------------------------------------------------ with a charge point

    async def test(self, actor: OrganizationActor, template_id: str, charge_point_id: str) -> Trial:
        """What applying it would do: the charge point's keys are read, nothing is written.

        Raises:
            NotFound: no such template or charge point of the organisation.
            Conflict: `not_connected`.
            UpstreamUnavailable: `charge_point_timeout`.
        """
        template = (await self.get(actor, template_id)).template
        charge_point, version = await self._connected(actor, charge_point_id)
        step = await self.visit.run(charge_point, template, DRY_RUN)
        evidence = step.evidence or {}
        keys = compare(template, version, known_of(evidence), unsupported=evidence["unsupported"])
        return Trial(charge_point, version, template, keys, self.clock.now())

    async def learn(self, actor: OrganizationActor, charge_point_id: str, name: str) -> Kept:
        """A template from a well-configured charge point: its settings that can be written and suit others; secrets never.

        Raises:
            NotFound: no such charge point of the organisation.
            Conflict: `not_connected`.
            UpstreamUnavailable: `charge_point_timeout`.
            Unprocessable: `nothing_to_learn`, it shows no setting that can be written.
        """
        charge_point, version = await self._connected(actor, charge_point_id)
        settings = learn(version, await self.visit.read_all(charge_point, version), charge_point_id)
        if not settings:
            raise Unprocessable(
                "This charge point shows no setting that could be written elsewhere.", code="nothing_to_learn"
            )
        learnt = {
            "name": name,
            "description": f"Learnt from {charge_point_id} ({charge_point.vendor} {charge_point.model}, OCPP {version}).",
            "compatible_models": (f"{charge_point.vendor} {charge_point.model}",),
            "settings": settings,
        }
        async with self.database.transaction(actor.scope) as session:
            return await self._insert(session, actor, _parts(STANDARD_AC) | learnt)

    # ------------------------------------------------------------------ the installer's choice

    async def for_installer(self, actor: InstallerActor, charge_point_id: str | None) -> list[Offered]:
        """The shipped ones, and those of the organisations whose projects the installer works on; or of one charge point's.

        Raises:
            NotFound: no such charge point of this installer.
        """
        if charge_point_id is None:
            overviews = await self.projects.of_installer(actor)
            owners = dict.fromkeys(one.project.organization_id for one in overviews)
            own = [template for owner in owners for template in await self._usable(actor, owner)]
            return [Offered(template) for template in (*SHIPPED, *own)]
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.registry.facts(session, charge_point_id)
            await self.projects.for_installer(session, actor, charge_point.project_id)
        own = await self._usable(actor, charge_point.organization_id)
        async with self.database.transaction(choice.opened(actor.scope, charge_point.organization_id)) as session:
            default = await choice.for_start(session, charge_point, None)
        return [
            Offered(
                template,
                is_default=template.template_id == default.template_id,
                is_compatible=fits(template, charge_point.vendor, charge_point.model) is not None,
            )
            for template in (*SHIPPED, *own)
        ]

    async def known_models(self, actor: InstallerActor) -> list[tuple[str, str]]:
        """(vendor, model) that these name, for whoever registers one; patterns for several models are left out."""
        offered = await self.for_installer(actor, None)
        names = [name for one in offered for name in one.template.compatible_models if not {"*", "?"} & set(name)]
        return [(vendor, model) for vendor, _, model in (name.partition(" ") for name in names) if model]

    async def _usable(self, actor: InstallerActor, organization_id: str) -> list[Template]:
        async with self.database.transaction(choice.opened(actor.scope, organization_id)) as session:
            found, _ = await store.select_templates(session, [organization_id])
        return [template_of(version.definition) for _, version in found]

    # ------------------------------------------------------------------ inside

    async def _connected(self, actor: OrganizationActor, charge_point_id: str) -> tuple[ChargePoint, str]:
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.registry.of_organization(session, actor, charge_point_id)
            live = await self.live.live(session, charge_point.key)
        if not live.connected:
            raise Conflict("The charge point is not connected.", code="not_connected")
        return charge_point, live.protocol_version or charge_point.ocpp_version

    async def _own(
        self, session: Session, actor: OrganizationActor, template_id: str
    ) -> store.CommissioningTemplateRow:
        if by_id(template_id) is not None:
            raise Conflict(
                "This template ships with the product and never changes; clone it.", code="template_is_shipped"
            )
        row = await store.lock_template(session, actor.organization_id, template_id)
        if row is None:
            raise choice.absent()
        return row

    async def _insert(self, session: Session, actor: OrganizationActor, parts: Mapping[str, Any]) -> Kept:
        row = store.CommissioningTemplateRow(
            template_id=new_id("tpl"),
            organization_id=actor.organization_id,
            version=1,
            created_at=self.clock.now(),
            created_by=actor.display_name,
            archived_at=None,
        )
        return _kept(*await store.insert_template(session, row, definition_of(self._template(row, parts))))

    def _template(self, row: store.CommissioningTemplateRow, parts: Mapping[str, Any]) -> Template:
        return Template(
            template_id=row.template_id,
            organization_id=row.organization_id,
            version=row.version,
            created_at=row.created_at,
            **parts,
        )

    async def _check_firmware(self, session: Session, actor: OrganizationActor, draft: Draft) -> None:
        """What is to be installed is in the library, and in the range that is expected of it."""
        firmware = draft.firmware
        if firmware is None or firmware.update_to is None:
            return
        try:
            found = await self.library.of_organization(session, actor.organization_id, firmware.update_to)
        except NotFound:
            raise InvalidInput.field("firmware.update_to", "is not firmware of your library") from None
        if firmware.verdict(found.version) != "within":
            raise InvalidInput.field(
                "firmware.update_to", f"is version {found.version}, which is not {firmware.words()}"
            )


def _parts(template: Template | Draft) -> dict[str, Any]:
    """What people say about a template, by the names that both have for it."""
    return {name: getattr(template, name) for name in Draft.__slots__}


def _shipped(template: Template) -> Kept:
    return Kept(template, template.version, template.created_at)


def _kept(row: store.CommissioningTemplateRow, version: store.CommissioningTemplateVersionRow) -> Kept:
    return Kept(template_of(version.definition), row.version, version.created_at, version.created_by, row.archived_at)
