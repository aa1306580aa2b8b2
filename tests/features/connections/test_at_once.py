"""State changes are atomic (trust I5): an operator that loses a site applies nothing to it any more, and two who apply at once don't block."""

import asyncio

from sqlalchemy import text

from features.connections.conftest import Scene
from sliproad.foundation.database import ENGINE


async def modes(scene: Scene) -> set[tuple[str, str]]:
    async with scene.workplace.engine.transaction(ENGINE) as session:
        rows = await session.execute(text("select mode, version_id from connection_assignments"))
        return {(row.mode, row.version_id) for row in rows}


async def test_a_site_that_is_taken_while_a_version_is_applied_is_off_in_the_end(scene: Scene) -> None:
    for number in range(5):
        await scene.charge_point(f"EH{number}")
    version = await scene.store()
    operator_path = f"/api/v1/cpo/sites/{scene.site_id}/operator"
    apply_path = f"{scene.base}/connections/sites/{scene.site_id}"
    for _ in range(10):
        applied, taken = await asyncio.gather(
            scene.operator.post(apply_path, json={"version": version}),
            scene.cpo.put(operator_path, json={"operator_id": None}),
        )
        assert (applied.status_code, taken.status_code) in {(202, 200), (404, 200)}
        assert {mode for mode, _version in await modes(scene)} <= {"off"}
        await scene.cpo.put(operator_path, json={"operator_id": scene.operator.id})


async def test_of_two_versions_applied_at_once_one_wins_everywhere(scene: Scene) -> None:
    for number in range(8):
        await scene.charge_point(f"EH{number}")
    versions = [await scene.store(), await scene.store()]
    path = f"{scene.base}/connections/sites/{scene.site_id}"
    for _ in range(5):
        answers = await asyncio.gather(*(scene.operator.post(path, json={"version": each}) for each in versions * 3))
        assert {answer.status_code for answer in answers} == {202}
        assert len(await modes(scene)) == 1
