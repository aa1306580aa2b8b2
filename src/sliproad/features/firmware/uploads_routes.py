"""REST of fetched logs: for installers beside the diagnostics, for organisations, and the one-time address of charge points."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Path, Request
from pydantic import AwareDatetime, BaseModel
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from sliproad.features.accounts.guards import Installer, Manager, Viewer
from sliproad.features.firmware.transfer_urls import UPLOADS
from sliproad.features.firmware.uploads_model import Standing
from sliproad.features.firmware.uploads_receiving import UploadReceiver
from sliproad.features.firmware.uploads_service import StoredLog, UploadService
from sliproad.features.firmware.uploads_store import DiagnosticsUploadRow
from sliproad.foundation.errors import InvalidInput
from sliproad.foundation.file_streams import FileTooLarge
from sliproad.foundation.web import RequestModel, Timestamp
from sliproad.foundation.web.bodies import Streamed
from sliproad.foundation.web.multipart import Part, read_form
from sliproad.foundation.web.problems import problem_response

STREAMED = (Streamed(rf"{UPLOADS}/"),)
Status = Literal["pending", "uploading", "uploaded", "failed"]
ChargePointId = Annotated[str, Path(max_length=64, examples=["CP-SITE42-001"])]
UploadId = Annotated[str, Path(max_length=64)]
FORM = "multipart/form-data"
FILE: dict[int | str, dict[str, Any]] = {200: {"description": "The file", "content": {"application/octet-stream": {}}}}


class UploadRequest(RequestModel):
    """All of it is optional. The times bound the entries of the log, where the charge point heeds them."""

    log_type: Literal["diagnostics", "security"] = "diagnostics"
    oldest_at: AwareDatetime | None = None
    latest_at: AwareDatetime | None = None


class UploadAnswer(BaseModel):
    upload_id: str
    charge_point_id: str
    log_type: str
    status: Status
    detail: str
    """What has happened, in a sentence."""
    requested_at: Timestamp
    expires_at: Timestamp
    """Until then a late file is taken, too."""
    finished_at: Timestamp | None
    file_name: str | None
    size_bytes: int | None
    sha256: str | None
    download_url: str | None
    """Where the file is, once it has arrived; it needs the same credential."""


class UploadList(BaseModel):
    uploads: list[UploadAnswer]
    total: int


def upload_answer(row: DiagnosticsUploadRow, standing: Standing, prefix: str) -> UploadAnswer:
    """A request as it stands; `prefix` is the path of the charge point's uploads for whoever asks."""
    return UploadAnswer(
        upload_id=row.upload_id,
        charge_point_id=row.charge_point_id,
        log_type=row.log_type,
        status=cast("Status", standing.status),
        detail=standing.detail,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        finished_at=row.finished_at,
        file_name=row.file_name,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        download_url=None if row.file_id is None else f"{prefix}/{row.upload_id}/file",
    )


