"""Fetching a handover and its certificate again: organisation, site owner, installer (contract §2 and §3)."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx2
import pytest
from sqlalchemy import func, select

from features.handover.conftest import ALEX, ORGANIZATION, PROJECT, PUBLIC_URL, Installation
from features.handover.test_handover import DECLARATION, handed_over, token_of
from sliproad.features.accounts.guards import Guards
from sliproad.features.accounts.model import (
    Actor,
    Audience,
    InstallerActor,
    KeyScope,
    OrganizationActor,
    SiteOwnerActor,
)
from sliproad.features.handover import pages, reading_routes
from sliproad.features.handover.store import CertificateLinkRow, HandoverRow
from sliproad.features.projects.store import ProjectInstallerRow
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import ENGINE, Database
from sliproad.foundation.errors import Unauthenticated
from sliproad.foundation.web.application import create_app
from sliproad.foundation.web.idempotency import IdempotencyRecords

KEY = OrganizationActor(ORGANIZATION, "Back office", key_id="key_1", scopes=frozenset({KeyScope.CPO_READ}))
OWNER = SiteOwnerActor("usr_owner", "Olive Owner", "owner@riverside.example")
PARTIES: dict[str, Actor] = {"cpo": KEY, "site-owner": OWNER, "installer": ALEX}
STRANGERS: dict[str, Actor] = {
    "cpo": OrganizationActor("org_hilltop", "Hilltop", key_id="key_2", scopes=frozenset({KeyScope.CPO})),
    "site-owner": SiteOwnerActor("usr_stranger", "Sam", "sam@elsewhere.example"),
    "installer": InstallerActor("ins_stranger", "Sam", "sam@elsewhere.example", None),
}


class Tokens:
    """Knows each party, and a stranger of its kind; how tokens are made is accounts' matter."""

    async def actor(self, bearer: str, audience: Audience | None) -> Actor:
        known = PARTIES | {f"stranger-{name}": actor for name, actor in STRANGERS.items()}
        if bearer in known:
            return known[bearer]
        raise Unauthenticated("Nobody.")


@pytest.fixture
async def client(
    installation: Installation, web: Database, clock: ManualClock, secret_key: SecretKey
) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(
        [reading_routes.router(installation.reading), pages.router(installation.service, installation.checker)],
        guards=Guards(Tokens()),
        idempotency=IdempotencyRecords(web, secret_key, clock),
        public_url=PUBLIC_URL,
        version="test",
        larger_bodies=pages.LARGER_BODIES,
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=PUBLIC_URL) as client:
        yield client


async def read(client: httpx2.AsyncClient, audience: str, bearer: str | None = None) -> httpx2.Response:
    path = f"/api/v1/{audience}/projects/{PROJECT}/handover"
    return await client.get(path, headers={"Authorization": f"Bearer {bearer or audience}"})


@pytest.mark.parametrize("audience", PARTIES)
async def test_everybody_concerned_fetches_the_certificate_again(
    installation: Installation, client: httpx2.AsyncClient, audience: str
) -> None:
    done = await handed_over(installation)
    installation.clock.advance(days=200)  # every link of then has expired

    answer = await read(client, audience)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["project_id"], body["certificate_id"]) == (PROJECT, done.certificate_id)
    assert (body["signed_by"], body["site_contact_name"]) == (DECLARATION.signed_by, DECLARATION.site_contact_name)
    assert (body["handed_over_at"], body["issued_at"]) == ("2026-05-01T10:23:00Z", "2026-05-01T10:23:00Z")
    assert body["verify_url"] == done.verify_url
    assert body["link_expires_at"] == "2027-02-15T10:23:00Z", "in ninety days"
    downloaded = await client.get(urlsplit(body["handover_certificate_url"]).path)
    assert (downloaded.status_code, downloaded.headers["content-type"]) == (200, "application/pdf")
    assert downloaded.content.startswith(b"%PDF-")
    assert len(body["pdf_sha256"]) == 64


