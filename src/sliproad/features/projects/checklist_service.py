"""The installer's checklist: what is to be verified on site, ticked by people, or seen by the platform (GUIDE).

`checklist_routes` calls it. Handover reads the same through `ProjectService.checklist`.
"""

from collections.abc import Sequence
from typing import Any

from sliproad.features.accounts.model import InstallerActor, OrganizationActor
from sliproad.features.projects import store
from sliproad.features.projects.model import RULES, Checklist, Tick
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import FieldError, InvalidInput, NotFound


class ChecklistService:
    """Reads and writes checklists; see the module."""

    def __init__(self, database: Database, clock: Clock, projects: ProjectService) -> None:
        self.database = database
        self.clock = clock
        self.projects = projects

    async def read(self, actor: InstallerActor, project_id: str) -> Checklist:
        """The checklist of one of the installer's projects.

        Raises:
            NotFound: no such project of theirs.
        """
        async with self.database.transaction(actor.scope) as session:
            await self.projects.for_installer(session, actor, project_id)
            return await self.projects.checklist(session, project_id)

    async def read_as_organization(self, actor: OrganizationActor, project_id: str) -> Checklist:
        """The checklist of one of the organisation's projects.

        Raises:
            NotFound: no such project of theirs.
        """
        async with self.database.transaction(actor.scope) as session:
            await self.projects.of_organization(session, actor, project_id)
            return await self.projects.checklist(session, project_id)

    async def write(self, actor: InstallerActor, project_id: str, ticks: Sequence[Tick]) -> Checklist:
        """Set the items that are named; the others stay as they are.

        Raises:
            InvalidInput: an item is unknown, filled by the platform, named twice, or in the wrong place.
            NotFound: no such project of theirs, or a charge point that is not in it.
            Conflict: `project_handed_over`.
        """
        check_ticks(ticks)
        async with self.database.transaction(actor.scope) as session:
            await self.projects.for_installer(session, actor, project_id)
            project = await self.projects.for_work(session, project_id)
            keys = await self._keys(session, project_id)
            items: list[dict[str, Any]] = []
            for tick in ticks:
                if tick.charge_point_id is not None and tick.charge_point_id not in keys:
                    raise NotFound("There is no such charge point in this project.")
                items.append(
                    {
                        "project_id": project_id,
                        "organization_id": project.organization_id,
                        "charge_point_key": None if tick.charge_point_id is None else keys[tick.charge_point_id],
                        "item": tick.item,
                        "done": tick.done,
                        "done_by": actor.full_name if tick.done else None,
                        "done_at": self.clock.now() if tick.done else None,
                        "note": tick.note,
                        "photo_url": tick.photo_url,
                    }
                )
            await store.save_checklist_items(session, items)
            return await self.projects.checklist(session, project_id)

    async def _keys(self, session: Session, project_id: str) -> dict[str, int]:
        charge_points = await self.projects.registry.of_project(session, project_id)
        return {charge_point.charge_point_id: charge_point.key for charge_point in charge_points}


def check_ticks(ticks: Sequence[Tick]) -> None:
    """Whether people may write these items, each at its place, each once.

    Raises:
        InvalidInput: naming every one that they may not.
    """
    errors: list[FieldError] = []
    seen: set[tuple[str | None, str]] = set()
    for position, tick in enumerate(ticks):
        rule = RULES.get(tick.item)
        place = (tick.charge_point_id, tick.item)
        if rule is None:
            errors.append(FieldError(f"items.{position}.item", f"must be one of {', '.join(RULES)}"))
        elif rule.by_platform:
            errors.append(
                FieldError(f"items.{position}.item", f"{tick.item} is filled by the platform, nobody writes it")
            )
        elif rule.per_charge_point and tick.charge_point_id is None:
            errors.append(
                FieldError(f"items.{position}.charge_point_id", f"{tick.item} is ticked for each charge point")
            )
        elif not rule.per_charge_point and tick.charge_point_id is not None:
            errors.append(
                FieldError(f"items.{position}.charge_point_id", f"{tick.item} is ticked once for the project")
            )
        elif place in seen:
            errors.append(FieldError(f"items.{position}", "is named twice"))
        seen.add(place)
    if errors:
        raise InvalidInput(f"{errors[0].field}: {errors[0].message}", tuple(errors))
