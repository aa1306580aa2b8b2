"""Reference numbers: `{prefix}-{year}-{5 digits}`, no gap and no repeat, whatever happens at once (contract §3, issues)."""

import asyncio
import contextlib
import pathlib

from reporting_site import REPORT, open_reporting
from sliproad.features.commissioning import issues_store
from sliproad.features.commissioning.issues import reference_number
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from workplace import open_workplace


class GaveUp(Exception):
    """A report that was not kept after all."""


def test_a_number_has_five_digits_or_as_many_as_it_needs() -> None:
    assert reference_number("DYN", 2024, 847) == "DYN-2024-00847"
    assert reference_number("SLP", 2026, 99_999) == "SLP-2026-99999"
    assert reference_number("SLP", 2026, 100_000) == "SLP-2026-100000"


async def test_fifty_reports_at_once_with_failures_in_between(
    web: Database, engine: Database, bus: Bus, clock: ManualClock, secret_key: SecretKey, tmp_path: pathlib.Path
) -> None:
    """Fifty requests that succeed, fifty transactions that take a number and are rolled back, twenty requests that are refused."""
    taken_and_given_back = []

    async def give_up() -> None:
        with contextlib.suppress(GaveUp):
            async with engine.transaction(ENGINE) as session:
                taken_and_given_back.append(await issues_store.take_number(session, clock.now().year))
                raise GaveUp

    async with (
        open_workplace(web, engine, bus, clock, secret_key, tmp_path) as workplace,
        open_reporting(workplace, prefix="DYN") as site,
    ):
        report, unknown = site.path("report-issue"), {"photo_urls": ["pho_00000000000000000000"]}
        work = []
        for number in range(50):
            work += [site.alex.post(report, json=REPORT), give_up()]
            if number % 5 < 2:
                work.append(site.alex.post(report, json=REPORT | unknown))
        answers = [answer for answer in await asyncio.gather(*work) if answer is not None]
        listed = (await site.alex.get(site.path("issues"), params={"limit": 500})).json()
    made = [answer.json()["reference_number"] for answer in answers if answer.status_code == 201]
    assert sorted(answer.status_code for answer in answers) == [201] * 50 + [400] * 20
    assert sorted(made) == [f"DYN-2026-{number:05d}" for number in range(1, 51)]
    assert sorted(issue["reference_number"] for issue in listed["issues"]) == sorted(made)
    assert len(taken_and_given_back) == 50, "each rolled-back transaction did hold a number"
