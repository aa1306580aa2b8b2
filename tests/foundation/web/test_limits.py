"""Contract §1, rate limits: exact under concurrency, per what is counted, ending with their window."""

import asyncio

import pytest

from sliproad.foundation import retention
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.database import ENGINE, NOBODY, Database
from sliproad.foundation.errors import TooMany
from sliproad.foundation.web import limits
from sliproad.foundation.web.limits import RateLimiter, RateLimitRow


@pytest.fixture
def limiter(web: Database, clock: ManualClock) -> RateLimiter:
    return RateLimiter(web, clock)


async def test_of_twenty_at_once_five_pass(limiter: RateLimiter) -> None:
    results = await asyncio.gather(*(limiter.hit("5/minute", "probe", "a") for _ in range(20)), return_exceptions=True)
    assert [type(result) for result in results].count(TooMany) == 15


async def test_each_thing_is_counted_for_itself_and_the_window_ends(limiter: RateLimiter, clock: ManualClock) -> None:
    for _ in range(2):
        await limiter.hit("2/minute", "probe", "a")
    await limiter.hit("2/minute", "probe", "b")
    with pytest.raises(TooMany) as refused:
        await limiter.hit("2/minute", "probe", "a")
    assert refused.value.retry_after_seconds == 60
    clock.advance(seconds=59)
    with pytest.raises(TooMany) as refused:
        await limiter.hit("2/minute", "probe", "a")
    assert refused.value.retry_after_seconds == 1
    clock.advance(seconds=1)
    await limiter.hit("2/minute", "probe", "a")


async def test_asking_counts_nothing_and_forgetting_begins_anew(limiter: RateLimiter) -> None:
    for _ in range(5):
        assert not await limiter.is_exhausted("1/minute", "x")
    await limiter.count("1/minute", "x")
    assert await limiter.is_exhausted("1/minute", "x")
    await limiter.forget("1/minute", "x")
    assert not await limiter.is_exhausted("1/minute", "x")


async def test_role_web_sees_no_count_and_the_table_names_nobody(
    limiter: RateLimiter, web: Database, engine: Database
) -> None:
    await limiter.count("1/minute", "alex@acme-ev-installs.com", "203.0.113.7")
    async with web.transaction(NOBODY) as session:
        assert (await session.execute(limits.select(RateLimitRow))).all() == []
    async with engine.transaction(ENGINE) as session:
        (row,) = (await session.scalars(limits.select(RateLimitRow))).all()
    assert "alex" not in row.key
    assert "203" not in row.key


async def test_purging_drops_what_is_over(limiter: RateLimiter, engine: Database, clock: ManualClock) -> None:
    await limiter.count("1/minute", "old")
    clock.advance(minutes=2)
    await limiter.count("1/minute", "new")
    (rule,) = (rule for rule in retention.plan() if rule.table == "rate_limits")
    await retention.apply(engine, rule, clock.now())
    async with engine.transaction(ENGINE) as session:
        assert len((await session.scalars(limits.select(RateLimitRow))).all()) == 1
