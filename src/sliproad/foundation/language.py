"""In which language and time zone somebody reads: what pages and their sentences are made with. Knows no HTTP; `web.page_layer` sets it.

Every string of a page goes through `gettext` (as `_`) in code or template. Catalogues lie beside what they translate, in
`translations/<language>.po` of a feature or of the pages' own room, and are read when the language is first asked for. What is not
translated is shown in English. `python -m tools.translations` keeps them up to date.
"""

import gettext as catalogues
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, tzinfo
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from zoneinfo import ZoneInfo

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

SOURCE = "en"
LANGUAGES = {"en": "English", "de": "Deutsch"}
"""Every language that can be chosen, by its own name."""

_language: ContextVar[str] = ContextVar("language", default=SOURCE)
_time_zone: ContextVar[tzinfo] = ContextVar("time_zone", default=UTC)


def language() -> str:
    """The language of the request that is being answered."""
    return _language.get()


def time_zone() -> tzinfo:
    """The time zone of whoever reads; UTC where nobody said."""
    return _time_zone.get()


@contextmanager
def reading(language: str, zone: tzinfo = UTC) -> Iterator[None]:
    """What is made inside is for somebody who reads this language in this time zone."""
    tokens = _language.set(language if language in LANGUAGES else SOURCE), _time_zone.set(zone)
    try:
        yield
    finally:
        _language.reset(tokens[0])
        _time_zone.reset(tokens[1])


def gettext(text: str) -> str:
    """`text`, which is English, in the language of the request."""
    return _catalogue(_language.get()).gettext(text)


def ngettext(one: str, many: str, count: int) -> str:
    """The one or the other, as `count` and the language want it."""
    return _catalogue(_language.get()).ngettext(one, many, count)


def marked(text: str) -> str:
    """A constant that is to be translated where it is shown: gives it back unchanged."""
    return text


def negotiate(accept_language: str, chosen: str = "") -> str:
    """The language to answer in: the `chosen` one, else the best of an `Accept-Language` header (RFC 9110 §12.5.4)."""
    if chosen in LANGUAGES:
        return chosen
    wishes = []
    for position, wish in enumerate(accept_language.split(",")[:20]):
        name, _, quality = wish.partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            weight = 0.0
        wishes.append((-weight, position, name.strip().lower().partition("-")[0]))
    return next((name for weight, _, name in sorted(wishes) if weight < 0 and name in LANGUAGES), SOURCE)


def zone_named(name: str) -> tzinfo:
    """The IANA time zone of that name; UTC where there is none."""
    try:
        return ZoneInfo(name) if name and len(name) <= 64 else UTC
    except (ValueError, OSError, KeyError):
        return UTC


@cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    """All catalogues of a language as one."""
    if language == SOURCE:
        return catalogues.NullTranslations()
    whole: catalogues.NullTranslations | None = None
    for path in catalogue_files(files("sliproad"), language):
        compiled = io.BytesIO()
        write_mo(compiled, read_po(io.BytesIO(path.read_bytes()), locale=language))
        compiled.seek(0)
        read = catalogues.GNUTranslations(compiled)
        if whole is None:
            whole = read
        else:
            whole.add_fallback(read)
    return whole or catalogues.NullTranslations()


def catalogue_files(folder: Traversable, language: str) -> list[Traversable]:
    """Every `translations/<language>.po` below `folder`, in the order of their paths."""
    found: list[Traversable] = []
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if not entry.is_dir() or entry.name in {"static", "__pycache__"}:
            continue
        if entry.name == "translations":
            found += [each for each in entry.iterdir() if each.name == f"{language}.po"]
        else:
            found += catalogue_files(entry, language)
    return found
