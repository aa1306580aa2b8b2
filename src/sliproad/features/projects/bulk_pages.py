"""`/installer/projects/{project_id}/bulk`: charge points from a file: what each row would become, then the same in earnest.

The preview registers everything and takes it back (`BulkRegistrationService.rehearse`), so that it tells what the registry itself says.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from sliproad.features.accounts.model import InstallerActor
from sliproad.features.accounts.page_guards import InstallerPage
from sliproad.features.projects import bulk_sheet
from sliproad.features.projects.bulk import BulkRegistrationService, Outcome
from sliproad.features.projects.bulk_orders import CSV, SHEET_EXAMPLE, Order, of_sheet
from sliproad.features.projects.pages import PAGES
from sliproad.features.projects.registration_routes import address_of
from sliproad.features.projects.sentences import told
from sliproad.features.projects.service import ProjectService
from sliproad.foundation.errors import Conflict, DomainError, FieldError, InvalidInput, NotFound
from sliproad.foundation.language import gettext as _
from sliproad.foundation.web import RequestModel
from sliproad.foundation.web.ui import Column, Form, Table
from sliproad.foundation.web.ui.forms import sentence

PATH = "/installer/projects/{project_id}/bulk"
LARGEST_FILE = 900 * 1024
LARGER_BODIES = {r"/installer/projects/[^/]+/bulk(/register)?$": 1024 * 1024}
"""A file, and its text once more when its rows are to be registered."""
SETTINGS = (
    "row",
    "serial_number",
    "vendor",
    "charge_point_id",
    "ocpp_endpoint",
    "ocpp_identity",
    "provisioning_password",
)


class FileForm(RequestModel):
    """A file comes beside the fields."""


class SheetForm(RequestModel):
    """The file's text, as it was previewed."""

    sheet: str = Field(max_length=LARGEST_FILE)
    all_or_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """What became, or would become, of a row; `errors` are (column, sentence)."""

    outcome: Outcome
    errors: Sequence[tuple[str, str]]

    @property
    def model(self) -> str:
        new = self.outcome.candidate.new
        return f"{self.outcome.candidate.vendor or ''} {new.model if new else ''}".strip()


def router(projects: ProjectService, bulk: BulkRegistrationService) -> APIRouter:
    """The three pages, and an example of a file."""
    web = APIRouter(include_in_schema=False)

    @web.get(PATH)
    async def ask(request: Request, actor: InstallerPage, project_id: str) -> Response:
        return await _ask(request, actor, projects, project_id, Form.blank())

    @web.get(f"{PATH}/example.csv")
    async def example(actor: InstallerPage, project_id: str) -> Response:
        await projects.installer_view(actor, project_id)
        headers = {"Content-Disposition": 'attachment; filename="charge-points.csv"'}
        return Response(SHEET_EXAMPLE, media_type=f"{CSV}; charset=utf-8", headers=headers)

    @web.post(PATH)
    async def preview(request: Request, actor: InstallerPage, project_id: str) -> Response:
        form = await Form.read(request, FileForm)
        try:
            content = _content(form)
            order = of_sheet(content, _charset(content), project_id, all_or_nothing=False, says=_wording)
            outcomes = await bulk.rehearse(actor, project_id, order.candidates)
        except NotFound:
            raise
        except DomainError as error:
            _refuse(form, error)
            return await _ask(request, actor, projects, project_id, form, status_code=422)
        overview, _charge_points = await projects.installer_view(actor, project_id)
        return PAGES.render(
            request, "bulk_preview.html", overview=overview, sheet=_text(content), **_results(request, outcomes)
        )

    @web.post(f"{PATH}/register")
    async def register(request: Request, actor: InstallerPage, project_id: str) -> Response:
        form = await Form.read(request, SheetForm)
        if form.value is None:
            return await _ask(request, actor, projects, project_id, form, status_code=422)
        all_or_nothing = form.value.all_or_nothing
        try:
            order = of_sheet(form.value.sheet.encode(), "utf-8", project_id, all_or_nothing, says=_wording)
            outcomes = await bulk.register(
                actor, project_id, order.candidates,
                all_or_nothing=all_or_nothing, installer_address=address_of(request),
            )  # fmt: skip
        except NotFound:
            raise
        except DomainError as error:
            _refuse(form, error)
            return await _ask(request, actor, projects, project_id, form, status_code=422)
        overview, _charge_points = await projects.installer_view(actor, project_id)
        seen = _results(request, outcomes)
        return PAGES.render(
            request, "bulk_registered.html", status_code=200 if seen["sound"] else 422,
            overview=overview, download=_download(order, outcomes), **seen,
        )  # fmt: skip

    return web


