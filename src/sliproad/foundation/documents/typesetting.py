"""Typesets a PDF/A from a typst template and data, for features that hand people a document.

A template is a folder with a ``document.typ`` that exports ``render(data, images)`` and returns the content. Whatever a
tenant or a charge point wrote reaches it as JSON only, so it is text and never markup: ``#eval(…)`` in a serial number
prints as just that. The folder typst may read is a fresh temporary one; there is no network and no other file.

The fonts are those inside the typst wheel, so that a document looks the same on every machine. They cover Latin, Greek,
Cyrillic, Hebrew and Arabic, not Chinese, Japanese, Korean or emoji. PDF/A forbids a glyph that does not exist, so such
characters are printed as U+FFFD; the caller attaches the exact text as a file where it matters.
"""

import asyncio
import contextlib
import json
import re
import tempfile
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import typst

FONT_FAMILIES = ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono")
"""What templates may use; the first is the one that text is set in."""

PdfStandard = Literal["1.7", "2.0", "a-2b", "a-2u", "a-3a", "a-3b", "a-3u", "ua-1"]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_MAIN = """\
#import "template/document.typ": render
#let attachments = json("attachments.json")
#for file in attachments {
  pdf.attach(
    file.name,
    read("attached/" + file.stored_as, encoding: none),
    relationship: file.relationship,
    mime-type: file.media_type,
    description: file.description,
  )
}
#let images = json("images.json").pairs().map(((name, path)) => (name, read(path, encoding: none))).to-dict()
#render(json("input.json"), images)
"""

_PROBE = b"""\
#set page(width: 40pt, height: auto, margin: 0pt)
#set text(font: json(bytes(sys.inputs.families)), size: 10pt)
#for (row, character) in json(bytes(sys.inputs.characters)).enumerate() {
  place(top + left, dy: (row + 1) * 20pt, box(character))
}
"""
_PROBE_GLYPH = re.compile(r'translate\(0 ([\d.]+)\)"><g[^>]*><use xlink:href="#(\w+)"')
_MISSING_GLYPH = "could not be displayed with font"
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class TypesettingError(Exception):
    """The template and its data make no document; the message is typst's own, with its hints."""


@dataclass(frozen=True)
class Attachment:
    """A file inside the PDF (PDF/A-3, ISO 32000-2 §7.11.4).

    ``relationship`` is ``data``, ``source``, ``alternative`` or ``supplement``.
    """

    name: str
    content: bytes
    media_type: str
    description: str
    relationship: str = "data"


async def render_pdf(
    template: Traversable,
    data: Mapping[str, Any],
    *,
    created_at: datetime,
    images: Mapping[str, bytes] | None = None,
    attachments: Sequence[Attachment] = (),
    pdf_standard: PdfStandard = "a-3b",
) -> bytes:
    """Typeset in a thread, since it takes 20–500 ms of CPU; arguments and errors as `typeset`."""
    return await asyncio.to_thread(
        typeset,
        template,
        data,
        created_at=created_at,
        images=images,
        attachments=attachments,
        pdf_standard=pdf_standard,
    )


def typeset(
    template: Traversable,
    data: Mapping[str, Any],
    *,
    created_at: datetime,
    images: Mapping[str, bytes] | None = None,
    attachments: Sequence[Attachment] = (),
    pdf_standard: PdfStandard = "a-3b",
) -> bytes:
    """Typeset the template with these data and give the PDF; blocks the thread it runs in.

    ``data`` is anything JSON can say; ``images`` maps a name that the template knows to an SVG, PNG or JPEG;
    ``created_at`` (aware) is the document's date, so that the same input gives the same bytes.
    Raises `TypesettingError` when the template is wrong or asks for what the data lack.
    """
    printable = cleaned(data)
    with tempfile.TemporaryDirectory(prefix="sliproad-typeset-") as folder:
        root = Path(folder)
        _lay_out(root, template, images or {}, attachments)
        for attempt in (_as_it_is, _without_missing_glyphs, _ascii_only):
            (root / "input.json").write_text(json.dumps(attempt(printable)), encoding="utf-8")
            with contextlib.suppress(_GlyphMissingError):
                return _compile(root, created_at, pdf_standard)
    raise TypesettingError("the template itself uses a character that no font has")


