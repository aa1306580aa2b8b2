"""Which template a session gets: the one that was named, if its organisation has it, else the default of the model.

`service` asks at a start and a restart, `apply_template_service` when one is applied. Works in the caller's transaction, whose
scope must open the organisation's templates (`opened`).
"""

from dataclasses import replace

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.commissioning import templates_store as store
from sliproad.features.commissioning.templates import Template, by_id, default_for
from sliproad.features.commissioning.templates_definition import template_of
from sliproad.foundation.database import Scope, Session
from sliproad.foundation.errors import NotFound


def opened(scope: Scope, organization_id: str) -> Scope:
    """The scope of somebody who was seen to work for this organisation: its templates too."""
    return replace(scope, lookup=organization_id)


def absent() -> NotFound:
    """The same words whether it does not exist, was archived or is another organisation's."""
    return NotFound("There is no such commissioning template.")


async def find(session: Session, organization_id: str, template_id: str) -> Template:
    """The newest version of a template that charge points of this organisation may be commissioned with.

    Raises:
        NotFound: there is none, it was archived, or it is another organisation's.
    """
    if (shipped := by_id(template_id)) is not None:
        return shipped
    found = await store.find_template(session, organization_id, template_id)
    if found is None or found[0].archived_at is not None:
        raise absent()
    return template_of(found[1].definition)


async def for_start(session: Session, charge_point: ChargePoint, template_id: str | None) -> Template:
    """The template that was asked for, else the default of the model.

    Raises:
        NotFound: there is no such template.
    """
    organization_id = charge_point.organization_id
    if template_id is not None:
        return await find(session, organization_id, template_id)
    found, _ = await store.select_templates(session, [organization_id])
    own = [template_of(version.definition) for _, version in found]
    power = None if charge_point.max_power_kw is None else float(charge_point.max_power_kw)
    return default_for(charge_point.vendor, charge_point.model, power, own)
