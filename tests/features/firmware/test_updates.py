"""A CPO's firmware library and updates over real sockets: OCPP 1.6 §5.19, §4.5, whitepaper §4.1; 2.x L01, L02."""

import asyncio
import datetime
import hashlib
import io
import os
from typing import Any

import httpx2
import pytest

from building_site import BuildingSite
from service_site import ServiceSite, open_service_site
from simulator.test_service_visits import signed
from sliproad.features.accounts.model import KeyScope
from sliproad.features.firmware.transfer_urls import TransferUrls
from sliproad.features.firmware.updates_following import UpdateTimes
from sliproad.foundation.database import ENGINE
from sliproad.foundation.files import CHUNK_BYTES, FileRow
from sliproad.simulator import Fault
from workplace import assert_problem

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
LIBRARY = "/api/v1/cpo/firmware"


async def begun(service: ServiceSite, charge_point_id: str, firmware_id: str, **body: Any) -> str:
    """Start an update; the path where it is followed."""
    answer = await service.owner.post(service.updates(charge_point_id), json={"firmware_id": firmware_id, **body})
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "requested"
    return f"{service.updates(charge_point_id)}/{answer.json()['update_id']}"


def downloads(service: ServiceSite, path: str, name: str) -> str:
    urls = TransferUrls(service.room.receiver.urls._secret_key, "")
    return urls.download(path.rsplit("/", 1)[1], name)


@VERSIONS
@pytest.mark.parametrize("kind", ["unsigned", "ec", "rsa"])
async def test_an_update_is_followed_to_the_boot_that_proves_it(service: ServiceSite, version: str, kind: str) -> None:
    content = os.urandom(2 * CHUNK_BYTES + 3)
    signature: dict[str, str] = {}
    if kind != "unsigned":
        proof = signed(content, kind)
        signature = {"signature": proof["signature"], "signing_certificate": proof["signingCertificate"]}
    firmware = await service.add_firmware("4.0.1", content, **signature)
    assert (firmware["is_signed"], firmware["checksum"]) == (bool(signature), hashlib.sha256(content).hexdigest())
    async with service.site.charger(version) as (charge_point_id, virtual):
        path = await begun(service, charge_point_id, firmware["firmware_id"])
        done = await service.until(service.owner, path, "state", "installed", "failed")
        assert (done["state"], done["detail"]) == ("installed", "The charge point booted with firmware 4.0.1.")
        assert (done["from_version"], done["version"], done["downloads"]) == ("3.4.1", "4.0.1", 1)
        told = [one["status"] for one in done["statuses"]]
        verified = ["SignatureVerified"] if signature else []
        assert told[: 3 + len(verified)] == ["Downloading", "Downloaded", *verified, "Installing"]
        assert virtual.station.firmware_version == "4.0.1"
        async with asyncio.timeout(60):
            while (await service.owner.get(path)).json()["finished_at"] is None:
                await asyncio.sleep(0.1)
        listed = (await service.owner.get(service.updates(charge_point_id))).json()
        assert [one["state"] for one in listed["updates"]] == ["installed"]
        key = await service.site.workplace.key_of(charge_point_id)
        async with service.site.engine.transaction(ENGINE) as session:
            at = await service.room.updates.last_updated_at(session, key, "4.0.1")
            assert at is not None
            assert await service.room.updates.last_updated_at(session, key, "3.4.1") is None
        over = await service.http.get(downloads(service, path, "fw-4.0.1.bin"))
        assert_problem(over, 404, "not_found")


FAILURES = {
    Fault.FAILS_TO_INSTALL: "The charge point downloaded the firmware but could not install it. Check that it is for this model.",
    Fault.KEEPS_ITS_FIRMWARE: "The charge point says that the firmware is installed, but it booted with 3.4.1, not 4.0.1.",
}


