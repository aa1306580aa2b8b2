"""Renders templates: those of a feature beside its `pages`, on the frame that all share."""

import secrets
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from sliproad.foundation.language import LANGUAGES, gettext, language, ngettext
from sliproad.foundation.web.ui import moments
from sliproad.foundation.web.ui.answers import COOKIE, notice_of
from sliproad.foundation.web.ui.assets import asset
from sliproad.foundation.web.ui.charts import line_chart
from sliproad.foundation.web.ui.codes import qr
from sliproad.foundation.web.ui.forms import Form
from sliproad.foundation.web.ui.statuses import status_of
from sliproad.foundation.web.visitors import current_of, entries_of

OWN_TEMPLATES = Path(__file__).parent / "templates"
COMPONENTS = ("ui/page.html", "ui/facts.html", "ui/forms.html", "ui/lists.html", "ui/devices.html")
FILTERS = ("moment", "day", "clock_time", "ago", "number", "duration", "ticked")
NOTHING_TYPED: Form[Any] = Form()


def environment(*folders: Path) -> Environment:
    """Jinja2 on these folders and our own; everything is escaped, and what is not given is an error, not an empty text."""
    return _shared().overlay(loader=FileSystemLoader([*folders, OWN_TEMPLATES]))


@cache
def _shared() -> Environment:
    """What every feature's environment has: components, filters, languages. Made once: compiling the components takes a while."""
    made = Environment(
        loader=FileSystemLoader(OWN_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=["jinja2.ext.i18n"],
    )  # fmt: skip
    made.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    made.globals |= {
        "asset": asset,
        "line_chart": line_chart,
        "qr_svg": qr,
        "status_of": status_of,
        "once_key": once_key,
    }
    made.globals |= {"languages": LANGUAGES, "language": language, "nothing_typed": NOTHING_TYPED}
    made.filters |= {name: getattr(moments, name) for name in FILTERS}
    components = made.globals["ui"] = SimpleNamespace()
    for name in COMPONENTS:
        macros = vars(made.get_template(name).module)
        vars(components).update((word, macro) for word, macro in macros.items() if not word.startswith("_"))
    return made


def once_key() -> str:
    """A new key for a form: sent twice, it counts once (`repeated_forms`)."""
    return secrets.token_urlsafe(12)


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
        framed = frame(request) | context
        answer = HTMLResponse(self.environment.get_template(name).render(framed), status_code, headers)
        if framed["notice"] is not None:
            answer.delete_cookie(COOKIE)
        return answer

    def answer(
        self, request: Request, name: str, *, block: str, status_code: int = 200, **context: Any
    ) -> HTMLResponse:
        """The same; for htmx, which replaces a part of a page, that block of the template alone."""
        if request.headers.get("hx-request") != "true" or request.headers.get("hx-history-restore-request"):
            return self.render(request, name, status_code=status_code, **context)
        return HTMLResponse(self.block(request, name, block, **context), status_code, {"Vary": "HX-Request"})

    def block(self, request: Request, name: str, block: str, **context: Any) -> Markup:
        """One block of a template."""
        template = self.environment.get_template(name)
        values = template.new_context(frame(request) | context)
        return Markup("").join(map(Markup, template.blocks[block](values)))

    def fragments(self, request: Request, name: str, *blocks: str, **context: Any) -> str:
        """Blocks of a template for a live part: each replaces what is inside the element whose id is the block's name."""
        part = Markup('<hx-partial hx-target="#{}" hx-swap="innerMorph">{}</hx-partial>')
        return "\n".join(part.format(block, self.block(request, name, block, **context)) for block in blocks)

    def confirm(
        self, request: Request, *, title: str, text: str, action: str, button: str, back: str, tone: str = "bad",
        **hidden: str,
    ) -> HTMLResponse:  # fmt: skip
        """A page that asks once more before something is done: where the link of `ui.confirm` leads without script."""
        asked = {"title": title, "text": text, "action": action, "button": button, "back": back, "tone": tone}
        return self.render(request, "confirm.html", asked=asked, hidden=hidden)


def frame(request: Request) -> dict[str, Any]:
    """What the layout shows around every page: who is here, where they can go, and what the page before wants said."""
    visitor = getattr(request.state, "visitor", None)
    entries = entries_of(getattr(request.app.state, "navigation", ()), visitor)
    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "request": request,
        "visitor": visitor,
        "navigation": entries,
        "support_url": getattr(request.app.state, "support_url", None),
        "current": current_of(entries, request.url.path),
        "notice": notice_of(request),
        "theme": getattr(request.state, "theme", "auto"),
        "this_page": f"{request.url.path}{query}" if request.method == "GET" else "/",
    }
