"""Fetching a charge point's log over real sockets: OCPP 1.6 §5.9, whitepaper §4.6, 2.x N01; contract §3 Diagnostics."""

import asyncio
import datetime
import os
from typing import Any

import pytest
from sqlalchemy import select, update

from building_site import BuildingSite
from service_site import ServiceSite, open_service_site
from sliproad.features.firmware.transfer_urls import TransferUrls
from sliproad.features.firmware.uploads_following import UploadTimes
from sliproad.features.firmware.uploads_receiving import MOST_BYTES
from sliproad.features.firmware.uploads_store import DiagnosticsUploadRow
from sliproad.features.frame_log.store import OcppMessageRow
from sliproad.foundation.database import ENGINE
from sliproad.foundation.files import CHUNK_BYTES, FileChunkRow, FileRow
from sliproad.simulator import Fault
from workplace import assert_problem

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
EARLIER = datetime.timedelta(hours=2)


async def asked(service: ServiceSite, charge_point_id: str, **body: Any) -> dict[str, Any]:
    answer = await service.alex.post(service.uploads(charge_point_id) + "/upload", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "pending"
    return answer.json()


async def address(service: ServiceSite, charge_point_id: str | None = None) -> tuple[str, str]:
    """A request whose charge point will do nothing, and the path of its one-time address."""
    if charge_point_id is None:
        charge_point_id = (await service.site.connected())["charge_point_id"]
    upload = await asked(service, charge_point_id)
    urls = TransferUrls(service.room.receiver.urls._secret_key, "")
    return f"{service.uploads(charge_point_id)}/uploads/{upload['upload_id']}", urls.upload(upload["upload_id"])


@VERSIONS
@pytest.mark.parametrize("log_type", ["diagnostics", "security"])
async def test_a_log_is_fetched_and_given_to_installer_and_organisation(
    service: ServiceSite, version: str, log_type: str
) -> None:
    async with service.site.charger(version, log_bytes=700_000) as (charge_point_id, virtual):
        upload = await asked(service, charge_point_id, log_type=log_type, oldest_at="2026-01-01T00:00:00Z")
        path = f"{service.uploads(charge_point_id)}/uploads/{upload['upload_id']}"
        done = await service.until(service.alex, path, "status", "uploaded", "failed")
        assert (done["status"], done["detail"]) == ("uploaded", "The file has arrived: 700 kB.")
        assert (done["size_bytes"], done["log_type"]) == (700_000, log_type)
        content = (await service.alex.get(done["download_url"])).content
        assert content.startswith(f"Sliproad Virtual AC 22 {virtual.settings.serial_number}".encode())
        assert len(content) == 700_000
        by_organisation = (
            await service.owner.get(f"/api/v1/cpo/charge-points/{charge_point_id}/diagnostics/uploads")
        ).json()
        assert [one["upload_id"] for one in by_organisation["uploads"]] == [upload["upload_id"]]
        answer = await service.owner.get(by_organisation["uploads"][0]["download_url"])
        assert answer.content == content
        assert answer.headers["content-disposition"] == f'attachment; filename="{done["file_name"]}"'
        assert answer.headers["content-type"] == "application/octet-stream"
        assert done["file_name"].endswith(".log")
        await service.site.workplace.hand_over(service.site.project_id)
        assert_problem(await service.alex.get(done["download_url"]), 409, "project_handed_over")
        assert (await service.owner.get(answer.url.path)).status_code == 200


async def test_the_one_time_address_is_not_in_the_frame_log(service: ServiceSite) -> None:
    """Trust S3: whoever may read frames may not send files in the charge point's name."""
    async with service.site.charger("1.6") as (charge_point_id, _):
        upload = await asked(service, charge_point_id)
        path = f"{service.uploads(charge_point_id)}/uploads/{upload['upload_id']}"
        await service.until(service.alex, path, "status", "uploaded")
        async with service.site.engine.transaction(ENGINE) as session:
            query = select(OcppMessageRow.payload).where(
                OcppMessageRow.action == "GetDiagnostics", OcppMessageRow.kind == "call"
            )
            payloads = (await session.scalars(query)).all()
    assert [payload is not None and payload.count("/uploads/***") for payload in payloads] == [1]


@VERSIONS
async def test_a_charge_point_that_can_not_upload_says_so(building_site: BuildingSite, version: str) -> None:
    """Its address leads nowhere: UploadFailed of 1.6, UploadFailure of 2.x."""
    async with open_service_site(building_site) as service, building_site.gateway():
        service.url = "http://127.0.0.1:1"
        async with service.worker(), building_site.charger(version) as (charge_point_id, _):
            upload = await asked(service, charge_point_id)
            path = f"{service.uploads(charge_point_id)}/uploads/{upload['upload_id']}"
            done = await service.until(service.alex, path, "status", "failed")
            assert done["detail"].startswith("The charge point could not upload the file. Check that it can reach our")
            await asked_again(service, charge_point_id)


async def asked_again(service: ServiceSite, charge_point_id: str) -> None:
    """The same failure again is seen again: 1.6 has no request ids to tell one from the other."""
    async with asyncio.timeout(60):  # until the settled end of the first is stored
        while (answer := await service.alex.post(service.uploads(charge_point_id) + "/upload")).status_code == 409:
            await asyncio.sleep(0.1)
    path = f"{service.uploads(charge_point_id)}/uploads/{answer.json()['upload_id']}"
    await service.until(service.alex, path, "status", "failed")


@VERSIONS
async def test_a_charge_point_that_never_uploads_times_out(building_site: BuildingSite, version: str) -> None:
    times = UploadTimes(gives_up=datetime.timedelta(seconds=1.5))
    async with open_service_site(building_site, upload_times=times) as service, building_site.gateway():
        faults = frozenset({Fault.NEVER_UPLOADS.value})
        async with service.worker(), building_site.charger(version, faults=faults) as (charge_point_id, _):
            upload = await asked(service, charge_point_id)
            path = f"{service.uploads(charge_point_id)}/uploads/{upload['upload_id']}"
            done = await service.until(service.alex, path, "status", "failed")
            assert done["detail"].startswith("The charge point began to upload its log but never finished. Check that")
            (row,) = await until_stored(service, upload["upload_id"], "failed")
            assert row.finished_at is not None


async def until_stored(service: ServiceSite, upload_id: str, status: str) -> list[Any]:
    async with asyncio.timeout(60):
        while True:
            rows = await service.site.rows(DiagnosticsUploadRow, upload_id=upload_id, status=status)
            if rows:
                return rows
            await asyncio.sleep(0.1)


async def test_an_absent_charge_point_is_409_and_a_second_request_too(idle: ServiceSite) -> None:
    """REF: not_connected."""
    registered = await idle.site.workplace.charge_point(idle.site.alex, idle.site.project_id)
    path = idle.uploads(registered["charge_point_id"]) + "/upload"
    assert_problem(await idle.alex.post(path), 409, "not_connected")
    key = await idle.site.workplace.key_of(registered["charge_point_id"])
    await idle.site.set_live(key, connected=True, epoch=1, protocol_version="1.6")
    assert (await idle.alex.post(path)).status_code == 202
    assert_problem(await idle.alex.post(path), 409, "upload_running")
    assert_problem(await idle.alex.post(path, json={"log_type": "all"}), 400, "validation_error")
    backwards = {"oldest_at": "2026-02-01T00:00:00Z", "latest_at": "2026-01-01T00:00:00Z"}
    assert_problem(await idle.alex.post(path, json=backwards), 400, "validation_error")


async def test_of_many_requests_at_once_one_is_made(idle: ServiceSite) -> None:
    """Trust I5."""
    charge_point_id = (await idle.site.connected())["charge_point_id"]
    path = idle.uploads(charge_point_id) + "/upload"
    answers = await asyncio.gather(*(idle.alex.post(path) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202, *[409] * 7]


async def test_others_find_nothing(idle: ServiceSite) -> None:
    """Trust I4: another installer and another organisation get 404 for everything."""
    charge_point_id = (await idle.site.connected())["charge_point_id"]
    upload = await asked(idle, charge_point_id)
    blake = idle.somebody(await idle.site.workplace.installer("Blake"))
    rival = idle.somebody(await idle.site.workplace.organization("Rival"))
    mine = idle.uploads(charge_point_id)
    theirs = f"/api/v1/cpo/charge-points/{charge_point_id}/diagnostics"
    for who, path in ((blake, mine), (rival, theirs)):
        assert_problem(await who.post(path + "/upload"), 404, "not_found")
        assert_problem(await who.get(path + "/uploads"), 404, "not_found")
        assert_problem(await who.get(f"{path}/uploads/{upload['upload_id']}"), 404, "not_found")
        assert_problem(await who.get(f"{path}/uploads/{upload['upload_id']}/file"), 404, "not_found")
    assert_problem(await idle.alex.get(f"{mine}/uploads/{upload['upload_id']}/file"), 404, "not_found")
    assert_problem(await idle.alex.get(f"{mine}/uploads/log_nothing"), 404, "not_found")


async def test_a_file_is_taken_by_put_once(idle: ServiceSite) -> None:
    """Charge points append a name, a slash, or nothing to the address."""
    for appended in ("", "/", "/2026-05-01.log", "//logs/x.log"):
        path, where = await address(idle)
        assert (await idle.http.put(where + appended, content=b"one")).status_code == 201
        done = (await idle.alex.get(path)).json()
        assert (done["status"], done["size_bytes"]) == ("uploaded", 3)
        assert "/" not in done["file_name"]
        assert_problem(await idle.http.put(where, content=b"two"), 409, "upload_complete")
        assert (await idle.alex.get(done["download_url"])).content == b"one"


async def test_a_file_is_taken_as_a_form(idle: ServiceSite) -> None:
    path, where = await address(idle)
    data = os.urandom(3 * CHUNK_BYTES + 5)
    form = {"note": "not the file"}
    answer = await idle.http.post(where, data=form, files={"log": ("../../etc/CP 1.log", data, "text/plain")})
    assert answer.status_code == 201
    done = (await idle.alex.get(path)).json()
    assert (await idle.alex.get(done["download_url"])).content == data


NO_FILES = [
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\nhalf"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\ntext\r\n--x--\r\n'),
    ("multipart/form-data; boundary=x", b"nothing of the kind"),
    ("multipart/form-data", b"--x--"),
    ("application/octet-stream", b""),
]


async def test_what_holds_no_file_is_400_and_uses_nothing_up(idle: ServiceSite) -> None:
    _, where = await address(idle)
    for content_type, body in NO_FILES:
        headers = {"content-type": content_type}
        assert_problem(await idle.http.put(where, content=body, headers=headers), 400, "validation_error")
        assert await idle.site.rows(FileRow) == []
    assert (await idle.http.put(where, content=b"now")).status_code == 201


async def test_an_unknown_address_is_404_and_its_body_is_not_read(idle: ServiceSite) -> None:
    assert_problem(await idle.http.put(f"/uploads/{'0' * 32}", content=b"x" * 1000), 404, "not_found")
    assert_problem(await idle.http.put("/uploads/x/y.log", content=b"x"), 404, "not_found")


async def test_an_expired_address_takes_nothing(idle: ServiceSite) -> None:
    _, where = await address(idle)
    async with idle.site.engine.transaction(ENGINE) as session:
        await session.execute(
            update(DiagnosticsUploadRow).values(expires_at=DiagnosticsUploadRow.requested_at - EARLIER)
        )
    assert_problem(await idle.http.put(where, content=b"late"), 409, "upload_expired")


async def test_too_large_a_file_is_413_and_leaves_nothing(idle: ServiceSite) -> None:
    """50 MiB; whether its length is told or not, and what came of it is gone."""
    path, where = await address(idle)
    idle.room.receiver.most_bytes = 2 * CHUNK_BYTES

    async def endless() -> Any:
        for _ in range(3):
            yield b"x" * CHUNK_BYTES

    assert MOST_BYTES == 50 * 1024 * 1024
    for body in (b"x" * (2 * CHUNK_BYTES + 1), endless()):
        assert_problem(await idle.http.put(where, content=body), 413, "content_too_large")
        assert await idle.site.rows(FileRow) == []
        assert await idle.site.rows(FileChunkRow) == []
    assert (await idle.alex.get(path)).json()["status"] == "pending"
    assert (await idle.http.put(where, content=b"x" * (2 * CHUNK_BYTES))).status_code == 201


async def test_a_connection_that_breaks_half_way_may_try_again(idle: ServiceSite) -> None:
    """While it lasts the upload is `uploading`, and nobody else may send; afterwards nothing is left of it."""
    path, where = await address(idle)
    host, port = idle.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"PUT {where} HTTP/1.1\r\nHost: a\r\nContent-Length: {4 * CHUNK_BYTES}\r\n\r\n"
    writer.write(head.encode() + b"x" * (2 * CHUNK_BYTES))
    await writer.drain()
    async with asyncio.timeout(60):
        while len(await idle.site.rows(FileChunkRow)) < 2:
            await asyncio.sleep(0.02)
    assert (await idle.alex.get(path)).json()["status"] == "uploading"
    assert_problem(await idle.http.put(where, content=b"other"), 409, "upload_in_progress")
    writer.transport.abort()
    del reader
    async with asyncio.timeout(60):
        while await idle.site.rows(FileRow):
            await asyncio.sleep(0.02)
    assert (await idle.http.put(where, content=b"whole")).status_code == 201
    assert (await idle.alex.get(path)).json()["size_bytes"] == 5


async def test_a_file_is_kept_in_chunks_and_never_readable_before_its_end(idle: ServiceSite) -> None:
    _, where = await address(idle)

    async def slowly() -> Any:
        yield b"a" * (CHUNK_BYTES + 100)
        async with asyncio.timeout(60):
            while not await idle.site.rows(FileChunkRow):
                await asyncio.sleep(0.02)
        (file,) = await idle.site.rows(FileRow)
        assert file.sha256 == "", "the checksum of an unfinished file, which no reader takes"
        yield b"b" * CHUNK_BYTES

    assert (await idle.http.put(where, content=slowly())).status_code == 201
    chunks = await idle.site.rows(FileChunkRow)
    assert sorted(len(chunk.data) for chunk in chunks) == [100, CHUNK_BYTES, CHUNK_BYTES]