@VERSIONS
@pytest.mark.parametrize("fault", list(FAILURES))
async def test_an_update_that_fails_says_why(building_site: BuildingSite, version: str, fault: Fault) -> None:
    times = UpdateTimes(wrong_boot=datetime.timedelta(0))
    async with open_service_site(building_site, update_times=times) as service, building_site.gateway():
        faults = frozenset({fault.value})
        async with service.worker(), building_site.charger(version, faults=faults) as (charge_point_id, _):
            firmware = await service.add_firmware("4.0.1")
            path = await begun(service, charge_point_id, firmware["firmware_id"])
            done = await service.until(service.owner, path, "state", "installed", "failed")
            assert (done["state"], done["detail"]) == ("failed", FAILURES[fault])


@VERSIONS
async def test_a_wrong_signature_fails(service: ServiceSite, version: str) -> None:
    proof = signed(b"another file", "ec")
    firmware = await service.add_firmware(
        "4.0.1", signature=proof["signature"], signing_certificate=proof["signingCertificate"]
    )
    async with service.site.charger(version) as (charge_point_id, virtual):
        path = await begun(service, charge_point_id, firmware["firmware_id"])
        done = await service.until(service.owner, path, "state", "failed")
        assert done["detail"].startswith("The charge point refused the firmware: its signature is not valid")
        assert virtual.station.firmware_version == "3.4.1"


@VERSIONS
async def test_firmware_elsewhere_that_can_not_be_downloaded_fails(service: ServiceSite, version: str) -> None:
    body = {"version": "4.0.1", "vendor": "Alpitronic", "url": "http://127.0.0.1:1/fw-4.0.1.bin"}
    firmware = await service.owner.create(LIBRARY, **body)
    async with service.site.charger(version) as (charge_point_id, _):
        path = await begun(service, charge_point_id, firmware["firmware_id"])
        done = await service.until(service.owner, path, "state", "failed")
        assert done["detail"].startswith("The charge point could not download the firmware.")
        assert done["downloads"] == 0


async def test_a_charge_point_that_never_begins_times_out(building_site: BuildingSite) -> None:
    """Nobody answers for it: it is connected by the rows alone."""
    times = UpdateTimes(gives_up=datetime.timedelta(seconds=0.5))
    async with open_service_site(building_site, update_times=times) as service, service.worker():
        firmware = await service.add_firmware("4.0.1")
        charge_point_id = (await building_site.connected())["charge_point_id"]
        path = await begun(service, charge_point_id, firmware["firmware_id"])
        done = await service.until(service.owner, path, "state", "failed")
        assert done["detail"] == "The charge point accepted the update but never began to download in time."


