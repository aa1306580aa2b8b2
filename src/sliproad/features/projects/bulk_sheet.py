"""Spreadsheets as they come out of Excel, LibreOffice and scripts: read into rows by column name, and written safely.

Pure. `bulk_routes` reads what was uploaded and writes the answer in the same dialect (separator, byte order mark).
"""

import codecs
import csv
import difflib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sliproad.foundation.errors import FieldError, InvalidInput

REQUIRED = ("serial_number", "vendor", "model")
COLUMNS = {
    **{name: name for name in REQUIRED},
    "charge_point_id": "charge_point_id",
    "ocpp_version": "ocpp_version",
    "max_power_kw": "max_power_kw",
    "connector_count": "connector_count",
    "latitude": "location.latitude",
    "longitude": "location.longitude",
    "location_description": "location.description",
    "location_address": "location.address",
}
"""Column -> the field of a registration that it is."""
ALSO = {
    "location_latitude": "latitude",
    "location_longitude": "longitude",
    "description": "location_description",
    "address": "location_address",
}
NUMBERS = frozenset({"ocpp_version", "max_power_kw", "connector_count", "latitude", "longitude"})
SEPARATORS = ",;\t"
ENCODINGS = frozenset({"utf-8", "iso8859-1", "cp1252"})
DECIMAL_COMMA = re.compile(r"(-?\d+),(\d+)")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a sheet is written: what separates its cells, and whether a byte order mark tells Excel that it is UTF-8."""

    separator: str = ","
    has_mark: bool = False


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row: its number as a spreadsheet shows it (the header is 1), its cells by column, and what is wrong with its shape."""

    number: int
    cells: dict[str, str]
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    dialect: Dialect
    rows: tuple[SheetRow, ...]


def read(content: bytes, encoding: str = "utf-8") -> Sheet:
    """The rows of a CSV file with a header row; empty cells and rows are left out.

    Comma, semicolon or tab separate; a line `sep=;` before the header is Excel's own and passed over. Beside commas, numbers
    have a decimal point; beside semicolons and tabs they may have a comma, as half of Europe writes them.

    Raises:
        InvalidInput: it is no text, no CSV, or its header does not fit; told by column.
    """
    text, has_mark = decoded(content, encoding)
    separator, text, skipped = _separator(text)
    try:
        records = [
            list(map(str.strip, record))
            for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        ]
    except csv.Error as error:
        raise InvalidInput.field("file", f"is not sound CSV: {error}") from None
    if not any(map(any, records)):
        raise InvalidInput.field("file", "is empty")
    if not any(records[0]):
        raise InvalidInput.field("header", f"is missing: the first row must name the columns: {', '.join(COLUMNS)}")
    header = _header(records[0], separator)
    rows = tuple(
        _row(number, header, record, separator)
        for number, record in enumerate(records[1:], start=2 + skipped)
        if any(record)
    )
    return Sheet(Dialect(separator, has_mark), rows)


def write(dialect: Dialect, header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file of `rows`; what a spreadsheet would take for a formula gets an apostrophe in front. None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=dialect.separator)
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return (codecs.BOM_UTF8 if dialect.has_mark else b"") + out.getvalue().encode()


def _harmless(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text


def decoded(content: bytes, encoding: str) -> tuple[str, bool]:
    """The text without its byte order mark, and whether there was one.

    Raises:
        InvalidInput: it is no text of this encoding.
    """
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        name = ""
    if name not in ENCODINGS:
        raise InvalidInput.field("charset", "must be utf-8, iso-8859-1 or windows-1252")
    has_mark = content.startswith(codecs.BOM_UTF8)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # Excel's "Unicode text"
        name, has_mark = "utf-16", True
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode(name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInput.field(
            "file", f"is not {name.upper()} (line {line}); in Excel save it as “CSV UTF-8 (Comma delimited)”"
        ) from None
    if "\0" in text:
        raise InvalidInput.field("file", "must not contain U+0000; is it a CSV file?")
    return text, has_mark


def _separator(text: str) -> tuple[str, str, int]:
    """What separates cells, the text from the header on, and how many rows stand before it."""
    if told := re.match(r"sep=(.)\r?\n", text):
        if told[1] not in SEPARATORS:
            raise InvalidInput.field("file", "must separate cells by comma, semicolon or tab")
        return told[1], text[told.end() :], 1
    header = text.partition("\n")[0]
    return max(SEPARATORS, key=header.count), text, 0


def _header(names: Sequence[str], separator: str) -> list[str]:
    """The columns by our names; a nameless one, as spreadsheets leave them at the end, is the empty text."""
    columns = [_column(name) for name in names]
    if not set(columns) & set(COLUMNS):
        hint = "" if len(columns) > 1 else " Separate cells by comma, semicolon or tab."
        raise InvalidInput.field(
            "header", f"is missing: the first row must name the columns: {', '.join(COLUMNS)}.{hint}"
        )
    wrong = [
        FieldError(name, _unknown(column, separator))
        for name, column in zip(names, columns, strict=True)
        if column and column not in COLUMNS
    ]
    wrong += [
        FieldError(column, "stands in the header twice")
        for at, column in enumerate(columns)
        if column and column in columns[:at]
    ]
    wrong += [FieldError(column, "is missing in the header") for column in REQUIRED if column not in columns]
    if wrong:
        raise InvalidInput("; ".join(f"{each.field} {each.message}" for each in wrong[:3]), tuple(wrong))
    return columns


def _column(name: str) -> str:
    plain = re.sub(r"[\s.\-]+", "_", name.lower())
    return ALSO.get(plain, plain)


def _unknown(column: str, separator: str) -> str:
    if column in {"project_id", "all_or_nothing"}:
        return "is not a column: say it once for the whole file, in the query or the form"
    if near := difflib.get_close_matches(column, COLUMNS, 1):
        return f"is not a column; did you mean {near[0]}?"
    return f"is not a column; the columns are {(separator + ' ').join(COLUMNS)}"


def _row(number: int, header: Sequence[str], record: Sequence[str], separator: str) -> SheetRow:
    cells = {}
    for column, cell in zip(header, record, strict=False):
        if column and cell:
            cells[column] = _number(cell, separator) if column in NUMBERS else cell
    is_shifted = any(record[len(header) :]) or any(
        cell for column, cell in zip(header, record, strict=False) if not column
    )
    message = f"has {len(record)} cells, more than the header names; put cells with a {separator!r} inside in quotes"
    return SheetRow(number, cells, (FieldError("row", message),) if is_shifted else ())


def _number(cell: str, separator: str) -> str:
    return cell if separator == "," else DECIMAL_COMMA.sub(r"\1.\2", cell)
