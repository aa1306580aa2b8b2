"""Puts the services about templates together over the parts of a web process: `app/services.py` does so, and tests."""

from dataclasses import dataclass

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commands.service import CommandService
from sliproad.features.commissioning.apply_template_service import ApplyTemplateService
from sliproad.features.commissioning.drift_service import DriftService
from sliproad.features.commissioning.facts import FactsGatherer
from sliproad.features.commissioning.templates_service import TemplateService
from sliproad.features.commissioning.templates_visit import TemplateVisit
from sliproad.features.firmware.library_service import FirmwareLibrary
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database
from sliproad.foundation.jobs import Jobs


@dataclass(frozen=True)
class TemplateRoom:
    templates: TemplateService
    applying: ApplyTemplateService
    drift: DriftService


def assemble(
    database: Database,
    engine: Database,
    clock: Clock,
    jobs: Jobs,
    *,
    registry: RegistryService,
    projects: ProjectService,
    live: LiveService,
    commands: CommandService,
    facts: FactsGatherer,
    library: FirmwareLibrary,
) -> TemplateRoom:
    """`database` speaks as role `web`, `engine` as `engine`."""
    visit = TemplateVisit(engine, clock, commands, facts)
    templates = TemplateService(
        database, clock, registry=registry, projects=projects, live=live, visit=visit, library=library
    )
    return TemplateRoom(
        templates=templates,
        applying=ApplyTemplateService(
            database, clock, jobs, registry=registry, projects=projects, live=live, visit=visit
        ),
        drift=DriftService(database, clock, registry=registry, live=live, templates=templates, visit=visit),
    )