async def test_what_an_update_refuses(idle: ServiceSite) -> None:
    """409 not_connected, 409 firmware_update_running, 422 another model, 404 another's."""
    firmware = await idle.add_firmware("4.0.1", models="HYC*")
    foreign = await idle.add_firmware("4.0.1", models="XYZ*,ABC-?")
    body = {"firmware_id": firmware["firmware_id"]}
    absent = await idle.site.workplace.charge_point(idle.site.alex, idle.site.project_id)
    assert_problem(await idle.owner.post(idle.updates(absent["charge_point_id"]), json=body), 409, "not_connected")
    path = idle.updates((await idle.site.connected())["charge_point_id"])
    wrong = {"firmware_id": foreign["firmware_id"]}
    refusal = assert_problem(await idle.owner.post(path, json=wrong), 422, "firmware_not_for_this_model")
    assert refusal["detail"].startswith("This firmware is for Alpitronic XYZ*, ABC-?; the charge point is a Alpitronic")
    assert_problem(await idle.owner.post(path, json={"firmware_id": "fw_none"}), 404, "not_found")
    answers = await asyncio.gather(*(idle.owner.post(path, json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 5]
    assert_problem(await idle.owner.post(path, json=body), 409, "firmware_update_running")
    assert_problem(await idle.owner.delete(f"{LIBRARY}/{firmware['firmware_id']}"), 409, "firmware_in_use")
    assert (await idle.owner.delete(f"{LIBRARY}/{foreign['firmware_id']}")).status_code == 204
    rival = idle.somebody(await idle.site.workplace.organization("Rival"))
    update_id = next(answer.json()["update_id"] for answer in answers if answer.status_code == 202)
    for answer in (
        await rival.get(path),
        await rival.get(f"{path}/{update_id}"),
        await rival.post(path, json=body),
        await rival.get(f"{LIBRARY}/{firmware['firmware_id']}"),
        await rival.delete(f"{LIBRARY}/{firmware['firmware_id']}"),
        await idle.owner.get(f"{LIBRARY}/{foreign['firmware_id']}"),
    ):
        assert_problem(answer, 404, "not_found")
    assert (await rival.get(LIBRARY)).json()["total"] == 0
    reader = idle.somebody(await idle.site.workplace.api_key(idle.owner.id, KeyScope.CPO_READ))
    assert_problem(await reader.post(path, json=body), 403, "forbidden")
    assert (await reader.get(f"{path}/{update_id}")).json()["state"] == "requested"


async def test_the_download_is_given_whole_and_in_ranges(idle: ServiceSite) -> None:
    """RFC 9110 §14: charge points on weak links go on where they broke off."""
    content = os.urandom(2 * CHUNK_BYTES + 10)
    firmware = await idle.add_firmware("4.0.1", content)
    path = await begun(idle, (await idle.site.connected())["charge_point_id"], firmware["firmware_id"])
    where = downloads(idle, path, firmware["name"])

    async def get(asked: str | None = None, method: str = "GET") -> httpx2.Response:
        return await idle.http.request(method, where, headers={"range": asked} if asked else {})

    whole = await get()
    assert (whole.status_code, whole.content, whole.headers["accept-ranges"]) == (200, content, "bytes")
    head = await get(method="HEAD")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(content)), b"")
    for first, last in ((0, 0), (5, 9), (CHUNK_BYTES - 1, CHUNK_BYTES), (CHUNK_BYTES, 2 * CHUNK_BYTES + 9)):
        answer = await get(f"bytes={first}-{last}")
        assert (answer.status_code, answer.content) == (206, content[first : last + 1])
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"
    assert (await get(f"bytes={CHUNK_BYTES}-")).content == content[CHUNK_BYTES:]
    assert (await get("bytes=-7")).content == content[-7:]
    assert (await get(f"bytes={len(content)}-")).status_code == 416
    assert (await get("bytes=9-5")).status_code == 200
    assert (await get("rows=1-2")).status_code == 200
    assert (await idle.owner.get(path)).json()["downloads"] == 4, "those that began at the first byte"
    assert_problem(await idle.http.get(f"/downloads/{'0' * 32}/{firmware['name']}"), 404, "not_found")


