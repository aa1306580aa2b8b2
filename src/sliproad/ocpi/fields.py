"""OCPI's types of fields (OCPI 2.2.1 §16) as pydantic annotations, and the object they stand in. `objects/` is written with them."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
)

from sliproad.ocpi.status_codes import InvalidParameters

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z?")
PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*")
NOT_AVAILABLE = "#NA"
"""A required string that can't be filled (§4.1.9)."""


def read_date_time(text: object) -> datetime:
    """A DateTime (§16.2): RFC 3339 in UTC, with or without the `Z`; an offset is none of it, not even +00:00.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(text, datetime):
        return text
    if not isinstance(text, str) or not DATE_TIME.fullmatch(text):
        raise ValueError("must be a time in UTC such as 2015-06-29T20:39:09Z")
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    moment = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
    return moment.replace(microsecond=int(fraction.ljust(6, "0")[:6])) if fraction else moment


def written(moment: datetime) -> str:
    """A moment as OCPI writes it: UTC with a `Z`; milliseconds where there are some."""
    moment = moment.astimezone(UTC)
    timespec = "milliseconds" if moment.microsecond >= 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=timespec) + "Z"


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number")  # noqa: TRY004 (pydantic reads ValueError)
    return Decimal(str(value))


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must hold printable characters only")
    return text


def _ascii(text: str) -> str:
    if not PRINTABLE_ASCII.fullmatch(text):
        raise ValueError("must hold printable ASCII characters only")
    return text


class OcpiObject(BaseModel):
    """An object or class of the specification. Fields it does not know are kept (§4.1.3 and practice between parties)."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)


DateTime = Annotated[datetime, BeforeValidator(read_date_time)]
Number = Annotated[Decimal, BeforeValidator(_number)]
Int = StrictInt
Bool = StrictBool
Url = Annotated[str, Field(max_length=255, pattern=r"^https?://[^\s]+$")]
CountryCode = Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")]
PartyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9]{3}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""ISO 3166-1 alpha-3."""
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""ISO 4217."""
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Date = Annotated[str, Field(pattern=r"^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
String255 = Annotated[str, Field(max_length=255), AfterValidator(_printable)]
String64 = Annotated[str, Field(max_length=64), AfterValidator(_printable)]
String45 = Annotated[str, Field(max_length=45), AfterValidator(_printable)]
String20 = Annotated[str, Field(max_length=20), AfterValidator(_printable)]
String16 = Annotated[str, Field(max_length=16), AfterValidator(_printable)]
String10 = Annotated[str, Field(max_length=10), AfterValidator(_printable)]
String4 = Annotated[str, Field(max_length=4), AfterValidator(_printable)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")]
CiString36 = Annotated[str, Field(min_length=1, max_length=36), AfterValidator(_ascii)]
CiString39 = Annotated[str, Field(min_length=1, max_length=39), AfterValidator(_ascii)]
CiString48 = Annotated[str, Field(min_length=1, max_length=48), AfterValidator(_ascii)]


class DisplayText(OcpiObject):
    """§16.3."""

    language: Language
    text: Annotated[str, Field(max_length=512), AfterValidator(_printable)]


class Price(OcpiObject):
    """§16.5."""

    excl_vat: Number
    incl_vat: Number | None = None


T = TypeVar("T", bound=OcpiObject)


def checked(kind: type[T], value: Any) -> T:
    """`value` as `kind`.

    Raises:
        InvalidParameters: naming the first wrong field by its path, and how many more there are.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
        first = wrong[0]
        path = ".".join(str(part) for part in first["loc"]) or "body"
        sentence = "is required" if first["type"] == "missing" else str(first["msg"]).removeprefix("Value error, ")
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise InvalidParameters(f"{path}: {sentence}{more}") from None
