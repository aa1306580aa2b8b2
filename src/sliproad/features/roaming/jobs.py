"""Background work of the hub."""

from sliproad.features.roaming.delivery import Delivery
from sliproad.features.roaming.presence import Presence
from sliproad.features.roaming.pushes import DELIVER
from sliproad.foundation.jobs import Jobs


def register(jobs: Jobs, delivery: Delivery, presence: Presence) -> None:
    """`roaming.deliver(connection_id)` and the poll behind it; the still-alive check, once a minute."""

    async def deliver(connection_id: str) -> None:
        await delivery.send_waiting(connection_id)

    async def wake_all(timestamp: int) -> None:  # noqa: ARG001
        await delivery.wake_all()

    async def check_silent(timestamp: int) -> None:  # noqa: ARG001
        await presence.check_silent()

    jobs.task(DELIVER, deliver)
    jobs.periodic("roaming.wake_all", wake_all, cron="* * * * * */5")
    jobs.periodic("roaming.check_silent", check_silent, cron="* * * * * 30")
