"""What a bulk registration asks for, in whichever of its three forms: JSON, a CSV file, or a form (multipart) that holds one.

`bulk_routes` reads bodies with `order_of` and describes them with `BODY`;
`bulk_pages` reads files with `of_sheet`. Each row is checked by the rules of a single registration.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from sliproad.features.projects import bulk_sheet
from sliproad.features.projects.bulk import MOST_ROWS, Candidate
from sliproad.features.projects.registration_routes import RegistrationRequest, new_charge_point
from sliproad.foundation.errors import FieldError, InvalidInput
from sliproad.foundation.web import RequestModel, Text
from sliproad.foundation.web.problems import field_error

CSV = "text/csv"
FORM = "multipart/form-data"


class BulkRequest(RequestModel):
    """Rows are checked one by one, so that one that is wrong fails alone."""

    project_id: Text
    all_or_nothing: bool = False
    charge_points: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for, however it was written."""

    project_id: str
    all_or_nothing: bool
    candidates: Sequence[Candidate]
    dialect: bulk_sheet.Dialect


async def order_of(request: Request, project_id: str | None, all_or_nothing: bool) -> Order:
    """The body, by its media type. A form's own fields come before the query.

    Raises:
        RequestValidationError: the JSON is not of this shape.
        InvalidInput: the sheet can't be read, or the project is not named.
    """
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    if media_type.strip() == FORM:
        return await _of_form(request, project_id, all_or_nothing)
    if media_type.strip() == CSV:
        charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "') or "utf-8"
        return of_sheet(await request.body(), charset, project_id, all_or_nothing)
    try:
        body = BulkRequest.model_validate(orjson.loads(await request.body() or b"null"))
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from None
    candidates = [_candidate(number, row, body.project_id) for number, row in enumerate(body.charge_points, start=1)]
    return Order(body.project_id, body.all_or_nothing, candidates, bulk_sheet.Dialect())


async def _of_form(request: Request, project_id: str | None, all_or_nothing: bool) -> Order:
    async with request.form(max_files=1, max_fields=10) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        if unknown := set(fields) - {"project_id", "all_or_nothing"}:
            raise InvalidInput.field(min(unknown), "is not a field that this request knows")
        if len(files) != 1:
            raise InvalidInput.field("file", "is required: the CSV file")
        content = await files[0].read()
    switch = fields.get("all_or_nothing", str(all_or_nothing)).lower()
    if switch not in {"true", "false"}:
        raise InvalidInput.field("all_or_nothing", "must be true or false")
    return of_sheet(content, "utf-8", fields.get("project_id", project_id), switch == "true")


def of_sheet(
    content: bytes,
    charset: str,
    project_id: str | None,
    all_or_nothing: bool,
    says: Callable[[Mapping[str, Any]], FieldError] | None = None,
) -> Order:
    """The rows of a CSV file. `says` words what pydantic finds wrong with a row; without it, as the API does.

    Raises:
        InvalidInput: the sheet can't be read, or the project is not named.
    """
    if not project_id:
        raise InvalidInput.field("project_id", "is required")
    sheet = bulk_sheet.read(content, charset)
    candidates = [
        _candidate(row.number, _nested(row.cells), project_id, row.errors, bulk_sheet.COLUMNS, says=says or field_error)
        for row in sheet.rows
    ]
    return Order(project_id, all_or_nothing, candidates, sheet.dialect)


def _nested(cells: Mapping[str, str]) -> dict[str, Any]:
    """`location_address` and its like as the registration's `location`."""
    row: dict[str, Any] = {}
    for column, cell in cells.items():
        whole, _, part = bulk_sheet.COLUMNS[column].partition(".")
        if part:
            row.setdefault(whole, {})[part] = cell
        else:
            row[whole] = cell
    return row


def _candidate(
    number: int,
    row: Mapping[str, Any],
    project_id: str,
    errors: Sequence[FieldError] = (),
    columns: Mapping[str, str] | None = None,
    *,
    says: Callable[[Mapping[str, Any]], FieldError] = field_error,
) -> Candidate:
    """A row by the rules of a single registration. With `columns`, wrong fields are named as the sheet names them."""
    told = {name: value for name in ("serial_number", "vendor") if isinstance(value := row.get(name), str)}
    wrong = list(errors)
    if "project_id" in row:
        wrong.append(FieldError("project_id", "is said once, beside the list"))
    try:
        new = new_charge_point(RegistrationRequest.model_validate({**row, "project_id": project_id}))
    except ValidationError as error:
        column_of = {field: column for column, field in (columns or {}).items()}
        found = [says({**each, "loc": ("body", *each["loc"])}) for each in error.errors()]
        wrong += [FieldError(column_of.get(each.field, each.field), each.message) for each in found]
    if wrong:
        return Candidate(number, None, **told, errors=tuple(wrong))
    return Candidate(number, new, new.serial_number, new.vendor)


def _row_schema() -> dict[str, Any]:
    schema = RegistrationRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    properties = {name: value for name, value in schema["properties"].items() if name != "project_id"}
    required = [name for name in schema["required"] if name != "project_id"]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


SHEET_EXAMPLE = (
    "serial_number,vendor,model,ocpp_version,max_power_kw,connector_count,location_description\r\n"
    "SN-ABX-20240501-007,Alpitronic,Alpitronic HYC300,2.0.1,300,2,Bay 4\r\n"
)
BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["project_id", "charge_points"],
                "additionalProperties": False,
                "properties": {
                    "project_id": {"type": "string"},
                    "all_or_nothing": {"type": "boolean", "default": False},
                    "charge_points": {"type": "array", "minItems": 1, "maxItems": MOST_ROWS, "items": _row_schema()},
                },
            }
        },
        CSV: {"schema": {"type": "string"}, "example": SHEET_EXAMPLE},
        FORM: {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "project_id": {"type": "string"},
                    "all_or_nothing": {"type": "boolean"},
                },
            }
        },
    },
}
