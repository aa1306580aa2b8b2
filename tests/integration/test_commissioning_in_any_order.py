"""Start, pause, resume, stop and restart in any order, by Hypothesis, against the real API, gateway, worker and charge point (issue 3).

Meanwhile the network, the gateway and the worker go and come back. After each rule the API is compared with a model; in the end the
charge point is left alone, and goes live with nothing left running. `ORDERS` in the environment plays more than the usual few.
"""

import asyncio
import contextlib
import os
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from building_site import BuildingSite, free_port, open_site
from sliproad.features.charge_points.live_store import ChargePointLiveRow
from sliproad.features.charge_points.store import ChargePointRow
from sliproad.foundation.bus import Bus
from sliproad.foundation.database import Database
from sliproad.simulator import Ledger

ORDERS = int(os.environ.get("ORDERS", "5"))
STEPS = 12
TIME_SCALE = 5.0
"""Seconds of the charge point's time in one of ours, so that test transactions last a while."""
PATIENCE_SECONDS = 150
"""A start whose answer was lost is given a minute to show itself before it is made again."""
STATUS_OF = {
    None: "not_started",
    "running": "in_progress",
    "paused": "in_progress",
    "stopped": "not_started",
    "completed": "completed",
}
"""A charge point's status, by that of its newest session."""
OBEYED = {
    "running": ["pause"] * 4 + ["stop", "restart"],
    "paused": ["resume"] * 4 + ["stop", "restart"],
    "stopped": ["start", "restart"] * 3,
}
"""What is asked for, by the status of the newest session: six of each."""
T = TypeVar("T")


