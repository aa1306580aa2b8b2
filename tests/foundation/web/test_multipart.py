"""Forms with files, read as they come (RFC 7578): however the bytes are cut, the same parts come out."""

from collections.abc import AsyncIterator

import pytest

from sliproad.foundation.errors import InvalidInput
from sliproad.foundation.web.multipart import Part, read_form

FORM = (
    b"--line\r\n"
    b'Content-Disposition: form-data; name="version"\r\n\r\n'
    b"3.9.0\r\n"
    b"--line\r\n"
    b'Content-Disposition: form-data; name="file"; filename="fw \xc3\xa4.bin"\r\n'
    b"Content-Type: application/x-binary\r\n\r\n"
    b"a\r\n--lin\r\nb\0\xff\r\n"
    b"--line--\r\n"
)


async def cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def parts(data: bytes, size: int, boundary: str = "line") -> list[tuple[Part, bytes]]:
    found: list[tuple[Part, bytes]] = []
    async for event in read_form(cut(data, size), f"multipart/form-data; boundary={boundary}"):
        if isinstance(event, Part):
            found.append((event, b""))
        else:
            found[-1] = (found[-1][0], found[-1][1] + event)
    return found


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
async def test_the_parts_are_the_same_however_they_come(size: int) -> None:
    assert await parts(FORM, size) == [
        (Part("version", None, "application/octet-stream"), b"3.9.0"),
        (Part("file", "fw ä.bin", "application/x-binary"), b"a\r\n--lin\r\nb\0\xff"),
    ]


@pytest.mark.parametrize("data", [b"", FORM[:-10], b"nothing", b"--line\r\n" + b"A: " + b"x" * 10_000 + b"\r\n\r\n"])
async def test_a_broken_form_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        await parts(data, 100)


async def test_a_form_needs_its_boundary() -> None:
    with pytest.raises(InvalidInput):
        await parts(FORM, 100, boundary="")
