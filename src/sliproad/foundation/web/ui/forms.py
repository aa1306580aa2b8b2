"""What somebody typed into a form, what it means, and what is wrong with it: in their language, beside each field.

A route reads `form = await Form.read(request, Model)`. `form.value` is the model, or None where it did not fit; then (or after
`form.refuse(error)`) the page is rendered anew with status 422 and `form`, and nobody has to type anything twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request

from sliproad.foundation.errors import DomainError
from sliproad.foundation.language import gettext as _

Model = TypeVar("Model", bound=BaseModel)
NEVER_SHOWN_AGAIN = ("password",)
MOST_FIELDS = 500


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that came with a form, under the name it had there."""

    filename: str
    data: bytes


class Form(Generic[Model]):
    """One form; see the module."""

    def __init__(self, typed: Mapping[str, str] | None = None) -> None:
        self.typed: dict[str, str] = dict(typed or {})
        self.several: dict[str, list[str]] = {}
        self.files: dict[str, list[SentFile]] = {}
        self.errors: dict[str, str] = {}
        self.general: list[str] = []
        self.value: Model | None = None

    @classmethod
    def blank(cls, **typed: Any) -> "Form[Model]":
        """A form to be filled in, with what is known already."""
        return cls({name: "" if value is None else str(value) for name, value in typed.items()})

    @classmethod
    async def read(cls, request: Request, model: type[Model]) -> "Form[Model]":
        """What was sent, checked against `model`. Empty fields count as not given; fields of a list may be repeated."""
        form = cls()
        async with request.form(max_fields=MOST_FIELDS) as sent:
            for name, value in sent.multi_items():
                if isinstance(value, UploadFile):
                    if value.filename:
                        form.files.setdefault(name, []).append(SentFile(value.filename, await value.read()))
                elif value.strip():
                    form.several.setdefault(name, []).append(value.replace("\r\n", "\n"))
        form.typed = {name: values[-1] for name, values in form.several.items()}
        if any("\0" in value for values in form.several.values() for value in values):
            form.general.append(_("The text contains a character that can't be stored."))
            return form
        try:
            form.value = model.model_validate(form._meant(model))
        except ValidationError as error:
            for wrong in error.errors():
                form._note(str(wrong["loc"][0]) if wrong["loc"] else "", sentence(wrong))
        return form

    def refuse(self, error: DomainError) -> None:
        """A use case said no: its fields' messages go beside the fields, its sentence on top."""
        wrong = getattr(error, "errors", ())
        for each in wrong:
            self._note(each.field.partition(".")[0], _(each.message))
        if not wrong:
            self.general.append(_(error.detail))

    def fail(self, name: str, message: str) -> None:
        """Say what is wrong with one field."""
        self._note(name, message)

    @property
    def is_refused(self) -> bool:
        return bool(self.errors or self.general)

    def text(self, name: str) -> str:
        """What was typed into a field, to be shown again; never a password."""
        return "" if any(word in name for word in NEVER_SHOWN_AGAIN) else self.typed.get(name, "")

    def chosen(self, name: str, value: str) -> bool:
        """Whether this option was chosen."""
        return value in self.several.get(name, [self.typed.get(name, "")])

    def _note(self, name: str, message: str) -> None:
        if name and not message.endswith((".", "!", "?")):
            message = f"{message[:1].upper()}{message[1:]}."
        if name:
            self.errors.setdefault(name, message)
        else:
            self.general.append(message)

    def _meant(self, model: type[Model]) -> dict[str, Any]:
        meant: dict[str, Any] = {}
        for name, field in model.model_fields.items():
            if name in self.several:
                is_list = getattr(field.annotation, "__origin__", None) in {list, tuple, set, frozenset}
                meant[name] = self.several[name] if is_list else self.typed[name]
        return meant


def sentence(wrong: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a sentence for whoever typed."""
    bounds = wrong.get("ctx", {})
    match wrong["type"]:
        case "missing":
            return _("Please fill this in.")
        case "string_too_short" if bounds.get("min_length") == 1:
            return _("Please fill this in.")
        case "string_too_short":
            return _("At least %(count)s characters are needed.") % {"count": bounds["min_length"]}
        case "string_too_long":
            return _("At most %(count)s characters fit.") % {"count": bounds["max_length"]}
        case "int_parsing" | "float_parsing" | "decimal_parsing" | "int_from_float":
            return _("Please write a number.")
        case "greater_than_equal" | "greater_than":
            return _("Too small: the least is %(least)s.") % {"least": bounds.get("ge", bounds.get("gt"))}
        case "less_than_equal" | "less_than":
            return _("Too large: the most is %(most)s.") % {"most": bounds.get("le", bounds.get("lt"))}
        case "enum" | "literal_error":
            return _("Please choose one of these.")
        case "date_from_datetime_parsing" | "date_parsing" | "datetime_from_date_parsing" | "datetime_parsing":
            return _("Please give a date.")
        case "value_error":
            return _(str(wrong["msg"]).removeprefix("Value error, "))
        case _:
            return _("This does not look right. Please check it.")