class Kept(Generic[T]):
    """An async context that a task of its own holds open, since rules that open and close it are tasks of their own."""

    def __init__(self, context: contextlib.AbstractAsyncContextManager[T]) -> None:
        self.context = context
        self._end = asyncio.Event()

    async def open(self) -> T:
        opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            async with self.context as value:
                opened.set_result(value)
                await self._end.wait()

        self._task = asyncio.create_task(hold())
        await asyncio.wait({self._task, opened}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            await self._task
        return opened.result()

    async def close(self) -> None:
        self._end.set()
        await self._task


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await happened():
            await asyncio.sleep(0.1)


@dataclass
class Expected:
    """What people may expect: the sessions of a charge point, oldest first, and whether it is connected."""

    sessions: list[list[str]] = field(default_factory=list)
    """Id and status of each."""
    connected: bool = True

    @property
    def status(self) -> str | None:
        return self.sessions[-1][1] if self.sessions else None

    def answer(self, verb: str) -> tuple[int, str | None]:
        """Status code and error code with which a control is answered now."""
        active = self.status in {"running", "paused"}
        match verb:
            case "start" if active:
                return 409, "session_already_running"
            case "restart" if self.status is None:
                return 409, "invalid_state"
            case "start" | "restart" if self.status == "completed":
                return 422, "already_commissioned"
            case "start" | "restart":
                return (202, None) if self.connected else (409, "not_connected")
            case "pause":
                return (200, None) if self.status == "running" else (409, "invalid_state")
            case "resume":
                return (200, None) if self.status == "paused" else (409, "invalid_state")
            case _:
                return (200, None) if active else (409, "invalid_state")

    def done(self, verb: str, session_id: str) -> None:
        """A control was obeyed."""
        if verb == "restart" and self.status in {"running", "paused"}:
            self.sessions[-1][1] = "stopped"
        if verb in {"start", "restart"}:
            self.sessions.append([session_id, "running"])
        else:
            self.sessions[-1][1] = {"pause": "paused", "resume": "running", "stop": "stopped"}[verb]


class Place:
    """The real thing: one charge point at a site, its gateway and its worker, and what was seen of its sessions."""

    def __init__(self, site: BuildingSite) -> None:
        self.site = site
        self.port = free_port()
        self.expected = Expected()
        self.over: dict[str, dict[str, Any]] = {}
        """Sessions that are over, as they were first seen."""
        self.steps: dict[str, dict[str, Any]] = {}
        """Finished steps of the newest session."""
        self.held: dict[str, Any] | None = None
        """The newest session while it is paused."""

    async def open(self, version: str) -> None:
        self.gateway, self.worker = Kept(self.site.gateway(self.port)), Kept(self.site.worker())
        await self.gateway.open()
        await self.worker.open()
        self.charger = Kept(self.site.charger(version, time_scale=TIME_SCALE))
        self.charge_point_id, self.virtual = await self.charger.open()
        self.key = await self.site.workplace.key_of(self.charge_point_id)

    async def close(self) -> None:
        for each in (self.charger, self.worker, self.gateway):
            await each.close()

    async def until_connected(self, *, wanted: bool = True) -> None:
        async def there() -> bool:
            (live,) = await self.site.rows(ChargePointLiveRow, charge_point_key=self.key)
            return bool(live.connected) is wanted and self.virtual.station.online is wanted

        await until(there)

    async def say(self, verb: str) -> None:
        """Control the session; the answer must be the expected one. A session that runs may have completed just before."""
        expected = self.expected.answer(verb)
        body = {"json": {}} if verb in {"start", "restart"} else {}
        answer = await self.site.alex.post(self.site.path(self.charge_point_id, verb), **body)
        told = answer.json()
        if (answer.status_code, told.get("code")) != expected:
            await self.look()
            expected = self.expected.answer(verb)
        assert (answer.status_code, told.get("code")) == expected, (verb, told)
        if answer.status_code < 300:
            self.expected.done(verb, told["session_id"])
            if verb in {"start", "restart"}:
                self.steps = {}
            self.held = None

    async def look(self) -> None:
        """Compare everything that the API says of the charge point with the model."""
        path = self.site.path(self.charge_point_id, "sessions")
        listed = (await self.site.alex.get(path)).json()
        seen = [[one["session_id"], one["status"]] for one in reversed(listed["sessions"])]
        if self.expected.status == "running" and seen[-1][1] == "completed":
            self.expected.sessions[-1][1] = "completed"
        assert seen == self.expected.sessions, listed["sessions"][0]
        assert listed["total"] == len(seen)
        for one in listed["sessions"]:
            if one["status"] in {"running", "paused"}:
                continue
            assert self.over.setdefault(one["session_id"], one) == one, "what is over stays as it was"
        if seen:
            self._compare_newest(listed["sessions"][0])
        (charge_point,) = await self.site.rows(ChargePointRow, charge_point_id=self.charge_point_id)
        may_be = {STATUS_OF[self.expected.status]} | ({"completed"} if self.expected.status == "running" else set())
        assert charge_point.commissioning_status in may_be

    def _compare_newest(self, newest: dict[str, Any]) -> None:
        steps = {step["name"]: step for step in newest["steps"]}
        for name, step in self.steps.items():
            assert steps[name] == step, "what is finished stays as it was"
        self.steps = {name: step for name, step in steps.items() if step["status"] in {"passed", "failed", "skipped"}}
        assert [step["status"] for step in newest["steps"]].count("running") <= 1
        assert newest["result"] == ("passed" if newest["status"] == "completed" else None), newest
        if newest["status"] == "paused":
            self.held = self.held or newest
            assert newest == self.held, "nothing happens in a session that is paused"

    async def network(self, *, is_there: bool) -> None:
        """Plug the charge point's cable in, or pull it."""
        if is_there:
            self.virtual.go_online()
        else:
            self.virtual.go_offline()
        await self.until_connected(wanted=is_there)
        self.expected.connected = is_there

    async def another_gateway(self) -> None:
        await self.gateway.close()
        self.gateway = Kept(self.site.gateway(self.port))
        await self.gateway.open()
        await self.until_connected(wanted=self.expected.connected)

    async def another_worker(self) -> None:
        """The one there was ends in the middle of things."""
        await self.worker.close()
        self.worker = Kept(self.site.worker())
        await self.worker.open()

    async def left_alone(self) -> None:
        """Nobody does anything any more but let it go on: it goes live, and each of its tests was one transaction that ended."""
        if not self.expected.connected:
            await self.network(is_there=True)
        await self.look()
        if self.expected.status in {"paused", "stopped"}:
            await self.say("resume" if self.expected.status == "paused" else "restart")
        await until(self._is_over)
        ended = await self.site.status(self.charge_point_id)
        await self.look()
        assert {step["status"] for step in ended["steps"]} == {"passed"}, ended["steps"]
        await until(self._all_ended)
        charged = Ledger.read(self.virtual.settings.ledger_path).transactions.values()
        assert len({one.id_token for one in charged}) == len(charged), "no test is charged twice"
        path = f"/api/v1/cpo/transactions?charge_point_id={self.charge_point_id}"
        known = (await self.site.owner.get(path)).json()["transactions"]
        assert sorted((one["id_token"], one["energy_wh"]) for one in known) == sorted(
            (one.id_token, one.energy_wh) for one in charged
        )

    async def _is_over(self) -> bool:
        return (await self.site.status(self.charge_point_id))["status"] != "running"

    async def _all_ended(self) -> bool:
        book = Ledger.read(self.virtual.settings.ledger_path)
        return not book.pending and not any(one.is_open for one in book.transactions.values())


def is_on(machine: Any) -> bool:
    """Whether a session may be disturbed."""
    return machine.place.expected.status in {"running", "paused"}


class AnyOrder(RuleBasedStateMachine):
    """The rules; each drives the real thing until it is done with it."""

    def __init__(self, runner: asyncio.Runner, site: BuildingSite) -> None:
        super().__init__()
        self.runner, self.place, self.has_failed = runner, Place(site), False

    def run(self, doing: Coroutine[Any, Any, None]) -> None:
        try:
            self.runner.run(doing)
        except BaseException:
            self.has_failed = True
            raise

    @initialize(version=st.sampled_from(["1.6", "2.0.1", "2.1"]))
    def begin(self, version: str) -> None:
        self.run(self.place.open(version))
        self.run(self.place.say("start"))

    @precondition(lambda self: self.place.expected.status != "completed")
    @rule(choice=st.integers(0, 5))
    def is_obeyed(self, choice: int) -> None:
        """What may be asked for now; mostly something that goes on afterwards."""
        self.run(self.place.say(OBEYED[self.place.expected.status][choice]))

    @precondition(lambda self: self.place.expected.status == "running")
    @rule(choice=st.integers(0, 5), seconds=st.sampled_from([0.3, 0.6, 1.0, 1.5]))
    def is_obeyed_later(self, choice: int, seconds: float) -> None:
        """When the session is further on, as far as in the middle of its test transaction."""
        self.run(asyncio.sleep(seconds))
        self.run(self.place.say(OBEYED["running"][choice]))

    @rule(verb=st.sampled_from(["start", "pause", "resume", "stop"]))
    def is_perhaps_refused(self, verb: str) -> None:
        self.run(self.place.say(verb))

    @precondition(is_on)
    @rule(seconds=st.sampled_from([0.1, 0.5, 1.5]))
    def time_passes(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @precondition(lambda self: self.place.expected.status != "completed")
    @rule()
    def cable(self) -> None:
        self.run(self.place.network(is_there=not self.place.expected.connected))

    @precondition(is_on)
    @rule()
    def gateway_ends(self) -> None:
        self.run(self.place.another_gateway())

    @precondition(is_on)
    @rule()
    def worker_ends(self) -> None:
        self.run(self.place.another_worker())

    @invariant()
    def the_api_says_what_is_expected(self) -> None:
        self.run(self.place.look())

    def teardown(self) -> None:
        if not self.has_failed:
            self.run(self.place.left_alone())
        self.runner.run(self.place.close())


@contextlib.asynccontextmanager
async def site_of(database_url: str, nats_url: str, folder: pathlib.Path) -> AsyncIterator[BuildingSite]:
    web, engine = Database(database_url, "web", pool_size=5), Database(database_url, "engine", pool_size=5)
    bus = Bus(nats_url)
    await bus.connect()
    async with open_site(database_url, nats_url, web, engine, bus, folder) as opened:
        yield opened
    await bus.close()
    await web.close()
    await engine.close()


def test_controls_in_any_order(database_url: str, nats_url: str, tmp_path: pathlib.Path) -> None:
    with asyncio.Runner() as runner:
        site = Kept(site_of(database_url, nats_url, tmp_path))
        opened = runner.run(site.open())
        try:
            run_state_machine_as_test(
                lambda: AnyOrder(runner, opened),
                settings=settings(
                    max_examples=ORDERS,
                    stateful_step_count=STEPS,
                    deadline=None,
                    derandomize="CI" in os.environ,
                    database=None,
                    phases=[Phase.generate],  # shrinking would play the real thing a hundred times
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(site.close())
