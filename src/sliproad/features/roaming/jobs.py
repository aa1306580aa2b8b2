"""Background work of the hub."""

from sliproad.features.roaming.delivery import Delivery
from sliproad.features.roaming.placing import COMPLETE_HELD
from sliproad.features.roaming.presence import Presence
from sliproad.features.roaming.pushes import DELIVER
from sliproad.features.roaming.quick_start import QuickStart
from sliproad.foundation.jobs import Jobs
from sliproad.ocpi.ids import Party


def register(jobs: Jobs, delivery: Delivery, presence: Presence, quick_start: QuickStart) -> None:
    """`roaming.deliver(connection_id)` and the poll behind it; the still-alive check, once a minute; `roaming.complete_held`."""

    async def deliver(connection_id: str) -> None:
        await delivery.send_waiting(connection_id)

    async def wake_all(timestamp: int) -> None:  # noqa: ARG001
        await delivery.wake_all()

    async def check_silent(timestamp: int) -> None:  # noqa: ARG001
        await presence.check_silent()

    async def complete_held(country_code: str, party_id: str) -> None:
        await quick_start.complete_held(Party(country_code, party_id))

    jobs.task(DELIVER, deliver)
    jobs.task(COMPLETE_HELD, complete_held)
    jobs.periodic("roaming.wake_all", wake_all, cron="* * * * * */5")
    jobs.periodic("roaming.check_silent", check_silent, cron="* * * * * 30")
