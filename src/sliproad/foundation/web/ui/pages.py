"""Renders templates: those of a feature beside its `pages`, on the layout that all share."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from sliproad.foundation.web.ui.assets import asset

OWN_TEMPLATES = Path(__file__).parent / "templates"


def environment(*folders: Path) -> Environment:
    """Jinja2 on these folders and our own; everything is escaped, and what is not given is an error, not an empty text."""
    loader = FileSystemLoader([*folders, OWN_TEMPLATES])
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals["asset"] = asset
    made.filters["moment"] = moment
    made.filters["ticked"] = ticked
    return made


def moment(at: datetime) -> str:
    """A time for people: `1 May 2026, 10:23 UTC`."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def ticked(text: str) -> Markup:
    """Text in which `words between backticks` are code; all else is escaped."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if index % 2 else piece for index, piece in enumerate(pieces)
    )


class Pages:
    """The pages of one feature."""

    def __init__(self, *folders: Path) -> None:
        self.environment = environment(*folders)

    def render(
        self,
        request: Request,
        name: str,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> HTMLResponse:
        """The template `name` with `context`, as an answer."""
        html = self.environment.get_template(name).render(request=request, **context)
        return HTMLResponse(html, status_code, headers)