@pytest.mark.parametrize("audience", PARTIES)
async def test_before_the_handover_there_is_none(
    installation: Installation, client: httpx2.AsyncClient, audience: str
) -> None:
    assert installation.keys
    answer = await read(client, audience)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["detail"] == "This project has not been handed over."


@pytest.mark.parametrize("audience", PARTIES)
async def test_a_stranger_finds_no_project(
    installation: Installation, client: httpx2.AsyncClient, audience: str
) -> None:
    """Trust I4: the same answer as for a project that does not exist; and no link was made."""
    await handed_over(installation)
    answer = await read(client, audience, f"stranger-{audience}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such project.")
    async with installation.engine.transaction(ENGINE) as session:
        assert await session.scalar(select(func.count()).select_from(CertificateLinkRow)) == 4


@pytest.mark.parametrize("audience", PARTIES)
async def test_the_tables_are_closed_to_strangers_too(installation: Installation, web: Database, audience: str) -> None:
    """The second wall: row-level security, without any check of a service's."""
    await handed_over(installation)
    for actor, seen in ((PARTIES[audience], 1), (STRANGERS[audience], 0)):
        async with web.transaction(actor.scope) as session:
            assert await session.scalar(select(func.count()).select_from(HandoverRow)) == seen
            assert (await session.scalar(select(func.count()).select_from(CertificateLinkRow)) == 4) == bool(seen)


async def test_an_installer_who_was_taken_off_fetches_nothing(
    installation: Installation, client: httpx2.AsyncClient
) -> None:
    """Trust I3."""
    await handed_over(installation)
    async with installation.engine.transaction(ENGINE) as session:
        assignment = await session.get_one(ProjectInstallerRow, (PROJECT, ALEX.installer_id))
        assignment.removed_at = installation.clock.now()
    assert (await read(client, "installer")).status_code == 404


async def test_asking_often_makes_one_link_a_month_for_each(
    installation: Installation, client: httpx2.AsyncClient
) -> None:
    await handed_over(installation)
    urls = [(await read(client, "cpo")).json()["handover_certificate_url"] for _ in range(3)]
    installation.clock.advance(days=1)
    again = (await read(client, "cpo")).json()
    owners = (await read(client, "site-owner")).json()["handover_certificate_url"]
    assert {*urls, again["handover_certificate_url"]} == {urls[0]}
    assert owners != urls[0]
    installation.clock.advance(days=31)
    later = (await read(client, "cpo")).json()
    assert later["handover_certificate_url"] != urls[0]
    assert later["link_expires_at"] > again["link_expires_at"]
    async with installation.engine.transaction(ENGINE) as session:
        rows = (await session.scalars(select(CertificateLinkRow))).all()
    assert len(rows) == 4 + 3
    assert not [row for row in rows if token_of(urls[0]) in str(vars(row))], "only hashes are kept (trust P3)"


async def test_a_link_is_renewed_to_whoever_had_it(installation: Installation, client: httpx2.AsyncClient) -> None:
    """A person's to their own mailbox; the organisation's, whichever key had asked, to where the organisation wants mail."""
    await handed_over(installation)
    urls = {each: (await read(client, each)).json()["handover_certificate_url"] for each in PARTIES}
    renewed = {each: await installation.service.renew_link(token_of(url)) for each, url in urls.items()}
    assert renewed == {"cpo": "ops@riverside.example", "site-owner": OWNER.email, "installer": ALEX.email}


async def test_while_the_certificate_is_being_signed_the_link_waits(
    installation: Installation, client: httpx2.AsyncClient
) -> None:
    installation.service.patience_seconds = 0.1
    await installation.service.complete(ALEX, PROJECT, DECLARATION)
    body = (await read(client, "cpo")).json()
    assert (body["issued_at"], body["pdf_sha256"]) == (None, None)
    assert (await client.get(urlsplit(body["handover_certificate_url"]).path)).status_code == 503
