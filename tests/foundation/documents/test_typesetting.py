"""Typesetting: what people and charge points wrote is text, whatever it says (trust D2), and the PDF says what it carries."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sliproad.foundation.documents.typesetting import (
    REPLACEMENT,
    Attachment,
    TypesettingError,
    cleaned,
    render_pdf,
    typeset,
)
from sliproad.foundation.documents.verification import extract_attachments

WRITTEN_AT = datetime(2026, 5, 1, 14, 45, tzinfo=UTC)
A_LETTER = """
#let render(data, images) = [
  #set document(title: data.text)
  #set text(font: ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"))
  #set page(width: 200mm, height: auto)
  #data.text
  #if "seal" in images { image(images.seal, width: 10mm) }
]
"""


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    return a_template(tmp_path, A_LETTER)


def a_template(folder: Path, source: str) -> Path:
    template = folder / "letter"
    template.mkdir(parents=True)
    (template / "document.typ").write_text(source)
    return template


def text_of(pdf: bytes) -> str:
    return subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()


def printed(letter: Path, text: str) -> str:
    return text_of(typeset(letter, {"text": text}, created_at=WRITTEN_AT)).strip()


@pytest.mark.parametrize(
    "text",
    [
        "#eval(1+1)",
        "#read(main.typ)",
        '#include "main.typ"',
        "*bold* _italic_ = Heading",
        "<script>alert(1)</script>",
        "@reference $x^2$ `raw` ~ \\u{41}",
        "]] }} #panic(now)",
    ],
)
def test_markup_in_text_is_printed_and_not_obeyed(letter: Path, text: str) -> None:
    assert printed(letter, text) == text


@pytest.mark.parametrize("text", ["Łódź", "Ελληνικά", "Привет", "Grüße aus Zürich", "İstanbul ğ ş", "Ørsted Åse"])
def test_european_scripts_are_printed_as_written(letter: Path, text: str) -> None:
    assert printed(letter, text) == text


@pytest.mark.parametrize("text", ["עברית", "العربية"])
def test_right_to_left_scripts_are_printed(letter: Path, text: str) -> None:
    assert REPLACEMENT not in printed(letter, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bay 😀", f"Bay {REPLACEMENT}"),
        ("東京 Tokyo", f"{REPLACEMENT * 2} Tokyo"),
        ("one\x00two\x07three", "one two three"),
        ("\u202egnp.exe", "gnp.exe"),
        ("family 👨\u200d👩\u200d👧", f"family {REPLACEMENT * 3}"),
        ("half \ud800 pair", f"half {REPLACEMENT} pair"),
    ],
)
def test_what_no_font_has_is_shown_as_missing_and_nothing_breaks(letter: Path, text: str, expected: str) -> None:
    assert printed(letter, text) == expected


def test_five_hundred_characters_arrive_whole(letter: Path) -> None:
    name = "Charger " * 62 + "Ende"

    assert " ".join(printed(letter, name).split()) == name


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_makes_a_document(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    letter = a_template(tmp_path_factory.mktemp("letter"), A_LETTER)

    assert typeset(letter, {"text": text}, created_at=WRITTEN_AT).startswith(b"%PDF-1.7")


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_cleaning_is_idempotent_and_leaves_only_encodable_text(value: object) -> None:
    clean = cleaned({"value": value})

    json.dumps(list(clean.values()), ensure_ascii=False)
    assert cleaned(clean) == clean


async def test_attachments_come_out_as_they_went_in(letter: Path) -> None:
    record = Attachment("record.json", b'{"energy_wh":21}', "application/json", "The record")

    pdf = await render_pdf(letter, {"text": "x"}, created_at=WRITTEN_AT, attachments=[record])

    assert extract_attachments(pdf) == {"record.json": b'{"energy_wh":21}'}
    assert b"/AFRelationship/Data" in pdf


def test_an_attachments_name_is_no_path(letter: Path) -> None:
    record = Attachment("../../etc/record.json", b"{}", "application/json", "The record")

    pdf = typeset(letter, {"text": "x"}, created_at=WRITTEN_AT, attachments=[record])

    assert list(extract_attachments(pdf)) == ["record.json"]


def test_it_declares_pdf_a_3(letter: Path) -> None:
    pdf = typeset(letter, {"text": "x"}, created_at=WRITTEN_AT)

    assert b"<pdfaid:part>3</pdfaid:part>" in pdf


def test_the_same_input_gives_the_same_bytes(letter: Path) -> None:
    seal = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>'

    first, second = (typeset(letter, {"text": "x"}, created_at=WRITTEN_AT, images={"seal": seal}) for _ in range(2))

    assert first == second


def test_a_wrong_template_says_what_is_wrong(tmp_path: Path) -> None:
    wrong = a_template(tmp_path, "#let render(data, images) = [#data.nothing]")

    with pytest.raises(TypesettingError, match="nothing"):
        typeset(wrong, {"text": "x"}, created_at=WRITTEN_AT)


def test_a_template_can_not_read_outside_its_folder(tmp_path: Path) -> None:
    curious = a_template(tmp_path, '#let render(data, images) = [#read("/../../../../etc/hostname")]')

    with pytest.raises(TypesettingError):
        typeset(curious, {"text": "x"}, created_at=WRITTEN_AT)


def test_a_template_with_a_glyph_that_no_font_has_is_refused(tmp_path: Path) -> None:
    wrong = a_template(tmp_path, "#let render(data, images) = [東京]")

    with pytest.raises(TypesettingError, match="no font"):
        typeset(wrong, {}, created_at=WRITTEN_AT)
