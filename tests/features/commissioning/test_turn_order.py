"""Who goes first when many sessions have something to do (`turn_order`)."""

import asyncio
import contextlib

import pytest

from sliproad.features.commissioning.turn_order import TurnOrder


class Crowd:
    """Sessions that want a turn, in the order they come, and the order in which they got one."""

    def __init__(self, order: TurnOrder) -> None:
        self.order = order
        self.served: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.go_on = {name: asyncio.Event() for name in ("first", "new 1", "new 2", "begun 1", "begun 2")}

    async def come(self, name: str) -> None:
        self.tasks[name] = asyncio.create_task(self._turn(name))
        await asyncio.sleep(0)

    async def _turn(self, name: str) -> None:
        async with self.order.turn(is_new=name.startswith("new")):
            self.served.append(name)
            await self.go_on[name].wait()

    async def leave(self, name: str) -> None:
        self.go_on[name].set()
        await self.tasks[name]
        await asyncio.sleep(0)


@pytest.fixture
def crowd() -> Crowd:
    return Crowd(TurnOrder(1))


async def test_what_has_begun_goes_before_what_has_not_and_each_in_its_order(crowd: Crowd) -> None:
    for name in ("first", "new 1", "new 2", "begun 1", "begun 2"):
        await crowd.come(name)
    assert crowd.served == ["first"]
    for name in ("first", "begun 1", "begun 2", "new 1", "new 2"):
        await crowd.leave(name)
    assert crowd.served == ["first", "begun 1", "begun 2", "new 1", "new 2"]
    await crowd.come("first")
    assert crowd.served[-1] == "first", "the place is free again"


async def test_who_gives_up_waiting_leaves_no_gap(crowd: Crowd) -> None:
    for name in ("first", "begun 1", "new 1", "new 2"):
        await crowd.come(name)
    crowd.tasks["begun 1"].cancel()
    await asyncio.sleep(0)
    await crowd.leave("first")
    assert crowd.served == ["first", "new 1"]
    crowd.go_on["new 1"].set()
    crowd.tasks["new 2"].cancel()  # in the very moment in which its turn comes
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(crowd.tasks["new 1"], crowd.tasks["new 2"])
    await crowd.come("begun 2")
    assert crowd.served[-1] == "begun 2"


async def test_as_many_at_once_as_there_are_places() -> None:
    crowd = Crowd(TurnOrder(2))
    for name in ("first", "begun 1", "begun 2"):
        await crowd.come(name)
    assert crowd.served == ["first", "begun 1"]
    await crowd.leave("begun 1")
    assert crowd.served == ["first", "begun 1", "begun 2"]
