"""Commissioning a whole project at once: start whatever is connected and not live yet, and see how far everything is.

`batch_routes` calls it, for installers and organisations. Each charge point gets a session of its own by the ordinary `start`; nothing
here is remembered beside those sessions.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.charge_points.model import Selection
from sliproad.features.charge_points.service import ChargePointPage, ListedChargePoint, RegistryService
from sliproad.features.commissioning import store
from sliproad.features.commissioning.model import Options
from sliproad.features.commissioning.service import Actor, CommissioningService
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.database import Database, Session
from sliproad.foundation.errors import DomainError
from sliproad.foundation.web import Page

STARTED = "started"
MOST_CHARGE_POINTS = 10_000
"""As many as a project may expect."""
AT_ONCE = 4
"""Starts in parallel; each holds a connection."""
ORDINARY = {
    "already_commissioned": "This charge point has already been commissioned.",
    "session_already_running": "A commissioning session is already active for this charge point.",
    "not_connected": "The charge point is not connected. Look at its connection attempts to see why.",
}
"""Why a charge point is passed over."""


@dataclass(frozen=True, slots=True)
class Start:
    """What became of one charge point: `started`, or why not. `session_id` is the new session's, or the one that runs."""

    found: ListedChargePoint
    outcome: str
    session_id: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectProgress:
    """A page of a project's charge points, each with its newest session; and counts over all of them."""

    page: ChargePointPage
    sessions: dict[int, store.Rows]
    """By charge point key."""
    counts: dict[str, int]
    """Commissioning status -> how many charge points."""
    connected: int


class BatchCommissioning:
    """See the module."""

    def __init__(
        self,
        database: Database,
        commissioning: CommissioningService,
        *,
        registry: RegistryService,
        projects: ProjectService,
    ) -> None:
        self.database = database
        self.commissioning = commissioning
        self.registry = registry
        self.projects = projects
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def start_all(
        self,
        actor: Actor,
        project_id: str,
        options: Options,
        *,
        template_id: str | None = None,
        notes: str | None = None,
    ) -> list[Start]:
        """Start every charge point of the project that is connected and not live yet; a row for each, oldest first.

        The first is started alone, so that what holds for all of them (no such template, …) is refused before anything has begun.

        Raises:
            NotFound: no such project of whoever asks, or no such template.
            Conflict: `project_handed_over`.
        """
        found, running = await self._survey(actor, project_id)

        async def start(each: ListedChargePoint, passed_over: frozenset[str] | None) -> Start:
            try:
                async with self._at_once:
                    rows = await self.commissioning.start(
                        actor, each.charge_point.charge_point_id, options, template_id=template_id, notes=notes
                    )
            except DomainError as error:
                if passed_over is not None and error.code not in passed_over:
                    raise
                return Start(each, error.code, detail=error.detail)
            return Start(each, STARTED, rows[0].session_id)

        starts = [passed for each in found if (passed := _passed_over(each, running)) is not None]
        waiting = [each for each in found if _passed_over(each, running) is None]
        while waiting and not any(start.outcome == STARTED for start in starts):
            starts.append(await start(waiting.pop(0), frozenset(ORDINARY)))
        starts += await asyncio.gather(*(start(each, None) for each in waiting))
        return sorted(starts, key=lambda start: start.found.charge_point.key)

    async def progress(self, actor: Actor, project_id: str, page: Page) -> ProjectProgress:
        """How far the project's charge points are, newest first.

        Raises:
            NotFound: no such project of whoever asks.
        """
        async with self.database.transaction(actor.scope) as session:
            await self._require_project(session, actor, project_id)
            # counted first: who waits until nothing is in progress finds no charge point in progress then
            counts = await self.registry.status_counts(session, [project_id])
            found = await self.registry.select(session, Selection(project_id=project_id), page)
            connected = await self.registry.select(session, Selection(project_id=project_id, connected=True), Page(1))
            sessions = await store.latest_sessions(session, [each.charge_point.key for each in found.items])
        by_key = {rows[0].charge_point_key: rows for rows in sessions}
        return ProjectProgress(found, by_key, counts.get(project_id, {}), connected.total)

    async def _survey(self, actor: Actor, project_id: str) -> tuple[Sequence[ListedChargePoint], dict[int, str]]:
        """The project's charge points with their live states, and the sessions that run, by key."""
        async with self.database.transaction(actor.scope) as session:
            await self._require_project(session, actor, project_id)
            await self.projects.for_work(session, project_id)
            selection = Selection(project_id=project_id)
            found = (await self.registry.select(session, selection, Page(MOST_CHARGE_POINTS))).items
            busy = [each.charge_point.key for each in found if each.charge_point.commissioning_status == "in_progress"]
            newest = [row for row, _ in await store.latest_sessions(session, busy)]
        return found, {row.charge_point_key: row.session_id for row in newest if row.status in store.ACTIVE_STATUSES}

    async def _require_project(self, session: Session, actor: Actor, project_id: str) -> None:
        if isinstance(actor, InstallerActor):
            await self.projects.for_installer(session, actor, project_id)
        else:
            await self.projects.of_organization(session, actor, project_id)


def _passed_over(each: ListedChargePoint, running: dict[int, str]) -> Start | None:
    """Why not even a start is tried; None where it is. The start itself looks again."""
    key = each.charge_point.key
    if each.charge_point.commissioning_status == "completed":
        code = "already_commissioned"
    elif key in running:
        code = "session_already_running"
    elif not each.live.connected:
        code = "not_connected"
    else:
        return None
    return Start(each, code, running.get(key), ORDINARY[code])
