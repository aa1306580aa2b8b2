"""A version goes to a site wave after wave: the rules as tables, and the whole over HTTP with states as gateways write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from features.connections.conftest import Scene
from sliproad.features.connections import rollout_rules
from sliproad.features.connections.rollout_rules import APPLIED, CONNECTED, FAILED, WAITING, Item, Seen
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.database import ENGINE
from workplace import assert_problem

NOW = datetime(2026, 5, 1, 10, 23, tzinfo=UTC)
WAIT = timedelta(seconds=60)


@pytest.mark.parametrize(
    ("count", "sizes", "expected"),
    [(5, [1, 2], [1, 2, 2, 3, 3]), (3, [10], [1, 1, 1]), (0, [1], []), (4, [1, 1, 5], [1, 2, 3, 3])],
)
def test_waves(count: int, sizes: list[int], expected: list[int]) -> None:
    assert rollout_rules.waves(count, sizes) == expected


@given(st.integers(0, 300), st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_waves_hold_everything_in_order(count: int, sizes: list[int]) -> None:
    found = rollout_rules.waves(count, sizes)
    assert (len(found), found) == (count, sorted(found))
    assert set(found) == set(range(1, (found[-1] if found else 0) + 1))


@pytest.mark.parametrize(
    ("seen", "after", "state", "reason"),
    [
        (Seen(7, "pending", None), 0, APPLIED, None),
        (Seen(7, "connecting", None), 59, APPLIED, None),
        (Seen(7, "connected", None), 0, CONNECTED, None),
        (Seen(7, "off", None), 0, CONNECTED, None),
        (Seen(7, "failed", "wrong password"), 0, FAILED, "wrong password"),
        (Seen(7, "pending", None), 60, FAILED, "Not connected within 60 s. The charge point is not connected here."),
        (Seen(7, "connecting", None), 60, FAILED, "Not connected within 60 s. No answer yet."),
        (Seen(8, "connected", None), 0, FAILED, rollout_rules.REPLACED),
        (None, 0, FAILED, rollout_rules.GONE),
    ],
)
def test_what_becomes_of_an_applied_charge_point(seen: Seen | None, after: int, state: str, reason: str | None) -> None:
    item = rollout_rules.judged(
        Item(1, 1, APPLIED, None, 7), seen, began_at=NOW, wait=WAIT, now=NOW + timedelta(seconds=after)
    )
    assert (item.state, item.reason) == (state, reason)


def progress(*states: str, seen: dict[int, Seen] | None = None, most_failures: int = 0) -> rollout_rules.Progress:
    """Of charge points in waves of one, with these states so far."""
    items = [Item(number, number, state, None, 7) for number, state in enumerate(states, 1)]
    return rollout_rules.advance(
        items, seen or {}, wave=1, began_at=NOW, most_failures=most_failures, wait=WAIT, now=NOW
    )


def test_the_next_wave_waits_for_the_one_before() -> None:
    assert [item.charge_point_key for item in progress(WAITING, WAITING).apply] == [1]
    assert progress(APPLIED, WAITING, seen={1: Seen(7, "connecting", None)}).apply == ()
    after = progress(APPLIED, WAITING, seen={1: Seen(7, "connected", None)})
    assert ([item.charge_point_key for item in after.apply], after.wave, after.state) == ([2], 2, "running")


def test_failures_stop_it_and_allowed_ones_do_not() -> None:
    seen = {1: Seen(7, "failed", "wrong CA")}
    stopped = progress(APPLIED, WAITING, seen=seen)
    assert (stopped.state, stopped.apply, stopped.reason) == ("stopped", (), "1 failed, 0 were allowed.")
    assert [item.charge_point_key for item in progress(APPLIED, WAITING, seen=seen, most_failures=1).apply] == [2]


def test_it_is_completed_when_all_are_done() -> None:
    assert progress(CONNECTED, CONNECTED).state == "completed"
    assert progress().state == "completed"


# ------------------------------------------------------------------ over HTTP


class Rollout:
    """One roll-out, and the gateways that would answer to it."""

    def __init__(self, scene: Scene, version: str) -> None:
        self.scene, self.version, self.path = scene, version, ""

    async def start(self, **more: Any) -> dict[str, Any]:
        body = {"siteId": self.scene.site_id, "version": self.version, **more}
        answer = await self.scene.operator.post(f"{self.scene.base}/rollouts", json=body)
        assert answer.status_code == 201, answer.text
        self.path = f"{self.scene.base}/rollouts/{answer.json()['rolloutId']}"
        await self.scene.workplace.work()
        return await self.read()

    async def read(self) -> dict[str, Any]:
        return (await self.scene.operator.get(self.path)).json()

    async def act(self, verb: str) -> dict[str, Any]:
        answer = await self.scene.operator.post(f"{self.path}/{verb}")
        assert answer.status_code == 200, answer.text
        await self.scene.workplace.work()
        return await self.read()

    async def gateways_say(self, state: str, reason: str | None = None) -> dict[str, Any]:
        """Every charge point that was given something comes to this state; then a worker looks."""
        async with self.scene.workplace.engine.transaction(ENGINE) as session:
            statement = "update connection_assignments set state = :s, reason = :r where state = 'pending'"
            await session.execute(text(statement), {"s": state, "r": reason})
        await self.scene.workplace.jobs.enqueue(None, "connections.advance", rollout_id=self.path.rpartition("/")[2])
        await self.scene.workplace.work()
        return await self.read()


def states(rollout: dict[str, Any]) -> list[str]:
    return [charger["state"] for charger in rollout["chargers"]]


@pytest.fixture
async def rollout(scene: Scene) -> Rollout:
    for number in range(4):
        await scene.charge_point(f"EH{number}")
    return Rollout(scene, await scene.store())


async def test_wave_after_wave_to_the_end(rollout: Rollout) -> None:
    begun = await rollout.start(waves=[1, 2])
    assert (begun["state"], begun["wave"], states(begun)) == ("running", 1, [APPLIED, WAITING, WAITING, WAITING])
    second = await rollout.gateways_say("connected")
    assert (second["wave"], states(second)) == (2, [CONNECTED, APPLIED, APPLIED, WAITING])
    third = await rollout.gateways_say("connected")
    assert (third["wave"], states(third)[-1]) == (3, APPLIED)
    done = await rollout.gateways_say("connected")
    assert (done["state"], done["states"]) == ("completed", {CONNECTED: 4})
    assert done["finishedAt"]
    assert_problem(await rollout.scene.operator.post(f"{rollout.path}/pause"), 409, "invalid_state")


async def test_failures_stop_it_and_the_rest_keeps_what_it_had(rollout: Rollout) -> None:
    await rollout.start(waves=[2])
    stopped = await rollout.gateways_say("failed", "The server refused the password (401).")
    assert (stopped["state"], stopped["reason"]) == ("stopped", "2 failed, 0 were allowed.")
    assert states(stopped) == [FAILED, FAILED, WAITING, WAITING]
    assert stopped["chargers"][0]["reason"] == "The server refused the password (401)."
    assert (await rollout.scene.state("EH3"))["state"] == "off"
    resumed = await rollout.act("resume")
    assert (resumed["state"], states(resumed)) == ("running", [APPLIED, APPLIED, WAITING, WAITING])


async def test_it_is_paused_and_resumed(rollout: Rollout) -> None:
    await rollout.start(waves=[1])
    await rollout.act("pause")
    paused = await rollout.gateways_say("connected")
    assert (paused["state"], states(paused)) == ("paused", [APPLIED, WAITING, WAITING, WAITING])
    resumed = await rollout.act("resume")
    assert (resumed["state"], states(resumed)) == ("running", [CONNECTED, APPLIED, WAITING, WAITING])


async def test_it_is_rolled_back_to_what_was_before(rollout: Rollout) -> None:
    scene = rollout.scene
    before = await scene.store()
    await scene.apply("chargers/EH0", before)
    await rollout.start(waves=[3])
    await scene.apply("chargers/EH2", replaced := await scene.store())
    back = await rollout.act("roll-back")
    assert (back["state"], states(back)) == ("rolled_back", ["rolled_back", "rolled_back", APPLIED, WAITING])
    assert [(await scene.state(f"EH{number}"))["version"] for number in (0, 2)] == [before, replaced]
    assert [(await scene.state(f"EH{number}"))["state"] for number in range(4)] == ["pending", "off", "pending", "off"]
    assert_problem(await scene.operator.post(f"{rollout.path}/roll-back"), 409, "invalid_state")


async def test_a_charge_point_that_does_not_come_has_failed_in_time(rollout: Rollout, clock: ManualClock) -> None:
    await rollout.start(waves=[4], waitSeconds=60)
    clock.advance(seconds=61)
    stopped = await rollout.gateways_say("pending")
    assert stopped["state"] == "stopped"
    assert "is not connected here" in stopped["chargers"][0]["reason"]


async def test_one_at_a_time_on_a_site(rollout: Rollout) -> None:
    scene = rollout.scene
    await rollout.start()
    body = {"siteId": scene.site_id, "version": rollout.version}
    assert_problem(await scene.operator.post(f"{scene.base}/rollouts", json=body), 409, "rollout_running")
    await rollout.gateways_say("failed", "refused")
    assert (await scene.operator.post(f"{scene.base}/rollouts", json=body)).status_code == 201, (
        "a stopped one makes room"
    )
    assert_problem(await scene.operator.post(f"{rollout.path}/resume"), 409, "rollout_running")
    listed = (await scene.operator.get(f"{scene.base}/rollouts", params={"siteId": scene.site_id})).json()["rollouts"]
    assert sorted(each["state"] for each in listed) == ["running", "stopped"]


async def test_a_site_that_is_taken_away_ends_it(rollout: Rollout) -> None:
    scene = rollout.scene
    await rollout.start(waves=[1])
    await scene.workplace.select_operator(scene.cpo, scene.site_id, None)
    ended = await rollout.gateways_say("connected")
    assert (ended["state"], states(ended)[1:]) == ("stopped", [WAITING] * 3)
    assert_problem(await scene.operator.post(f"{rollout.path}/resume"), 404, "not_found")


async def test_switching_a_site_off_in_waves(rollout: Rollout) -> None:
    rollout.version = await rollout.scene.store(connectivityMode="OcppOff")
    await rollout.start(waves=[4])
    assert (await rollout.gateways_say("off"))["states"] == {CONNECTED: 4}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"waves": []}, "waves"), ({"waves": [0]}, "waves.0"), ({"maxFailures": -1}, "maxFailures"),
        ({"waitSeconds": 1}, "waitSeconds"), ({"version": "ocv_nobody"}, "version"), ({"speed": 1}, "speed"),
    ],
)  # fmt: skip
async def test_a_bad_field_is_named(scene: Scene, change: dict[str, Any], field: str) -> None:
    body = {"siteId": scene.site_id, "version": await scene.store(), **change}
    problem = assert_problem(await scene.operator.post(f"{scene.base}/rollouts", json=body), 400, "validation_error")
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_another_operator_sees_nothing_of_it(rollout: Rollout) -> None:
    await rollout.start()
    other = await rollout.scene.workplace.operator("Other")
    path = rollout.path.replace(rollout.scene.operator.id, other.id)
    assert_problem(await other.get(path), 404, "not_found")
    for verb in ("pause", "resume", "roll-back"):
        assert_problem(await other.post(f"{path}/{verb}"), 404, "not_found")
    assert_problem(await other.get(f"{path}/events"), 404, "not_found")


async def test_its_end_is_seen_as_a_server_sent_event(rollout: Rollout) -> None:
    await rollout.start(waves=[4])
    await rollout.gateways_say("connected")
    answer = await rollout.scene.operator.get(f"{rollout.path}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
    assert orjson.loads(lines[-1]) == await rollout.read()
    assert "event: end" in answer.text