async def test_a_download_is_no_public_mirror(idle: ServiceSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sliproad.features.firmware.updates_service.MOST_DOWNLOADS", 2)
    firmware = await idle.add_firmware("4.0.1")
    path = await begun(idle, (await idle.site.connected())["charge_point_id"], firmware["firmware_id"])
    where = downloads(idle, path, firmware["name"])
    assert [(await idle.http.get(where)).status_code for _ in range(3)] == [200, 200, 429]


async def test_the_library_lists_pages_and_repeats(idle: ServiceSite) -> None:
    form = {"version": "1.0", "vendor": "Alpitronic", "models": "HYC300, HYC400", "notes": "Fixes RCD trips"}
    files = {"file": ("a b/../x.bin", io.BytesIO(b"data"), "application/octet-stream")}
    headers = {"Idempotency-Key": "once"}
    made = (await idle.owner.post(LIBRARY, data=form, files=files, headers=headers)).json()
    assert (made["name"], made["models"], made["size_bytes"]) == ("x.bin", ["HYC300", "HYC400"], 4)
    again = {"file": ("a b/../x.bin", io.BytesIO(b"data"), "application/octet-stream")}
    repeated = await idle.owner.post(LIBRARY, data=form, files=again, headers=headers)
    assert repeated.json() == made
    other = await idle.owner.create(LIBRARY, version="2.0", vendor="V", url="ftp://files.vendor.example/v2.bin")
    assert (other["source"], other["name"], other["models"]) == ("url", "v2.bin", ["*"])
    first = (await idle.owner.get(LIBRARY, params={"limit": 1})).json()
    assert (first["total"], [one["version"] for one in first["firmware"]]) == (2, ["2.0"])
    then = (await idle.owner.get(LIBRARY, params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert ([one["version"] for one in then["firmware"]], then["next_cursor"]) == (["1.0"], None)


CERTIFICATE = signed(b"", "ec")
WRONG_FORMS: list[tuple[dict[str, str], str]] = [
    ({"vendor": "V"}, "version"),
    ({"version": "1", "vendor": "V", "colour": "red"}, "colour"),
    ({"version": "1", "vendor": "V", "checksum": "0" * 64}, "checksum"),
    ({"version": "1", "vendor": "V", "checksum": "zz"}, "checksum"),
    ({"version": "1", "vendor": "V", "signature": CERTIFICATE["signature"]}, "signing_certificate"),
    ({"version": "1", "vendor": "V", "signing_certificate": CERTIFICATE["signingCertificate"]}, "signature"),
    (
        {"version": "1", "vendor": "V", "signature": "%%%", "signing_certificate": CERTIFICATE["signingCertificate"]},
        "signature",
    ),
    (
        {"version": "1", "vendor": "V", "signature": CERTIFICATE["signature"], "signing_certificate": "no PEM"},
        "signing_certificate",
    ),
    (
        {
            "version": "1",
            "vendor": "V",
            "signature": CERTIFICATE["signature"],
            "signing_certificate": "-----BEGIN PRIVATE KEY-----",
        },
        "signing_certificate",
    ),
    ({"version": "1", "vendor": "V", "notes": "x" * 20_000}, "notes"),
]


async def test_a_wrong_form_names_its_field_and_leaves_no_file(idle: ServiceSite) -> None:
    for form, field in WRONG_FORMS:
        files = {"file": ("x.bin", io.BytesIO(b"data" * CHUNK_BYTES), "application/octet-stream")}
        answer = await idle.owner.post(LIBRARY, data=form, files=files)
        problem = assert_problem(answer, 400, "validation_error")
        assert [error["field"] for error in problem["errors"]] == [field]
    assert await idle.site.rows(FileRow) == []


WRONG_URLS = [
    "",
    "not a url",
    "gopher://a/b",
    "http://user:pw@a.example/b",
    "https:///b",
    "http://a.example:0/b",
    "http://a b/c",
]


async def test_a_wrong_url_is_400(idle: ServiceSite) -> None:
    for url in WRONG_URLS:
        body = {"version": "1", "vendor": "V", "url": url}
        assert_problem(await idle.owner.post(LIBRARY, json=body), 400, "validation_error")


async def test_a_file_must_be_there_and_not_too_large(idle: ServiceSite) -> None:
    """100 MiB; and nobody without a credential gets that far."""
    idle.room.library.most_bytes = CHUNK_BYTES
    form = {"version": "1", "vendor": "V"}

    def files(size: int) -> dict[str, Any]:
        return {"file": ("x.bin", io.BytesIO(b"x" * size), "application/octet-stream")}

    assert_problem(await idle.owner.post(LIBRARY, data=form, files=files(0)), 400, "validation_error")
    assert_problem(await idle.owner.post(LIBRARY, data=form, files=files(CHUNK_BYTES + 1)), 413, "content_too_large")
    two = [("file", ("a", b"a")), ("file", ("b", b"b"))]
    assert_problem(await idle.owner.post(LIBRARY, data=form, files=two), 400, "validation_error")
    assert_problem(await idle.http.post(LIBRARY, data=form, files=files(5)), 401, "unauthorized")
    assert await idle.site.rows(FileRow) == []
    assert (await idle.owner.post(LIBRARY, data=form, files=files(CHUNK_BYTES))).status_code == 201
