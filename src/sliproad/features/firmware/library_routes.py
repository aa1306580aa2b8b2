"""`/api/v1/cpo/firmware`: a CPO's firmware library. A file is taken as a form, bit by bit; a URL as JSON."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sliproad.features.accounts.guards import Manager, Viewer
from sliproad.features.accounts.model import OrganizationActor
from sliproad.features.firmware.library_service import FirmwareLibrary, NewFirmware
from sliproad.features.firmware.updates_store import FirmwareRow
from sliproad.foundation.errors import InvalidInput
from sliproad.foundation.file_streams import FileTooLarge, IncomingFile
from sliproad.foundation.web import Label, PageQuery, RequestModel, Text, Timestamp
from sliproad.foundation.web.bodies import Streamed
from sliproad.foundation.web.multipart import Part, read_form
from sliproad.foundation.web.problems import problem_response

Body = TypeVar("Body", bound=BaseModel)
PATH = "/api/v1/cpo/firmware"
STREAMED = (Streamed(rf"{PATH}/?$", forms_only=True),)
FORM = "multipart/form-data"
MOST_FIELD_BYTES = 16 * 1024
FirmwareId = Annotated[str, Path(max_length=64)]


class FirmwareFields(RequestModel):
    """What is said about firmware, whichever way it comes."""

    version: Annotated[Label, Field(max_length=50, examples=["3.9.0"], description="As the charge point tells it.")]
    vendor: Annotated[Text, Field(max_length=50, examples=["Alpitronic"])]
    models: Annotated[
        list[Label], Field(min_length=1, max_length=50, examples=[["HYC*"]], default_factory=lambda: ["*"])
    ]
    """Patterns of models with `*` and `?`."""
    checksum: Annotated[str | None, Field(pattern="^[0-9A-Fa-f]{64}$", description="SHA-256 in hex.")] = None
    signature: Annotated[str | None, Field(max_length=800, description="Base64, over the file.")] = None
    signing_certificate: Annotated[str | None, Field(max_length=5500, description="PEM.")] = None
    notes: Annotated[str | None, Field(max_length=4000)] = None

    def new(self) -> NewFirmware:
        """The same in the library's words."""
        return NewFirmware(**self.model_dump(exclude={"models", "url"}), models=tuple(self.models))


class FirmwareUrlRequest(FirmwareFields):
    """Firmware that the charge point gets elsewhere."""

    url: Annotated[str, Field(max_length=512, examples=["https://firmware.example.com/hyc-3.9.0.bin"])]


class FirmwareAnswer(BaseModel):
    firmware_id: str
    version: str
    vendor: str
    models: list[str]
    source: str
    """`file` or `url`."""
    name: str
    url: str | None
    size_bytes: int | None
    checksum: str | None
    is_signed: bool
    notes: str | None
    created_at: Timestamp
    created_by: str


class FirmwareList(BaseModel):
    firmware: list[FirmwareAnswer]
    total: int
    next_cursor: str | None


def firmware_answer(row: FirmwareRow) -> FirmwareAnswer:
    return FirmwareAnswer(
        firmware_id=row.firmware_id,
        version=row.version,
        vendor=row.vendor,
        models=row.models,
        source="file" if row.file_id else "url",
        name=row.name,
        url=row.url,
        size_bytes=row.size_bytes,
        checksum=row.sha256,
        is_signed=row.signature is not None,
        notes=row.notes,
        created_at=row.created_at,
        created_by=row.created_by,
    )


FORM_SCHEMA: dict[str, Any] = FirmwareFields.model_json_schema()
FORM_SCHEMA["properties"] |= {"file": {"type": "string", "format": "binary", "description": "At most 100 MiB."}}
FORM_SCHEMA["required"] = [*FORM_SCHEMA["required"], "file"]
REQUEST_BODY = {
    "required": True,
    "content": {
        FORM: {"schema": FORM_SCHEMA},
        "application/json": {"schema": FirmwareUrlRequest.model_json_schema()},
    },
}


