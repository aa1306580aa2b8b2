"""REST of photos: installers upload and see those of their charge points, the organisation sees its own."""

from typing import Annotated, Any

from fastapi import APIRouter, File, Path, Response, UploadFile
from pydantic import BaseModel, Field

from sliproad.features.accounts.guards import Installer, Viewer
from sliproad.features.commissioning.photos_service import LARGEST_BYTES, MIME, Photo, PhotoService
from sliproad.foundation.web import Timestamp

FORM_BYTES = 64 * 1024
"""What a form may add around its photo: boundaries, headers, a file name."""
LARGER_BODIES = {r"/api/v1/installer/commissioning/[^/]+/photos$": LARGEST_BYTES + FORM_BYTES}
"""Where more than the usual is taken; wiring hands it to the web plumbing."""
ChargePointId = Annotated[str, Path(max_length=64, examples=["CP-SITE42-001"])]
PhotoId = Annotated[str, Path(max_length=64, examples=["pho_01hx9k2m3n4p5q6r7s8t"])]
JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {MIME: {"schema": {"type": "string", "format": "binary"}}}, "description": "The photo."}
}


class PhotoAnswer(BaseModel):
    photo_id: str = Field(examples=["pho_01hx9k2m3n4p5q6r7s8t"])
    """Put it into `photo_urls` of an issue report."""
    charge_point_id: str = Field(examples=["CP-SITE42-001"])
    url: str
    """Where whoever uploaded it downloads it, with their access token."""
    content_type: str = Field(examples=[MIME])
    width: int
    height: int
    size_bytes: int
    uploaded_at: Timestamp


def photo_answer(photo: Photo, charge_point_id: str, place: str) -> PhotoAnswer:
    """A photo as its uploader reads it; `place` is the address of what uploaders ask about the charge point."""
    return PhotoAnswer(
        photo_id=photo.photo_id,
        charge_point_id=charge_point_id,
        url=f"{place}/photos/{photo.photo_id}",
        content_type=MIME,
        width=photo.width,
        height=photo.height,
        size_bytes=photo.size_bytes,
        uploaded_at=photo.uploaded_at,
    )


def router(service: PhotoService, *, public_url: str) -> APIRouter:
    """The routes of photos."""
    api = APIRouter(prefix="/api/v1", tags=["commissioning"])

    @api.post("/installer/commissioning/{charge_point_id}/photos", status_code=201)
    async def upload_photo(
        actor: Installer,
        charge_point_id: ChargePointId,
        photo: Annotated[UploadFile, File(description="A JPEG, PNG, WebP or HEIC image of at most 10 MiB.")],
    ) -> PhotoAnswer:
        """Upload a photo of a charge point. It is turned upright and kept as a JPEG without its metadata, such as the place."""
        stored = await service.upload(actor, charge_point_id, await photo.read())
        place = f"{public_url}/api/v1/installer/commissioning/{charge_point_id}"
        return photo_answer(stored, charge_point_id, place)

    @api.get("/installer/commissioning/{charge_point_id}/photos/{photo_id}", response_class=Response, responses=JPEG)
    async def download_photo(actor: Installer, charge_point_id: ChargePointId, photo_id: PhotoId) -> Response:
        """A photo of one of your charge points."""
        return jpeg_answer(await service.read_by_reporter(actor, charge_point_id, photo_id), photo_id)

    @api.get("/cpo/photos/{photo_id}", response_class=Response, responses=JPEG, tags=["Issues"])
    async def read_photo(actor: Viewer, photo_id: PhotoId) -> Response:
        """A photo that an installer took of one of your charge points."""
        return jpeg_answer(await service.read(actor, photo_id), photo_id)

    return api


def jpeg_answer(data: bytes, photo_id: str) -> Response:
    """The bytes, named for whoever saves them."""
    return Response(data, media_type=MIME, headers={"Content-Disposition": f'inline; filename="{photo_id}.jpg"'})
