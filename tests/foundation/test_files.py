"""Files in PostgreSQL: whole again when read, and only for whom they are."""

import os

import pytest

from sliproad.foundation.database import ENGINE, NOBODY, Database, Scope
from sliproad.foundation.errors import NotFound
from sliproad.foundation.files import CHUNK_BYTES, Files


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7])
async def test_a_file_is_read_as_it_was_saved(web: Database, size: int) -> None:
    data, files, scope = os.urandom(size), Files(), Scope(organization_id="org_1")
    async with web.transaction(scope) as session:
        file_id = await files.save(session, "org_1", "certificate.pdf", "application/pdf", data)
    async with web.transaction(scope) as session:
        file = await files.read(session, file_id)
    assert (file.name, file.mime, file.data) == ("certificate.pdf", "application/pdf", data)


async def test_another_organisation_sees_no_such_file_and_who_was_given_its_id_does(web: Database) -> None:
    """Trust I4."""
    files = Files()
    async with web.transaction(Scope(organization_id="org_1")) as session:
        file_id = await files.save(session, "org_1", "a", "text/plain", b"secret")
    for stranger in (NOBODY, Scope(organization_id="org_2"), Scope(lookup="file_other")):
        async with web.transaction(stranger) as session:
            with pytest.raises(NotFound):
                await files.read(session, file_id)
    async with web.transaction(Scope(lookup=file_id)) as session:
        assert (await files.read(session, file_id)).data == b"secret"


async def test_a_deleted_file_leaves_no_chunk(web: Database, engine: Database) -> None:
    files, scope = Files(), Scope(organization_id="org_1")
    async with web.transaction(scope) as session:
        file_id = await files.save(session, "org_1", "a", "text/plain", b"x" * (CHUNK_BYTES + 1))
        await files.delete(session, file_id)
    async with engine.transaction(ENGINE) as session:
        with pytest.raises(NotFound):
            await files.read(session, file_id)
        rows = await session.execute(_count_of_chunks())
        assert rows.scalar_one() == 0


def _count_of_chunks():
    from sqlalchemy import func, select

    from sliproad.foundation.files import FileChunkRow

    return select(func.count()).select_from(FileChunkRow)
