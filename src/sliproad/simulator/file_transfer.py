"""Files over HTTP, as a charge point moves them: logs go out by PUT, firmware comes in by GET. `service_visits` calls it."""

import asyncio
from dataclasses import dataclass

import aiohttp

CHUNK_BYTES = 16 * 1024
TRANSFER_SECONDS = 60.0


class TransferFailedError(Exception):
    """The file did not get through: no such server, refused, or broken off."""


@dataclass(frozen=True)
class Download:
    """A file that was fetched. Virtual firmware is small, so it is kept whole."""

    content: bytes


async def upload(url: str, content: bytes) -> None:
    """PUT `content` to `url`.

    Raises:
        TransferFailedError: no answer, or one that is not a success.
    """
    try:
        async with _session() as session, session.put(url, data=content) as answer:
            if not answer.ok:
                raise TransferFailedError(f"the server answered {answer.status}")
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise TransferFailedError(str(error) or type(error).__name__) from error


async def download(url: str) -> Download:
    """GET `url`; a download that breaks off half-way is gone on with from there, once (RFC 9110 §14.2).

    Raises:
        TransferFailedError: it could not be had whole.
    """
    content = bytearray()
    for is_last in (False, True):
        try:
            await _fetch_rest(url, content)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if is_last or not content:
                raise TransferFailedError(str(error) or type(error).__name__) from error
            await asyncio.sleep(0)
        else:
            break
    return Download(bytes(content))


async def _fetch_rest(url: str, content: bytearray) -> None:
    headers = {"Range": f"bytes={len(content)}-"} if content else {}
    async with _session() as session, session.get(url, headers=headers) as answer:
        answer.raise_for_status()
        if content and answer.status != 206:
            content.clear()
        async for piece in answer.content.iter_chunked(CHUNK_BYTES):
            content += piece


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TRANSFER_SECONDS), trust_env=False)