def router(library: FirmwareLibrary) -> APIRouter:
    """The library's routes."""
    api = APIRouter(prefix=PATH, tags=["Firmware"])

    @api.post("", status_code=201, response_model=FirmwareAnswer, openapi_extra={"requestBody": REQUEST_BODY})
    async def add(actor: Manager, request: Request) -> Any:
        """Add firmware to the library: a file as a form, or a URL as JSON. `models` may be repeated in a form."""
        content_type = request.headers.get("content-type", "")
        if not content_type.lower().startswith(FORM):
            body = parsed(FirmwareUrlRequest, await request.body())
            return firmware_answer(await library.add_url(actor, body.new(), body.url))
        try:
            return firmware_answer(await add_form(library, actor, request, content_type))
        except FileTooLarge as refusal:
            headers = {"Connection": "close"}
            return problem_response(request.scope, 413, refusal.code, refusal.detail, headers=headers)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    @api.get("")
    async def list_firmware(actor: Viewer, page: PageQuery) -> FirmwareList:
        """The library, newest first."""
        rows, total, next_cursor = await library.page(actor, page)
        return FirmwareList(firmware=[firmware_answer(row) for row in rows], total=total, next_cursor=next_cursor)

    @api.get("/{firmware_id}")
    async def read(actor: Viewer, firmware_id: FirmwareId) -> FirmwareAnswer:
        """One of the library."""
        return firmware_answer(await library.get(actor, firmware_id))

    @api.delete("/{firmware_id}", status_code=204)
    async def remove(actor: Manager, firmware_id: FirmwareId) -> None:
        """Take firmware out of the library; not while it is being installed."""
        await library.remove(actor, firmware_id)

    return api


async def add_form(
    library: FirmwareLibrary, actor: OrganizationActor, request: Request, content_type: str
) -> FirmwareRow:
    """Read a form as it comes; a file whose form turns out to be wrong is forgotten.

    Raises:
        InvalidInput, RequestValidationError: the form is broken, or a field in it wrong.
        FileTooLarge: the file is.
    """
    file = library.begin_file(actor)
    is_kept = False
    try:
        fields, name = await _read_fields(request, content_type, file)
        body = parsed(FirmwareFields, fields)
        if name is None:
            raise InvalidInput.field("file", "is required")
        row = await library.add_file(actor, body.new(), file, name)
        is_kept = True
    finally:
        if not is_kept:
            await file.abandon()
    return row


async def _read_fields(request: Request, content_type: str, file: IncomingFile) -> tuple[dict[str, Any], str | None]:
    """The texts of a form by name, and the name of its file, whose bytes have gone into `file`."""
    texts: list[tuple[str, bytearray]] = []
    name: str | None = None
    is_file = False
    async for event in read_form(request.stream(), content_type):
        if isinstance(event, Part):
            is_file = event.filename is not None
            if is_file and (name is not None or event.name != "file"):
                raise InvalidInput.field(event.name or "file", "holds a file that is not expected")
            if is_file:
                name = event.filename
                await file.begin(name or "firmware.bin", event.mime)
            else:
                texts.append((event.name, bytearray()))
        elif is_file:
            await file.write(event)
        else:
            texts[-1][1].extend(event)
            if sum(len(text) for _, text in texts) > MOST_FIELD_BYTES:
                raise InvalidInput.field(texts[-1][0], "is too long")
    return _fields(texts), name


def _fields(texts: list[tuple[str, bytearray]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, raw in texts:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            raise InvalidInput.field(name, "is not UTF-8") from None
        if "\0" in text:
            raise InvalidInput.field(name, "must not contain U+0000")
        if name == "models":
            patterns = [pattern.strip() for pattern in text.split(",") if pattern.strip()]
            fields.setdefault("models", []).extend(patterns)
        elif text:
            fields[name] = text
    return fields


def parsed(kind: type[Body], given: bytes | dict[str, Any]) -> Body:
    """A checked body.

    Raises:
        RequestValidationError: naming every wrong field, as for other bodies.
    """
    try:
        return kind.model_validate_json(given) if isinstance(given, bytes) else kind.model_validate(given)
    except ValidationError as wrong:
        errors = [error | {"loc": ("body", *error["loc"])} for error in wrong.errors(include_url=False)]
        raise RequestValidationError(errors) from None
