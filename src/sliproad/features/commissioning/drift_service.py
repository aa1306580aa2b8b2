"""What is known of a charge point's settings, how old that is, and how it compares with a template.

`drift_routes` calls it. Values come from whatever read them last: a commissioning session, diagnostics, a trial, a refresh here; secrets
are masked before they are kept.
"""

from dataclasses import dataclass
from datetime import datetime

from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commissioning.drift import KeyComparison, Known, compare
from sliproad.features.commissioning.steps.configuration import DRY_RUN
from sliproad.features.commissioning.templates import Template
from sliproad.features.commissioning.templates import Variable as Place
from sliproad.features.commissioning.templates_service import TemplateService
from sliproad.features.commissioning.templates_visit import TemplateVisit
from sliproad.features.device_model.model import Variable
from sliproad.features.device_model.service import DeviceModelService
from sliproad.foundation.clock import Clock
from sliproad.foundation.database import Database
from sliproad.foundation.errors import Conflict


@dataclass(frozen=True, slots=True)
class Drift:
    """A charge point's settings as last read; `comparison` where a template was named."""

    charge_point_id: str
    ocpp_version: str
    now: datetime
    variables: list[Variable]
    template: Template | None
    comparison: list[KeyComparison]


class DriftService:
    """One per web process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        registry: RegistryService,
        live: LiveService,
        templates: TemplateService,
        visit: TemplateVisit,
    ) -> None:
        """`database` speaks as role `web`."""
        self.database = database
        self.clock = clock
        self.registry = registry
        self.live = live
        self.templates = templates
        self.visit = visit
        self.device_model = DeviceModelService(clock)

    async def configuration(
        self, actor: OrganizationActor, charge_point_id: str, *, template_id: str | None, refresh: bool
    ) -> Drift:
        """What is known; `refresh` reads everything anew first.

        Raises:
            NotFound: no such charge point or template of the organisation.
            Conflict: `not_connected`, on a refresh.
            UpstreamUnavailable: `charge_point_timeout`, on a refresh.
        """
        template = None if template_id is None else (await self.templates.get(actor, template_id)).template
        async with self.database.transaction(actor.scope) as session:
            charge_point = await self.registry.of_organization(session, actor, charge_point_id)
            live = await self.live.live(session, charge_point.key)
        version = live.protocol_version or charge_point.ocpp_version
        unsupported: list[str] = []
        if refresh:
            if not live.connected:
                raise Conflict("The charge point is not connected.", code="not_connected")
            await self.visit.read_all(charge_point, version)
            if template is not None:
                step = await self.visit.run(charge_point, template, DRY_RUN)
                unsupported = (step.evidence or {})["unsupported"]
        async with self.database.transaction(actor.scope) as session:
            found = await self.device_model.variables(session, charge_point.key)
        variables = [one for one in found if one.attribute == "Actual"]
        comparison = [] if template is None else compare(template, version, _known(variables), unsupported=unsupported)
        return Drift(charge_point_id, version, self.clock.now(), variables, template, comparison)


def name_of(one: Variable) -> str:
    """A setting's name for people: the 1.6 key, or component and variable, with EVSE and connector where it has them."""
    place = Place(one.component, one.variable, one.variable_instance or None).label if one.component else one.variable
    where = [str(number) for number in (one.evse_id, one.connector_id) if number]
    return f"{place}@{'/'.join(where)}" if where else place


def _known(variables: list[Variable]) -> dict[str, Known]:
    return {
        name_of(one): Known(one.value, one.mutability == "ReadOnly", one.received_at)
        for one in variables
        if not one.component_instance
    }
