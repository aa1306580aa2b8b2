"""CSV as spreadsheets write it, and what they must not run when they read ours."""

import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sliproad.features.projects.bulk_sheet import Dialect, read, write
from sliproad.foundation.errors import InvalidInput


def refusal(content: bytes | str, encoding: str = "utf-8") -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        read(content.encode() if isinstance(content, str) else content, encoding)
    return {error.field: error.message for error in refused.value.errors}


HEADER = "serial_number,vendor,model"


@pytest.mark.parametrize(
    ("content", "separator", "has_mark"),
    [
        (b"serial_number,vendor,model,location_address\nS1,ABB,Terra,G\xc3\xbcterstr. 1\n", ",", False),
        (b"\xef\xbb\xbfserial_number;vendor;model;location_address\r\nS1;ABB;Terra;G\xc3\xbcterstr. 1\r\n", ";", True),
        (b"sep=;\r\nserial_number;vendor;model;location_address\r\nS1;ABB;Terra;G\xc3\xbcterstr. 1", ";", False),
        ("serial_number\tvendor\tmodel\tlocation_address\r\nS1\tABB\tTerra\tGüterstr. 1".encode("utf-16"), "\t", True),
        (b'Serial Number, Vendor ,MODEL,"Location.Address"\r"S1",ABB,Terra,"G\xc3\xbcterstr. 1"\r', ",", False),
    ],
    ids=["script", "Excel, half of Europe", "told separator", "Excel's Unicode text", "by hand"],
)
def test_each_way_to_write_the_same_sheet(content: bytes, separator: str, has_mark: bool) -> None:
    sheet = read(content)
    assert sheet.dialect == Dialect(separator, has_mark)
    cells = {"serial_number": "S1", "vendor": "ABB", "model": "Terra", "location_address": "Güterstr. 1"}
    assert [row.cells for row in sheet.rows] == [cells]


def test_another_encoding_has_to_be_told() -> None:
    content = "serial_number;vendor;model\r\nS1;Güter;M".encode("cp1252")
    assert "CSV UTF-8" in refusal(content)["file"]
    assert "line 2" in refusal(content)["file"]
    assert read(content, "windows-1252").rows[0].cells["vendor"] == "Güter"
    assert list(refusal(content, "utf-7")) == list(refusal(content, "odd")) == ["charset"]


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    sheet = read(f'{HEADER}\nS1,A,"two\nlines"\n\n,,\nS2,A,M\n'.encode())
    assert [(row.number, row.cells["serial_number"]) for row in sheet.rows] == [(2, "S1"), (5, "S2")]


def test_a_decimal_comma_is_one_where_commas_separate_nothing() -> None:
    header = "serial_number;vendor;model;ocpp_version;max_power_kw;latitude;description"
    cells = read(f"{header}\nS;V;M;1,6;22,5;-0,1278;1,5 m".encode()).rows[0].cells
    assert cells["ocpp_version"] == "1.6"
    assert (cells["max_power_kw"], cells["latitude"], cells["location_description"]) == ("22.5", "-0.1278", "1,5 m")
    assert read(f'{HEADER},max_power_kw\nS,V,M,"22,5"'.encode()).rows[0].cells["max_power_kw"] == "22,5"


@pytest.mark.parametrize(
    ("header", "field", "says"),
    [
        ("serial_number,vendor", "model", "is missing in the header"),
        (f"{HEADER},serial_numbr", "serial_numbr", "did you mean serial_number?"),
        (f"{HEADER},colour", "colour", "the columns are serial_number, vendor"),
        (f"{HEADER},Project_ID", "Project_ID", "say it once for the whole file"),
        (f"{HEADER},vendor", "vendor", "stands in the header twice"),
        (f"{HEADER},address,location_address", "location_address", "stands in the header twice"),
        ("SN-1,ABB,Terra", "header", "the first row must name the columns: serial_number"),
        ("serial_number|vendor|model", "header", "Separate cells by comma, semicolon or tab"),
        ("", "header", "is missing"),
    ],
)
def test_a_wrong_header_says_what_would_be_right(header: str, field: str, says: str) -> None:
    assert says in refusal(f"{header}\nSN-1,ABB,Terra,x\n")[field]


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n", b",,\n", b"sep=|\nserial_number|vendor|model\n"])
def test_a_file_without_a_sheet_is_refused(content: bytes) -> None:
    assert list(refusal(content)) == ["file"]


@pytest.mark.parametrize("content", [f'{HEADER}\n"S1,V,M\n', f"{HEADER}\nS\0,V,M\n", f'{HEADER}\n"S"1,V,M\n'])
def test_what_is_no_csv_is_refused(content: str) -> None:
    assert list(refusal(content)) == ["file"]


def test_a_shifted_row_is_told_and_others_are_not() -> None:
    rows = read(f"{HEADER}\nS1,V,Berlin, Mitte\nS2,V,M,,\nS3,V\n".encode()).rows
    assert [[error.field for error in row.errors] for row in rows] == [["row"], [], []]
    assert rows[2].cells == {"serial_number": "S3", "vendor": "V"}


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-1", "@SUM(A1)", '=HYPERLINK("http://a.example")'])
def test_what_looks_like_a_formula_is_text_on_its_way_in_and_out(text: str) -> None:
    quoted = text.replace('"', '""')
    assert read(f'{HEADER}\n"{quoted}",V,M'.encode()).rows[0].cells["serial_number"] == text
    (_, row) = csv.reader(io.StringIO(write(Dialect(), ["a"], [[text]]).decode(), newline=""))
    assert row == [f"'{text}"]


def test_an_answer_is_written_in_the_dialect_of_the_question() -> None:
    written = write(Dialect(";", has_mark=True), ["row", "detail"], [[2, "Güter; Bahnhof"], [3, None]])
    assert written == '\ufeffrow;detail\r\n2;"Güter; Bahnhof"\r\n3;\r\n'.encode()


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"{HEADER}\n{text}".encode(errors="ignore")))
def test_whatever_is_uploaded_is_a_sheet_or_refused(content: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        assert all(row.number > 1 and (row.cells or row.errors) for row in read(content).rows)
