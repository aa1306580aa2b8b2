"""The site owner is mailed when a charge point goes live, unless the project says otherwise (contract §3)."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from building_site import BuildingSite
from sliproad.features.commissioning.mails import SiteOwnerMails
from sliproad.features.commissioning.model import commissioning_completed
from sliproad.foundation import outbox
from sliproad.foundation.database import ENGINE
from sliproad.foundation.outbox import OutboxRow, StoredEvent
from sliproad.foundation.outgoing import Outgoing


async def mailed(site: BuildingSite, charge_point_key: int | None) -> dict[str, str]:
    """Give the mails an event about this charge point: recipient -> text of what was sent."""
    workplace = site.workplace
    mails = SiteOwnerMails(workplace.registry, workplace.projects, Outgoing(workplace.jobs, workplace.secret_key))
    event = commissioning_completed({}, site.owner.id, charge_point_key, datetime.now(UTC))
    async with site.engine.transaction(ENGINE) as session:
        event_id = outbox.publish(session, event)
        await session.flush()
        row = await session.scalar(select(OutboxRow).where(OutboxRow.event_id == event_id))
        await mails.tell_site_owners(session, StoredEvent(row))
    await workplace.mailed_links()
    return {path.name: path.read_text() for path in workplace.mail_folder.glob("*.eml")}


@pytest.fixture
async def key(site: BuildingSite) -> int:
    await site.owner.patch(
        f"/api/v1/cpo/projects/{site.project_id}", json={"site_owner_email": "s.owen@riverside.example"}
    )
    registered = await site.connected(charge_point_id="CP-SITE42-001", serial_number="SN-ABX-7")
    return await site.workplace.key_of(registered["charge_point_id"])


async def test_the_projects_site_owner_and_the_sites_owners_are_mailed_once_each(site: BuildingSite, key: int) -> None:
    (site_id,) = [row["site_id"] for row in (await site.owner.get("/api/v1/cpo/sites")).json()["sites"]]
    bound = await site.workplace.site_owner(site_id, site.owner.id)
    texts = await mailed(site, key)
    assert len(texts) == 2
    for mailbox in ("s.owen@riverside.example", bound.email):
        (text,) = [text for text in texts.values() if f"To: {mailbox}" in text]
        assert "Subject: Charge point CP-SITE42-001 is live" in text
        assert "SN-ABX-7" in text


async def test_a_project_may_want_no_mail(site: BuildingSite, key: int) -> None:
    await site.owner.patch(f"/api/v1/cpo/projects/{site.project_id}", json={"mail_site_owner": False})
    assert await mailed(site, key) == {}


async def test_a_charge_point_that_was_taken_out_meanwhile_is_no_trouble(site: BuildingSite) -> None:
    assert await mailed(site, -1) == {}
    assert await mailed(site, None) == {}
