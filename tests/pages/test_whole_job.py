"""The whole job in a browser against the real server with a virtual charger of each version: by thumb, by mouse at a desk, by keyboard alone."""

import contextlib
import pathlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from playwright.async_api import Page

from installation import Installation, installation
from pages.hands import Hand, Keyboard, Thumb
from pages.whole_job import WholeJob, walk
from sliproad.app.job_client import JobClient
from sliproad.simulator.settings import Version

LookAt = Callable[..., AbstractAsyncContextManager[Page]]
pytestmark = pytest.mark.xdist_group("whole job")


@pytest.fixture(scope="module")
def sliproad() -> Iterator[Installation]:
    """With the demo's mailbox, and chargers that are told to be heard every second."""
    with installation(demo="true", commissioning_heartbeat_seconds="1") as running:
        yield running


@pytest.fixture
async def organization(sliproad: Installation) -> AsyncIterator[JobClient]:
    client = JobClient(sliproad.http_url, sliproad.mail_dir)
    async with contextlib.aclosing(client.http):
        client.api_key = sliproad.organization(f"cpo-{id(client):x}@walk.example")
        yield client


@pytest.mark.parametrize(
    ("version", "screen", "hand"),
    [
        ("1.6", "phone", "thumb"),
        ("2.0.1", "desktop", "mouse"),
        ("2.1", "phone", "thumb"),
        ("2.0.1", "phone", "keyboard"),
    ],
)
async def test_a_charger_goes_from_the_box_to_the_road(
    sliproad: Installation,
    organization: JobClient,
    look_at: LookAt,
    tmp_path: pathlib.Path,
    version: Version,
    screen: str,
    hand: str,
) -> None:
    settings: dict[str, Any] = {"reduced_motion": "reduce", "accept_downloads": True}
    async with look_at(screen, **settings) as page:
        with_hand: Hand = Keyboard(page) if hand == "keyboard" else Thumb(page, has_touch=hand == "thumb")
        await walk(WholeJob(sliproad, with_hand, version, tmp_path, f"{version}-{screen}-{hand}"), organization)
