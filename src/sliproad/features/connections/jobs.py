"""Background work of connections."""

from typing import Any

from sliproad.features.connections.assigning import MOVE, TELL
from sliproad.features.connections.following import FOLLOW, FOLLOW_SITE
from sliproad.features.connections.moving import Moving
from sliproad.features.connections.provisioning import Provisioning
from sliproad.features.connections.rollout_driver import RolloutDriver
from sliproad.features.connections.rollouts import ADVANCE
from sliproad.foundation.jobs import Jobs


def register(jobs: Jobs, provisioning: Provisioning, driver: RolloutDriver, moving: Moving) -> None:
    """`connections.follow(charge_point_key)`, `.follow_site(site_id)`, `.tell(states)`, `.advance(rollout_id)`, `.move(charge_point_key)`.

    Polls stand behind roll-outs and moves.
    """

    async def follow(charge_point_key: int) -> None:
        await provisioning.follow(charge_point_key)

    async def follow_site(site_id: str) -> None:
        await provisioning.follow_site(site_id)

    async def tell(states: list[dict[str, Any]]) -> None:
        await provisioning.tell(states)

    async def advance(rollout_id: str) -> None:
        await driver.advance(rollout_id)

    async def advance_all(timestamp: int) -> None:  # noqa: ARG001
        await driver.advance_all()

    async def move(charge_point_key: int) -> None:
        await moving.advance(charge_point_key)

    async def poll_moves(timestamp: int) -> None:  # noqa: ARG001
        await moving.poll()

    jobs.task(ADVANCE, advance)
    jobs.task(MOVE, move)
    jobs.periodic("connections.poll_moves", poll_moves, cron="* * * * * */2")
    jobs.periodic("connections.advance_all", advance_all, cron="* * * * * */2")
    jobs.task(FOLLOW, follow)
    jobs.task(FOLLOW_SITE, follow_site)
    jobs.task(TELL, tell)
