"""Static files under names that carry their content's hash, so that browsers keep them for ever and never see an old one."""

import hashlib
import mimetypes
from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from sliproad.foundation.errors import NotFound


@cache
def _assets() -> tuple[dict[str, str], dict[str, bytes]]:
    """Public name by file name, and content by public name."""
    names, contents = {}, {}
    for entry in files("sliproad.foundation.web.ui").joinpath("static").iterdir():
        data = entry.read_bytes()
        stem, _, suffix = entry.name.rpartition(".")
        names[entry.name] = f"{stem}.{hashlib.sha256(data).hexdigest()[:12]}.{suffix}"
        contents[names[entry.name]] = data
    return names, contents


def asset(name: str) -> str:
    """The address of a static file; templates call it."""
    return f"/static/{_assets()[0][name]}"


def router() -> APIRouter:
    """Serves `/static/{name}`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/static/{name}")
    async def static(name: str) -> Response:
        data = _assets()[1].get(name)
        if data is None:
            raise NotFound("There is no such file.")
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(data, headers={"Cache-Control": "public, max-age=31536000, immutable"}, media_type=media_type)

    return api
