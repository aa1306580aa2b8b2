"""Static files under names that carry their content's hash, so that browsers keep them for ever and never see an old one.

The bundles come from `frontend/` (hatch_build.py builds them into `static/dist`), each also compressed; the rest lies in `static`.
"""

import hashlib
import mimetypes
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from sliproad.foundation.errors import NotFound

FOLDER = files("sliproad.foundation.web.ui").joinpath("static")
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
FOR_EVER = "public, max-age=31536000, immutable"


class Assets(NamedTuple):
    """Public name by file name, and content by public name; a compressed one has the suffix behind its name."""

    names: dict[str, str]
    contents: dict[str, bytes]


@cache
def _assets() -> Assets:
    names, contents = {}, {}
    for entry in FOLDER.iterdir():
        if not entry.is_file():
            continue
        data = entry.read_bytes()
        stem, _, suffix = entry.name.rpartition(".")
        names[entry.name] = f"{stem}.{hashlib.sha256(data).hexdigest()[:12]}.{suffix}"
        contents[names[entry.name]] = data
    built = FOLDER.joinpath("dist")
    if not built.joinpath("manifest.json").is_file():
        raise RuntimeError("The front end has not been built. Run `make setup`.")
    names |= orjson.loads(built.joinpath("manifest.json").read_bytes())
    contents |= {
        entry.name: entry.read_bytes() for entry in built.iterdir() if not entry.name.startswith((".", "mani"))
    }
    return Assets(names, contents)


def asset(name: str) -> str:
    """The address of a static file, such as `app.css`; templates call it."""
    return f"/static/{_assets().names[name]}"


def router() -> APIRouter:
    """Serves `/static/{name}`."""
    api = APIRouter(include_in_schema=False)

    @api.get("/static/{name}")
    async def static(request: Request, name: str) -> Response:
        contents = _assets().contents
        if name not in contents or name.endswith((".br", ".gz")):
            raise NotFound("There is no such file.")
        headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        accepted = request.headers.get("accept-encoding", "")
        for encoding, suffix in ENCODINGS:
            if encoding in accepted and (packed := contents.get(name + suffix)) is not None:
                return Response(packed, headers=headers | {"Content-Encoding": encoding}, media_type=media_type)
        return Response(contents[name], headers=headers, media_type=media_type)

    return api