def cleaned(value: Any) -> Any:
    """The same JSON value, every text fit for print: NFC, no control, no bidirectional override, no lone surrogate."""
    return _every_text(value, _clean_text)


class _GlyphMissingError(Exception):
    pass


def _lay_out(root: Path, template: Traversable, images: Mapping[str, bytes], attachments: Sequence[Attachment]) -> None:
    (root / "main.typ").write_text(_MAIN, encoding="utf-8")
    _copy(template, root / "template")
    stored_images: dict[str, str] = {}
    for number, (name, content) in enumerate(images.items()):
        stored_images[name] = f"images/{number}"
        _write(root / stored_images[name], content)
    listed = []
    for number, attachment in enumerate(attachments):
        _write(root / "attached" / str(number), attachment.content)
        listed.append(
            {
                "name": PurePosixPath(attachment.name).name,
                "stored_as": str(number),
                "relationship": attachment.relationship,
                "media_type": attachment.media_type,
                "description": attachment.description,
            }
        )
    (root / "images.json").write_text(json.dumps(stored_images), encoding="utf-8")
    (root / "attachments.json").write_text(json.dumps(listed), encoding="utf-8")


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_file() and entry.name.endswith((".typ", ".svg")):
            (target / entry.name).write_bytes(entry.read_bytes())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def _compile(root: Path, created_at: datetime, pdf_standard: PdfStandard) -> bytes:
    try:
        return typst.compile(
            root / "main.typ",
            root=root,
            ignore_system_fonts=True,
            pdf_standards=pdf_standard,
            timestamp=int(created_at.timestamp()),
            package_path=root / "no-packages",
            package_cache_path=root / "no-packages",
        )
    except typst.TypstError as error:
        if _MISSING_GLYPH in error.message:
            raise _GlyphMissingError from error
        raise TypesettingError("; ".join([error.message, *error.hints])) from error


def _as_it_is(value: Any) -> Any:
    return value


def _without_missing_glyphs(value: Any) -> Any:
    written: set[str] = set()

    def note(text: str) -> str:
        written.update(character for character in text if not character.isascii())
        return text

    _every_text(value, note)
    missing = _without_glyph(sorted(written))
    return _every_text(value, lambda text: _replaced(text, missing))


def _ascii_only(value: Any) -> Any:
    return _every_text(value, lambda text: re.sub(r"[^\x20-\x7e\n]+", REPLACEMENT, text))


def _without_glyph(characters: list[str]) -> frozenset[str]:
    """Those of the characters that no font of the wheel can draw.

    typst names only the first missing glyph of a document, so all are drawn once as SVG, where a missing one is the
    same symbol as U+FFFF, which never is a character.
    """
    svg: bytes = typst.compile(
        _PROBE,
        format="svg",
        ignore_system_fonts=True,
        sys_inputs={"characters": json.dumps(["\uffff", *characters]), "families": json.dumps(FONT_FAMILIES)},
    )
    drawn = {round(float(y) / 20) - 1: symbol for y, symbol in _PROBE_GLYPH.findall(svg.decode())}
    return frozenset(
        character for row, character in enumerate(characters, start=1) if drawn.get(row) == drawn.get(0, "none")
    )


def _replaced(text: str, missing: frozenset[str]) -> str:
    """The text with what can't be drawn as one U+FFFD each; joiners and marks go with the character they belong to."""
    kept: list[str] = []
    after_replacement = False
    for character in text:
        if after_replacement and unicodedata.category(character) in {"Mn", "Me", "Cf", "Sk"}:
            continue
        after_replacement = character in missing
        kept.append(REPLACEMENT if after_replacement else character)
    return "".join(kept)


def _clean_text(text: str) -> str:
    return "".join(_clean_character(character) for character in unicodedata.normalize("NFC", text))


def _clean_character(character: str) -> str:
    if character == "\n" or (character.isascii() and character.isprintable()):
        return character
    category = unicodedata.category(character)
    if category == "Cc":
        return " "
    if character in _BIDI_CONTROLS:
        return ""
    return REPLACEMENT if category in {"Cs", "Co", "Cn"} else character


def _every_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _every_text(entry, change) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_every_text(entry, change) for entry in value]
    return value