def file_response(log: StoredLog) -> Response:
    """The file as a download, bit by bit."""
    headers = {
        "Content-Disposition": f'attachment; filename="{log.facts.name}"',
        "Content-Length": str(log.facts.size_bytes),
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(log.data, media_type="application/octet-stream", headers=headers)


def installer_router(service: UploadService) -> APIRouter:
    """The installer's routes."""
    api = APIRouter(prefix="/api/v1/installer/commissioning/{charge_point_id}/diagnostics", tags=["commissioning"])

    def place(charge_point_id: str) -> str:
        return f"/api/v1/installer/commissioning/{charge_point_id}/diagnostics/uploads"

    @api.post("/upload", status_code=202)
    async def request_upload(
        actor: Installer, charge_point_id: ChargePointId, body: UploadRequest | None = None
    ) -> UploadAnswer:
        """Have the charge point upload its log to us. Poll the upload until it is `uploaded` or `failed`."""
        row = await service.request(actor, charge_point_id, **(body or UploadRequest()).model_dump())
        return upload_answer(row, Standing(row.status, row.detail), place(charge_point_id))

    @api.get("/uploads")
    async def list_uploads(actor: Installer, charge_point_id: ChargePointId) -> UploadList:
        """The newest uploads of a charge point."""
        found = await service.uploads(actor, charge_point_id)
        uploads = [upload_answer(row, standing, place(charge_point_id)) for row, standing in found]
        return UploadList(uploads=uploads, total=len(uploads))

    @api.get("/uploads/{upload_id}")
    async def read_upload(actor: Installer, charge_point_id: ChargePointId, upload_id: UploadId) -> UploadAnswer:
        """An upload as it stands now."""
        return upload_answer(*await service.upload(actor, charge_point_id, upload_id), place(charge_point_id))

    @api.get("/uploads/{upload_id}/file", response_class=Response, responses=FILE)
    async def download(actor: Installer, charge_point_id: ChargePointId, upload_id: UploadId) -> Response:
        """The file, until the project is handed over."""
        return file_response(await service.file(actor, charge_point_id, upload_id))

    return api


def organization_router(service: UploadService) -> APIRouter:
    """The organisation's routes."""
    api = APIRouter(prefix="/api/v1/cpo/charge-points/{charge_point_id}/diagnostics", tags=["Charge points"])

    def place(charge_point_id: str) -> str:
        return f"/api/v1/cpo/charge-points/{charge_point_id}/diagnostics/uploads"

    @api.post("/upload", status_code=202)
    async def request_upload(
        actor: Manager, charge_point_id: ChargePointId, body: UploadRequest | None = None
    ) -> UploadAnswer:
        """Have the charge point upload its log to us. Poll the upload until it is `uploaded` or `failed`."""
        row = await service.request(actor, charge_point_id, **(body or UploadRequest()).model_dump())
        return upload_answer(row, Standing(row.status, row.detail), place(charge_point_id))

    @api.get("/uploads")
    async def list_uploads(actor: Viewer, charge_point_id: ChargePointId) -> UploadList:
        """The newest uploads of a charge point, installers' included."""
        found = await service.uploads(actor, charge_point_id)
        uploads = [upload_answer(row, standing, place(charge_point_id)) for row, standing in found]
        return UploadList(uploads=uploads, total=len(uploads))

    @api.get("/uploads/{upload_id}")
    async def read_upload(actor: Viewer, charge_point_id: ChargePointId, upload_id: UploadId) -> UploadAnswer:
        """An upload as it stands now."""
        return upload_answer(*await service.upload(actor, charge_point_id, upload_id), place(charge_point_id))

    @api.get("/uploads/{upload_id}/file", response_class=Response, responses=FILE)
    async def download(actor: Viewer, charge_point_id: ChargePointId, upload_id: UploadId) -> Response:
        """The file."""
        return file_response(await service.file(actor, charge_point_id, upload_id))

    return api


def receiving_router(receiver: UploadReceiver) -> APIRouter:
    """Where charge points send their files: PUT, or POST of a form; a name may be appended to the address."""
    api = APIRouter(prefix=UPLOADS, include_in_schema=False)

    @api.api_route("/{token}", methods=["PUT", "POST"])
    @api.api_route("/{token}/{name:path}", methods=["PUT", "POST"])
    async def receive(request: Request, token: str, name: str = "") -> Response:
        content_type = request.headers.get("content-type", "")
        try:
            if content_type.lower().startswith(FORM):
                await receiver.receive(token, _file_of_form(request.stream(), content_type), name, "text/plain")
            else:
                await receiver.receive(token, request.stream(), name, content_type[:100] or "application/octet-stream")
        except FileTooLarge as refusal:
            headers = {"Connection": "close"}
            return problem_response(request.scope, 413, refusal.code, refusal.detail, headers=headers)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return Response(status_code=201)

    return api


async def _file_of_form(stream: AsyncIterator[bytes], content_type: str) -> AsyncIterator[bytes]:
    """The bytes of the first file in a form; what else is in it is passed over.

    Raises:
        InvalidInput: the form is broken.
    """
    is_file, was_found = False, False
    async for event in read_form(stream, content_type):
        if isinstance(event, Part):
            is_file = event.filename is not None and not was_found
            was_found = was_found or is_file
        elif is_file:
            yield event
    if not was_found:
        raise InvalidInput.field("body", "holds no file")
