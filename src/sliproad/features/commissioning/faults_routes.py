"""REST of faults: what owners of sites report of chargers that were handed over (contract §2, "site owner").

A fault is an issue; the organisation works on it at `/api/v1/cpo/issues`.
"""

from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile
from pydantic import Field

from sliproad.features.accounts.guards import SiteOwner
from sliproad.features.commissioning import issues_answers as answers
from sliproad.features.commissioning.issues import MOST_PHOTOS, Category, NewIssue, Severity
from sliproad.features.commissioning.issues_routes import (
    ChargePointId,
    CommentRequest,
    Description,
    IssueId,
    PhotoReference,
)
from sliproad.features.commissioning.issues_service import IssueService
from sliproad.features.commissioning.photos_routes import (
    FORM_BYTES,
    JPEG,
    PhotoAnswer,
    PhotoId,
    jpeg_answer,
    photo_answer,
)
from sliproad.features.commissioning.photos_service import LARGEST_BYTES, PhotoService
from sliproad.foundation.web import PageQuery, RequestModel

PATH = "/api/v1/site-owner/charge-points/{charge_point_id}"
LARGER_BODIES = {r"/api/v1/site-owner/charge-points/[^/]+/photos$": LARGEST_BYTES + FORM_BYTES}


class FaultRequest(RequestModel):
    category: Category
    description: Annotated[Description, Field(examples=["The cable of connector 1 is torn; a driver told us today."])]
    severity: Severity
    photo_urls: Annotated[list[PhotoReference], Field(default_factory=list, max_length=MOST_PHOTOS)]
    """Ids of photos that were uploaded for this charge point; or URLs, which are kept as text and never opened."""


def router(issues: IssueService, photos: PhotoService, *, public_url: str) -> APIRouter:
    """The site owner's routes of faults."""
    api = APIRouter(tags=["Site owner"])

    @api.post(f"{PATH}/faults", status_code=201)
    async def report_fault(
        actor: SiteOwner, charge_point_id: ChargePointId, body: FaultRequest
    ) -> answers.IssueReported:
        """Report a fault of a charge point on one of your sites, once its project has been handed over."""
        new = NewIssue(body.category, body.severity, body.description, photos=tuple(body.photo_urls))
        return answers.issue_reported(await issues.report(actor, charge_point_id, new))

    @api.get(f"{PATH}/faults")
    async def list_faults(actor: SiteOwner, charge_point_id: ChargePointId, page: PageQuery) -> answers.IssueItemList:
        """What owners of the site reported of this charge point, newest first."""
        return answers.issue_item_list(await issues.of_charge_point(actor, charge_point_id, page))

    @api.get("/api/v1/site-owner/projects/{project_id}/faults")
    async def list_faults_of_project(actor: SiteOwner, project_id: str, page: PageQuery) -> answers.IssueItemList:
        """What owners of the site reported of the project's charge points, newest first."""
        return answers.issue_item_list(await issues.of_project(actor, project_id, page))

    @api.get(f"{PATH}/faults/{{issue_id}}")
    async def read_fault(actor: SiteOwner, charge_point_id: ChargePointId, issue_id: IssueId) -> answers.IssueDetail:
        """One fault, with what was said and done about it."""
        return answers.issue_detail(await issues.read(actor, charge_point_id, issue_id))

    @api.post(f"{PATH}/faults/{{issue_id}}/comments", status_code=201)
    async def comment_on_fault(
        actor: SiteOwner, charge_point_id: ChargePointId, issue_id: IssueId, body: CommentRequest
    ) -> answers.IssueDetail:
        """Add to what is known of a fault."""
        return answers.issue_detail(await issues.comment(actor, charge_point_id, issue_id, body.text))

    @api.post(f"{PATH}/photos", status_code=201)
    async def upload_photo_of_fault(
        actor: SiteOwner,
        charge_point_id: ChargePointId,
        photo: Annotated[UploadFile, File(description="A JPEG, PNG, WebP or HEIC image of at most 10 MiB.")],
    ) -> PhotoAnswer:
        """Upload a photo for the report of a fault. It is kept as a JPEG without its metadata, such as the place."""
        stored = await photos.upload(actor, charge_point_id, await photo.read())
        return photo_answer(stored, charge_point_id, f"{public_url}{PATH.format(charge_point_id=charge_point_id)}")

    @api.get(f"{PATH}/photos/{{photo_id}}", response_class=Response, responses=JPEG)
    async def download_photo_of_fault(actor: SiteOwner, charge_point_id: ChargePointId, photo_id: PhotoId) -> Response:
        """A photo of a charge point on one of your sites."""
        return jpeg_answer(await photos.read_by_reporter(actor, charge_point_id, photo_id), photo_id)

    return api
