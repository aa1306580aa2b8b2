"""What happens next, after a domain event: the whole reactive side on one page. Workers drain the outbox through this table."""

from collections.abc import Sequence

from sliproad.app.services import Services
from sliproad.foundation.outbox import Route

EVERY_EVENT = "*"


def routes(of: Services) -> dict[str, Sequence[Route]]:
    """Event name -> what is done in the transaction that takes it from the outbox."""
    return {
        EVERY_EVENT: (of.webhooks.fan_out,),
        "charge_point.disconnected": (of.relay_presence.charge_point_gone,),
        "commissioning.completed": (of.site_owner_mails.tell_site_owners,),
        "handover.completed": (of.placements.handed_over,),
        "issue.reported": (of.issue_mails.tell_organization,),
    }
