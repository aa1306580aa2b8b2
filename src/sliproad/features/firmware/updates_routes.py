"""REST of firmware updates for organisations, and the one-time address where charge points get the file."""

import re
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response, StreamingResponse

from sliproad.features.accounts.guards import Manager, Viewer
from sliproad.features.firmware.transfer_urls import DOWNLOADS
from sliproad.features.firmware.updates_following import UpdateView
from sliproad.features.firmware.updates_service import FirmwareUpdateService
from sliproad.foundation.web import PageQuery, RequestModel, Timestamp

State = Literal["requested", "downloading", "downloaded", "installing", "installed", "failed"]
ChargePointId = Annotated[str, Path(max_length=64, examples=["CP-SITE42-001"])]
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class UpdateRequest(RequestModel):
    firmware_id: Annotated[str, Field(max_length=64)]
    retrieve_at: AwareDatetime | None = None
    """When the charge point is to download it; at once when left out."""
    any_model: bool = False
    """Install it although it is meant for another model."""


class ToldAnswer(BaseModel):
    """A status as the charge point told it, in OCPP's word."""

    status: str
    at: Timestamp


class UpdateAnswer(BaseModel):
    update_id: str
    charge_point_id: str
    firmware_id: str
    version: str
    from_version: str | None
    state: State
    detail: str
    """What has happened, in a sentence."""
    requested_at: Timestamp
    retrieve_at: Timestamp
    finished_at: Timestamp | None
    downloads: int
    """How often the download was begun at our address."""
    statuses: list[ToldAnswer]


class UpdateList(BaseModel):
    updates: list[UpdateAnswer]
    next_cursor: str | None


def update_answer(view: UpdateView) -> UpdateAnswer:
    row = view.row
    return UpdateAnswer(
        update_id=row.update_id,
        charge_point_id=row.charge_point_id,
        firmware_id=row.firmware_id,
        version=row.version,
        from_version=row.from_version,
        state=cast("State", view.standing.state),
        detail=view.standing.detail,
        requested_at=row.requested_at,
        retrieve_at=row.retrieve_at,
        finished_at=row.finished_at,
        downloads=row.downloads,
        statuses=[ToldAnswer(status=status, at=at) for status, at in view.told],
    )


def router(service: FirmwareUpdateService) -> APIRouter:
    """The organisation's routes."""
    api = APIRouter(prefix="/api/v1/cpo/charge-points/{charge_point_id}/firmware-updates", tags=["Firmware"])

    @api.post("", status_code=202)
    async def begin(actor: Manager, charge_point_id: ChargePointId, body: UpdateRequest) -> UpdateAnswer:
        """Have the charge point install firmware of the library. It is `installed` once a boot proves the new version."""
        view = await service.request(
            actor, charge_point_id, body.firmware_id, retrieve_at=body.retrieve_at, any_model=body.any_model
        )
        return update_answer(view)

    @api.get("")
    async def list_updates(actor: Viewer, charge_point_id: ChargePointId, page: PageQuery) -> UpdateList:
        """The updates of a charge point, newest first."""
        views, next_cursor = await service.page(actor, charge_point_id, page)
        return UpdateList(updates=[update_answer(view) for view in views], next_cursor=next_cursor)

    @api.get("/{update_id}")
    async def read(
        actor: Viewer, charge_point_id: ChargePointId, update_id: Annotated[str, Path(max_length=64)]
    ) -> UpdateAnswer:
        """An update as it stands now, with the statuses that were told."""
        return update_answer(await service.get(actor, charge_point_id, update_id))

    return api


def download_router(service: FirmwareUpdateService) -> APIRouter:
    """Where charge points get their firmware, whole or in ranges."""
    api = APIRouter(prefix=DOWNLOADS, include_in_schema=False)

    @api.api_route("/{token}/{name}", methods=["GET", "HEAD"])
    async def download(request: Request, token: str, name: str) -> Response:  # noqa: ARG001 (names are for charge points)
        asked = RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
        is_get = request.method == "GET"
        is_from_start = is_get and (asked is None or asked[1] in {"", "0"})
        facts = await service.open_download(token, is_from_start=is_from_start)
        first, last, status = part(asked, facts.size_bytes)
        headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store", "ETag": f'"{facts.sha256}"'}
        if first > last:
            return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{facts.size_bytes}"})
        headers["Content-Length"] = str(last - first + 1)
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{last}/{facts.size_bytes}"
        if not is_get:
            return Response(status_code=status, headers=headers, media_type="application/octet-stream")
        data = service.read(facts, first, last)
        return StreamingResponse(data, status, headers, media_type="application/octet-stream")

    return api


def part(asked: re.Match[str] | None, size_bytes: int) -> tuple[int, int, int]:
    """First and last byte and the status for one byte range (RFC 9110 §14.1.2); `first > last` can't be satisfied."""
    if asked is None or (not asked[1] and not asked[2]):
        return 0, size_bytes - 1, 200
    if not asked[1]:  # the last so many
        return max(size_bytes - int(asked[2]), 0), size_bytes - 1, 206
    last = min(int(asked[2]), size_bytes - 1) if asked[2] else size_bytes - 1
    if asked[2] and int(asked[2]) < int(asked[1]):
        return 0, size_bytes - 1, 200  # not a range at all
    return int(asked[1]), last, 206
