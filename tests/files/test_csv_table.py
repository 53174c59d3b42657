"""CSV files of different programs are parsed."""

from __future__ import annotations

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qctl.errors import RejectedError
from qctl.files.csv_table import CsvRow, CsvTable, detect_encoding

COLUMNS = {"sku": ("sku", "article"), "quantity": ("quantity", "qty"), "name": ("name",)}


def parse(data: bytes | str) -> list[CsvRow]:
    raw = data.encode() if isinstance(data, str) else data
    return list(CsvTable(io.BytesIO(raw), COLUMNS, ("sku", "quantity")))


def values(data: bytes | str) -> list[dict[str, str]]:
    return [dict(row.values) for row in parse(data)]


TEXT = "sku;name;quantity\r\nA1;Größe für Käse;5\r\nB2;Höhe;7\r\n"


@pytest.mark.parametrize(
    "coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_encodings(coding: str) -> None:
    assert values(TEXT.encode(coding)) == [
        {"sku": "A1", "name": "Größe für Käse", "quantity": "5"},
        {"sku": "B2", "name": "Höhe", "quantity": "7"},
    ]


@pytest.mark.parametrize(
    ("coding", "word"),
    [
        ("cp1251", "Молоток слесарный с деревянной ручкой"),  # noqa: RUF001 - Russian
        ("shift_jis", "これは日本語の商品名です。品質の高い商品"),
        ("gb18030", "这是一个中文的商品名称,质量很好"),
    ],
)
def test_declared_encoding_is_used(coding: str, word: str) -> None:
    content = f"sku\tname\tquantity\nA\t{word}\t1\n".encode(coding)
    for options in ({"encoding": coding}, {"fallback": coding}):
        (row,) = CsvTable(io.BytesIO(content), COLUMNS, ("sku", "quantity"), **options)
        assert row.values["name"] == word
    with pytest.raises(RejectedError, match="unknown encoding"):
        CsvTable(io.BytesIO(content), COLUMNS, ("sku", "quantity"), encoding="klingon")


def test_letter_far_below_the_header_counts() -> None:
    rows = "".join(f"A{n},plain,1\n" for n in range(5000))
    content = f"sku,name,quantity\n{rows}Z,Gerät für Äpfel,1\n"
    assert detect_encoding(io.BytesIO(content.encode("latin-1"))) == "cp1252"
    assert detect_encoding(io.BytesIO(content.encode())) == "utf-8"


def test_one_short_word_is_read_as_windows_1252() -> None:
    for word in ("Café crème", "Größe M", "Muñeca", "Maçã", "Smörgås", "Rødgrød", "Gutschein 10 €", "½ Zoll"):
        assert values(f"sku;name;quantity\r\nA;{word};5\r\n".encode("cp1252"))[0]["name"] == word


def test_of_several_columns_the_first_name_counts_and_others_are_named() -> None:
    content = b"ID,SKU,Title,Description,Name,Qty\n1,A,t,d,n,5\n"
    names = {**COLUMNS, "name": ("name", "title", "description")}
    table = CsvTable(io.BytesIO(content), names, ("sku", "quantity"))
    assert [row.values["name"] for row in table] == ["n"]
    assert table.ignored == ["ID", "Title", "Description"]


def test_quoted_cell_that_ends_in_a_backslash_ends() -> None:
    content = 'sku,name,quantity\r\nb1,"Box C:\\",3\r\nb2,Lamp,4\r\nb3,Mug,5\r\n'
    assert [(row["name"], row["quantity"]) for row in values(content)] == [
        ("Box C:\\", "3"),
        ("Lamp", "4"),
        ("Mug", "5"),
    ]


@given(
    cells=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd\ufeff"), max_size=20), min_size=1),
    delimiter=st.sampled_from(",;\t|:"),
    quote=st.sampled_from("\"'"),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
@example(cells=["0\n0"], delimiter=",", quote='"', end="\r", quoting=csv.QUOTE_MINIMAL)
@example(cells=['"', "'", "\\\"'"], delimiter=",", quote='"', end="\n", quoting=csv.QUOTE_ALL)
def test_every_dialect_of_the_csv_writer(cells: list[str], delimiter: str, quote: str, end: str, quoting: int) -> None:
    expected = [cell.strip() for cell in cells if "\\" not in cell]
    if quoting == csv.QUOTE_MINIMAL:
        # Before Python 3.13 the writer leaves a line end unquoted that is not its own, which nobody can read back.
        expected = [cell for cell in expected if not {"\r", "\n"}.intersection(cell)]
    out = io.StringIO()
    rows = csv.writer(out, delimiter=delimiter, quotechar=quote, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    rows.writerow(["sku", "name", "quantity"])
    rows.writerows(["A", cell, "1"] for cell in expected)
    if quote == "'" and quoting == csv.QUOTE_MINIMAL:
        return  # the header does not show the quote
    assert [row["name"].strip() for row in values(out.getvalue())] == expected


def test_sep_line_of_excel_and_blank_lines_are_skipped() -> None:
    assert values("sep=;\r\n\r\n\r\nArticle ; QTY\r\n\r\nA;1\r\n;;\r\n") == [{"sku": "A", "quantity": "1"}]
    assert [row.number for row in parse("sep=;\n\nsku;quantity\n\nA;1\n;\nB;2\n")] == [5, 7]


def test_backslash_escapes_quotes() -> None:
    assert values('sku,name,quantity\nA,"2\\" pipe",1\n')[0]["name"] == '2" pipe'


def test_bad_rows_have_a_problem_and_the_rest_is_read() -> None:
    rows = parse(b'sku,name,quantity\nA,ok,1\nB,too,many,1\nC,bad \xc3( \xc3\xa4 \xff,1\nD,few\nE,"open,1\nF,ok,2\n')
    assert next(row.number for row in rows if row.problem) == 3
    assert "more cells" in (rows[1].problem or "")
    assert rows[0].values["sku"] == "A"
    assert rows[3].values["quantity"] == ""


def test_unclosed_quote_is_limited() -> None:
    rows = parse('sku,quantity\nA,1\n"B' + "x\n" * 200_000)
    assert rows[0].values["sku"] == "A"
    assert "field larger" in (rows[1].problem or "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"one,two\n1,2\n",
        b"sku\nA\n",
        b"sku,sku,quantity\n",
        b"\0\0\0\0",
        b"\x89PNG\r\n\x1a\n",
        b"\xff" * 50,
    ],
)
def test_file_without_required_columns_is_rejected(data: bytes) -> None:
    with pytest.raises(RejectedError):
        parse(data)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_only_rejected_error(data: bytes) -> None:
    for raw in (data, b"sku,quantity\n" + data):
        with suppress(RejectedError):
            parse(raw)
