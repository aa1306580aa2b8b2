"""Large files bit by bit: whole again when read, in any part, and nobody's before they are finished."""

import datetime
import os

import pytest
from sqlalchemy import select, update

from sliproad.foundation.database import ENGINE, Database, Scope
from sliproad.foundation.errors import NotFound
from sliproad.foundation.file_streams import FileFacts, FileTooLarge, IncomingFile, file_facts, stream_file
from sliproad.foundation.files import CHUNK_BYTES, FileChunkRow, FileRow, Files
from sliproad.foundation.retention import apply, plan

SCOPE = Scope(organization_id="org_1")
NOW = datetime.datetime(2026, 5, 1, 12, tzinfo=datetime.UTC)


async def stored(web: Database, data: bytes, piece: int) -> FileFacts:
    file = IncomingFile(web, SCOPE, "org_1", most_bytes=10 * CHUNK_BYTES)
    await file.begin("a.log", "text/plain")
    for start in range(0, len(data), piece):
        await file.write(data[start : start + piece])
    async with web.transaction(SCOPE) as session:
        return await file.finish(session, name="b.log")


async def read(web: Database, facts: FileFacts, first: int = 0, last: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in stream_file(web, facts, first=first, last=last)])


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7])
async def test_a_file_is_read_as_it_came(web: Database, size: int) -> None:
    data = os.urandom(size)
    facts = await stored(web, data, 100_003)
    assert (facts.name, facts.mime, facts.size_bytes) == ("b.log", "text/plain", size)
    assert await read(web, facts) == data
    async with web.transaction(SCOPE) as session:
        whole = await Files().read(session, facts.file_id)
        chunks = (await session.scalars(select(FileChunkRow))).all()
    assert (whole.data, whole.sha256) == (data, facts.sha256)
    assert all(len(chunk.data) <= CHUNK_BYTES for chunk in chunks)


async def test_any_part_of_it_is_read(web: Database) -> None:
    data = os.urandom(2 * CHUNK_BYTES + 9)
    facts = await stored(web, data, CHUNK_BYTES * 2)
    edges = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, len(data) - 1]
    for first in edges:
        for last in (edge for edge in edges if edge >= first):
            assert await read(web, facts, first, last) == data[first : last + 1]
        assert await read(web, facts, first) == data[first:]
    assert await read(web, facts, 5, 10 * len(data)) == data[5:]


async def test_an_unfinished_file_is_nobodys_and_goes_after_a_day(web: Database, engine: Database) -> None:
    file = IncomingFile(web, SCOPE, "org_1", most_bytes=10 * CHUNK_BYTES)
    await file.begin("a.log", "text/plain")
    await file.write(b"x" * (CHUNK_BYTES + 1))
    async with web.transaction(SCOPE) as session:
        with pytest.raises(NotFound):
            await Files().read(session, file.file_id)
        with pytest.raises(NotFound):
            await file_facts(session, file.file_id)
    finished = await stored(web, b"done", 10)
    async with engine.transaction(ENGINE) as session:
        await session.execute(update(FileRow).values(created_at=NOW))
    (rule,) = [rule for rule in plan() if rule.table == "files"]
    assert await apply(engine, rule, NOW + datetime.timedelta(hours=23)) == 0
    assert await apply(engine, rule, NOW + datetime.timedelta(hours=25)) == 1
    assert await read(web, finished) == b"done"


async def test_too_many_bytes_are_refused_and_what_came_is_forgotten(web: Database) -> None:
    file = IncomingFile(web, SCOPE, "org_1", most_bytes=CHUNK_BYTES + 5)
    await file.begin("a.log", "text/plain")
    await file.write(b"x" * (CHUNK_BYTES + 5))
    with pytest.raises(FileTooLarge):
        await file.write(b"x")
    await file.abandon()
    async with web.transaction(SCOPE) as session:
        assert (await session.scalars(select(FileRow))).all() == []


async def test_abandoning_a_finished_file_leaves_it(web: Database) -> None:
    file = IncomingFile(web, SCOPE, "org_1", most_bytes=100)
    await file.begin("a.log", "text/plain")
    await file.write(b"kept")
    async with web.transaction(SCOPE) as session:
        facts = await file.finish(session)
    await file.abandon()
    assert await read(web, facts) == b"kept"
