"""What installers and site owners fill in to report something wrong with a charge point, photos included.

`issues_pages` and `faults_pages` use it: the photos that arrived survive a form that was refused.
"""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field, StringConstraints

from sliproad.features.commissioning.issues import (
    MOST_PHOTOS,
    PHOTO_ID,
    Category,
    Issue,
    NewIssue,
    Reporter,
    Severity,
    StepName,
)
from sliproad.features.commissioning.issues_routes import Description
from sliproad.features.commissioning.issues_service import IssueService
from sliproad.features.commissioning.photos_service import LARGEST_BYTES, PhotoService
from sliproad.features.commissioning.sentences import told
from sliproad.foundation.errors import DomainError, InvalidInput, NotFound
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import RequestModel
from sliproad.foundation.web.ui import Form

LARGEST_FORM_BYTES = 24 * 1024 * 1024
"""Several photos of one report; browsers with script make them smaller before they send them."""
UploadedPhoto = Annotated[str, StringConstraints(pattern=rf"^{PHOTO_ID.pattern}$")]


class ReportForm(RequestModel):
    """A report; its new photos come beside the fields, and `photo_ids` are those that came with an earlier try."""

    category: Category
    severity: Severity
    description: Description
    step: StepName | None = None
    photo_ids: list[UploadedPhoto] = Field(default=[], max_length=MOST_PHOTOS)


@dataclass(slots=True)
class Filled:
    """A report as it was sent, and the ids of its photos that have arrived so far."""

    form: Form[ReportForm]
    arrived: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.arrived = [photo for photo in self.form.several.get("photo_ids", []) if PHOTO_ID.fullmatch(photo)]


async def report(
    filled: Filled, actor: Reporter, charge_point_id: str, issues: IssueService, photos: PhotoService
) -> Issue | None:
    """Store the photos, then the report; None where the form now says what is wrong.

    Raises:
        NotFound: no such charge point in the actor's reach.
    """
    form = filled.form
    try:
        await _upload(filled, actor, charge_point_id, photos)
        if form.value is None or form.is_refused:
            return None
        given = form.value
        new = NewIssue(given.category, given.severity, given.description, given.step, tuple(filled.arrived))
        return await issues.report(actor, charge_point_id, new)
    except NotFound:
        raise
    except DomainError as error:
        form.general.append(told(_(error.detail)))
        return None


async def _upload(filled: Filled, actor: Reporter, charge_point_id: str, photos: PhotoService) -> None:
    files = filled.form.files.get("photos", [])
    if len(filled.arrived) + len(files) > MOST_PHOTOS:
        filled.form.fail("photos", _("At most %(count)s photos belong to a report.") % {"count": MOST_PHOTOS})
        return
    for file in files:
        try:
            photo = await photos.upload(actor, charge_point_id, file.data)
        except InvalidInput:
            filled.form.fail(
                "photos",
                _("%(name)s can't be taken. A photo is a JPEG, PNG, WebP or HEIC file of at most %(most)s MB.")
                % {"name": file.filename, "most": LARGEST_BYTES // 1024 // 1024},
            )
        else:
            filled.arrived.append(photo.photo_id)
