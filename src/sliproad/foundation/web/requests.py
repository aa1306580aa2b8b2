"""What request bodies have in common: unknown fields are refused by name, and texts are trimmed and never empty or endless."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from sliproad.foundation.language import marked
from sliproad.foundation.mail import is_address


def _checked_address(text: str) -> str:
    if not is_address(text):
        raise ValueError(marked("is not an e-mail address"))
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A line of text that somebody must give: 1–200 characters after trimming."""

Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
]
"""What is printed on a device or plan: 1–100 characters without control characters."""


def _mailbox(text: str) -> str:
    if not is_address(text):
        raise ValueError("must be an e-mail address")
    return text


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254),
    AfterValidator(_checked_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254, "examples": ["alex@acme-ev-installs.com"]}),
]
"""A mailbox; whether it exists, only a mail can tell."""

T = TypeVar("T")


class RequestModel(BaseModel):
    """A body. Unknown fields are a `validation_error` that names them (contract §1); NaN and infinity are no numbers."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def unset() -> Any:
    """The default of a PATCH's field: it may be left out, but it is only null where its type says so.

    Read the fields that were given by `model_dump(exclude_unset=True)`.
    """
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def query_of(kind: type[T]) -> Callable[..., Awaitable[T]]:
    """The dependency that makes a `kind` of the query; FastAPI would call the class itself in a thread, at a tenth of a request.

    `query: Annotated[ListQuery, Depends(query_of(ListQuery))]`.
    """

    async def make(**values: Any) -> T:
        return kind(**values)

    make.__signature__ = inspect.signature(kind)  # type: ignore[attr-defined]
    return make