async def _ask(
    request: Request,
    actor: InstallerActor,
    projects: ProjectService,
    project_id: str,
    form: Form[Any],
    *,
    status_code: int = 200,
) -> Response:
    overview, _charge_points = await projects.installer_view(actor, project_id)
    if overview.project.is_handed_over:
        raise Conflict("This project has been handed over; nothing in it can be changed.", code="project_handed_over")
    return PAGES.render(
        request, "bulk.html", status_code=status_code, form=form, overview=overview, columns=list(bulk_sheet.COLUMNS)
    )


def _content(form: Form[Any]) -> bytes:
    files = form.files.get("file", [])
    if not files:
        raise InvalidInput.field("file", _("Please choose a file."))
    content = files[0].data
    if len(content) > LARGEST_FILE:
        raise InvalidInput.field("file", _("This file is too large: 500 rows fit into far less."))
    return content


def _charset(content: bytes) -> str:
    """UTF-8; what is none comes from an older Excel in Western Europe. The preview shows whether the letters are right."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _text(content: bytes) -> str:
    """The sheet once more, as the page carries it to the registration."""
    text, _has_mark = bulk_sheet.decoded(content, _charset(content))
    return text


def _refuse(form: Form[Any], error: DomainError) -> None:
    """What is wrong with the file as a whole, each by its column."""
    for wrong in getattr(error, "errors", ()):
        if wrong.field == "file":
            form.fail("file", told(wrong.message))
        else:
            form.general.append(f"{wrong.field}: {told(wrong.message)}")
    if not form.is_refused:
        form.general.append(told(error.detail))


def _wording(wrong: Mapping[str, Any]) -> FieldError:
    place = ".".join(str(part) for part in wrong["loc"][1:])
    return FieldError(place, sentence(wrong))


def _results(request: Request, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The rows as the pages show them, those that failed first."""
    rows = [Said(each, [(wrong.field, told(wrong.message)) for wrong in each.errors]) for each in outcomes]
    rows.sort(key=lambda said: (said.outcome.code is None, said.outcome.candidate.row))
    columns = [
        Column("row", _("Row")),
        Column("serial", _("Serial number")),
        Column("model", _("Model")),
        Column("result", _("Result")),
    ]
    sound = sum(each.code is None for each in outcomes)
    return {
        "table": Table(request, columns, rows, caption=_("Rows of the file")),
        "sound": sound,
        "failed": len(outcomes) - sound,
        "told": told,
    }


def _download(order: Order, outcomes: Sequence[Outcome]) -> str:
    """What was registered with its settings, as a CSV file inside the page's own link: passwords are kept nowhere."""
    rows = [
        (
            each.candidate.row,
            each.charge_point.serial_number,
            each.charge_point.vendor,
            each.charge_point.charge_point_id,
            each.address.endpoint,
            each.address.identity,
            each.password,
        )
        for each in outcomes
        if each.charge_point and each.address
    ]
    content = bulk_sheet.write(bulk_sheet.Dialect(order.dialect.separator, has_mark=True), SETTINGS, rows)
    return f"data:text/csv;base64,{base64.b64encode(content).decode()}"
