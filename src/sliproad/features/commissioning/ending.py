"""What the end of a session means for the charge point: it goes live, or it is known to have failed; and who hears of it.

`runner` calls `settle` in the transaction that ends the session, `service` calls `go_live` for one that a person puts live by hand.
"""

from datetime import datetime
from typing import Literal

from sliproad.features.charge_points.model import ChargePoint
from sliproad.features.charge_points.service import RegistryService
from sliproad.features.commissioning import leftovers, store, views
from sliproad.features.commissioning.model import Note, commissioning_completed, commissioning_failed
from sliproad.features.projects.service import ProjectService
from sliproad.foundation import outbox
from sliproad.foundation.database import Session

BY_HAND = "All steps passed; the project asks for the charge point to be put live by hand"


class Ending:
    """Composed into the transaction of whoever ends a session."""

    def __init__(self, registry: RegistryService, projects: ProjectService) -> None:
        self.registry = registry
        self.projects = projects

    async def test(
        self, session: Session, row: store.CommissioningSessionRow, how: Literal["ended", "abandoned"], now: datetime
    ) -> None:
        """The session's started test transaction is over for it."""
        await leftovers.end_test(session, self.registry, row, how, now)

    async def settle(self, session: Session, rows: store.Rows, charge_point: ChargePoint, now: datetime) -> None:
        """The session has just ended by itself."""
        row = rows[0]
        if row.result == "failed":
            await self.registry.set_commissioning_status(session, charge_point.key, "failed", now)
            event = commissioning_failed(views.event_data(rows), row.organization_id, charge_point.key, now)
            outbox.publish(session, event, project_id=charge_point.project_id)
            return
        project = await self.projects.by_id(session, charge_point.project_id)
        if project.auto_commission:
            await self.go_live(session, rows, charge_point, now)
        else:
            await store.insert_logs(session, row, now, rows[1][-1].name, [Note("info", BY_HAND)])

    async def go_live(self, session: Session, rows: store.Rows, charge_point: ChargePoint, now: datetime) -> None:
        """The charge point is commissioned: its status, and `commissioning.completed`, in this transaction."""
        rows[0].commissioned_at = now
        await self.registry.set_commissioning_status(session, charge_point.key, "completed", now)
        event = commissioning_completed(views.event_data(rows), charge_point.organization_id, charge_point.key, now)
        outbox.publish(session, event, project_id=charge_point.project_id)
