"""Tells the site's owners when a charge point goes live (contract §3), where the project wants that.

`app/event_routes.py` calls `tell_site_owners` for each `commissioning.completed`, in the transaction that takes it from the outbox.
"""

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.projects.model import Project
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.database import Session
from sliproad.foundation.errors import NotFound
from sliproad.foundation.letters import Letter
from sliproad.foundation.mail import is_address
from sliproad.foundation.outbox import StoredEvent
from sliproad.foundation.outgoing import Outgoing


class SiteOwnerMails:
    """Used by workers."""

    def __init__(self, registry: RegistryService, projects: ProjectService, outgoing: Outgoing) -> None:
        self.registry = registry
        self.projects = projects
        self.outgoing = outgoing

    async def tell_site_owners(self, session: Session, event: StoredEvent) -> None:
        """One mail to each mailbox, once: the project's site owner and everybody who is bound to the site."""
        if event.charge_point_key is None:
            return
        try:
            charge_point = await self.registry.by_key(session, event.charge_point_key)
        except NotFound:  # taken out of the registry meanwhile
            return
        project = await self.projects.by_id(session, charge_point.project_id)
        if not project.mail_site_owner:
            return
        bound = await self.projects.sites.owner_mailboxes(session, project.site_id)
        named = [project.site_owner_email] if project.site_owner_email else []
        mailboxes = {mailbox.casefold(): mailbox for mailbox in (*bound, *named) if is_address(mailbox)}
        for mailbox in mailboxes.values():
            await self.outgoing.enqueue(session, letter(charge_point, project).to(mailbox))


def letter(charge_point: ChargePoint, project: Project) -> Letter:
    """What the site's owners read."""
    place = charge_point.location.description
    return Letter(
        f"Charge point {charge_point.charge_point_id} is live",
        "Hello,",
        ("a charge point on your site has passed its commissioning. It is connected and ready to charge.",),
        facts=(
            ("Charge point", charge_point.charge_point_id),
            ("Model", f"{charge_point.vendor} {charge_point.model}"),
            ("Serial number", charge_point.serial_number),
            *([("Place", place)] if place else []),
            ("Project", project.name),
        ),
    )
