"""Brings every room's catalogues up to date: what its code and templates say, in `translations/<language>.po` beside them.

python -m tools.translations          write them; new strings stand there empty, those that nobody says any more go
python -m tools.translations --check  say what is missing, and change nothing
"""

import io
import pathlib
import sys

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from sliproad.foundation.language import LANGUAGES, SOURCE

PACKAGE = pathlib.Path(__file__).resolve().parent.parent / "src" / "sliproad"
SHARED = PACKAGE / "foundation"
METHODS = [("**.py", "python"), ("**.html", "jinja2")]
OPTIONS = {"**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
KEYWORDS = DEFAULT_KEYWORDS | {"marked": None}
TARGETS = [language for language in LANGUAGES if language != SOURCE]


def rooms() -> list[pathlib.Path]:
    """The folders with catalogues of their own: each feature, the foundation, and what shows the whole system."""
    features = sorted(path for path in (PACKAGE / "features").iterdir() if path.is_dir() and path.name[0] != "_")
    return [SHARED, PACKAGE / "app", *features]


def said(room: pathlib.Path) -> Catalog:
    """Every string of a room that can be translated."""
    catalog = Catalog(fuzzy=False)
    found = extract_from_dir(str(room), METHODS, OPTIONS, KEYWORDS, comment_tags=("Translators:",))
    shared = {message.id for message in said(SHARED)} if room != SHARED else set()
    for name, _line, message, comments, context in found:
        if message in shared:  # one translation for all rooms
            continue
        catalog.add(message, None, [(f"{room.name}/{name}", 0)], auto_comments=comments, context=context)
    return catalog


def catalogue(room: pathlib.Path, language: str) -> pathlib.Path:
    return room / "translations" / f"{language}.po"


def updated(room: pathlib.Path, language: str) -> Catalog:
    """The room's catalogue with what is said there now; translations are kept."""
    path = catalogue(room, language)
    known = read_po(io.BytesIO(path.read_bytes()) if path.exists() else io.BytesIO(b""), locale=language)
    known.update(said(room), no_fuzzy_matching=True)
    known.obsolete.clear()
    return known


def written(catalog: Catalog) -> bytes:
    text = io.BytesIO()
    write_po(text, catalog, width=0, omit_header=True, sort_output=True, include_lineno=False, ignore_obsolete=True)
    return text.getvalue()


def missing(catalog: Catalog) -> list[str]:
    """What has no translation, or one whose placeholders differ."""
    wrong = []
    for message in catalog:
        texts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        if message.id and (not all(texts) or message.fuzzy or list(message.check(catalog))):
            wrong.append(message.id if isinstance(message.id, str) else message.id[0])
    return wrong


def main() -> None:
    is_check, wrong = "--check" in sys.argv[1:], []
    for room in rooms():
        for language in TARGETS:
            catalog, path = updated(room, language), catalogue(room, language)
            wrong += [f"{path.relative_to(PACKAGE)}: {text!r}" for text in missing(catalog)]
            if is_check or not len(catalog):
                continue
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(written(catalog))
    print("\n".join(wrong) or "Everything is translated.")
    sys.exit(1 if wrong and is_check else 0)


if __name__ == "__main__":
    main()
