"""What becomes of a relay's state when its gateway died and could not tell: `app/event_routes.py` asks this.

A gateway that lives tells it itself (`gateway/relays.py`); those silent for ten seconds are buried by the others, which publish that
their charge points are gone.
"""

from sliproad.features.charge_points.live_service import LiveService
from sliproad.features.connections import relay_store
from sliproad.features.connections.model import state_changed
from sliproad.features.connections.relay_model import failures
from sliproad.foundation.database import Session
from sliproad.foundation.outbox import StoredEvent, publish


class RelayPresence:
    """See the module."""

    def __init__(self, live: LiveService) -> None:
        self._live = live

    async def charge_point_gone(self, session: Session, event: StoredEvent) -> None:
        """A charge point was disconnected; by now it may be back, and then its gateway tells."""
        key = event.charge_point_key
        if key is None or (await self._live.live(session, key)).connected:
            return
        found = await relay_store.wait_for_charge_point(session, key, failures.OFFLINE)
        if found is not None:
            told = state_changed(
                organization_id=found.organization_id,
                charge_point_key=key,
                charge_point_id=event.data["charge_point_id"],
                operator_id=found.operator_id,
                version_id=found.version_id,
                state="pending",
                reason=failures.OFFLINE,
                at=found.at,
            )
            publish(session, told)
