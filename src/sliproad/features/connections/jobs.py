"""Background work of connections."""

from typing import Any

from sliproad.features.connections.assigning import TELL
from sliproad.features.connections.following import FOLLOW, FOLLOW_SITE
from sliproad.features.connections.provisioning import Provisioning
from sliproad.foundation.jobs import Jobs


def register(jobs: Jobs, provisioning: Provisioning) -> None:
    """`connections.follow(charge_point_key)`, `connections.follow_site(site_id)`, `connections.tell(states)`."""

    async def follow(charge_point_key: int) -> None:
        await provisioning.follow(charge_point_key)

    async def follow_site(site_id: str) -> None:
        await provisioning.follow_site(site_id)

    async def tell(states: list[dict[str, Any]]) -> None:
        await provisioning.tell(states)

    jobs.task(FOLLOW, follow)
    jobs.task(FOLLOW_SITE, follow_site)
    jobs.task(TELL, tell)
