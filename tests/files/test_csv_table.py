"""Tables are read whatever program wrote them."""

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


def lines(data: bytes | str) -> list[CsvRow]:
    raw = data.encode() if isinstance(data, str) else data
    return list(CsvTable(io.BytesIO(raw), COLUMNS, ("sku", "quantity")))


def values(data: bytes | str) -> list[dict[str, str]]:
    return [dict(line.values) for line in lines(data)]


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
def test_other_scripts(coding: str, word: str) -> None:
    rows = "".join(f"A{n}\t{word}\t{n}\n" for n in range(20))
    assert values(f"sku\tname\tquantity\n{rows}".encode(coding))[0]["name"] == word


def test_a_letter_that_comes_late_decides_too() -> None:
    rows = "".join(f"A{n},plain,1\n" for n in range(5000))
    assert detect_encoding(io.BytesIO(f"sku,name,quantity\n{rows}Z,Gerät für Äpfel,1\n".encode("latin-1"))) != "utf-8"


@given(
    cells=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\ufffd\ufeff"), max_size=20), min_size=1),
    delimiter=st.sampled_from(",;\t|:"),
    quote=st.sampled_from("\"'"),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
@example(cells=['"', "'", "\\\"'"], delimiter=",", quote='"', end="\n", quoting=csv.QUOTE_ALL)
def test_every_dialect_that_the_writer_has(
    cells: list[str], delimiter: str, quote: str, end: str, quoting: int
) -> None:
    told = [cell.strip() for cell in cells if "\\" not in cell]
    out = io.StringIO()
    rows = csv.writer(out, delimiter=delimiter, quotechar=quote, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    rows.writerow(["sku", "name", "quantity"])
    rows.writerows(["A", cell, "1"] for cell in told)
    if quote == "'" and quoting == csv.QUOTE_MINIMAL:
        return  # nothing in the first line says so
    assert [line["name"].strip() for line in values(out.getvalue())] == told


def test_what_excel_puts_before_it_and_blank_lines() -> None:
    assert values("sep=;\r\n\r\n\r\nArticle ; QTY\r\n\r\nA;1\r\n;;\r\n") == [{"sku": "A", "quantity": "1"}]
    assert [line.number for line in lines("sep=;\n\nsku;quantity\n\nA;1\n;\nB;2\n")] == [5, 7]


def test_backslashes_before_quotes() -> None:
    assert values('sku,name,quantity\nA,"2\\" pipe",1\n')[0]["name"] == '2" pipe'


def test_bad_lines_are_told_with_their_number_and_the_rest_is_read() -> None:
    found = lines(b'sku,name,quantity\nA,ok,1\nB,too,many,1\nC,bad \xc3( \xc3\xa4 \xff,1\nD,few\nE,"open,1\nF,ok,2\n')
    assert next(line.number for line in found if line.problem) == 3
    assert "more cells" in (found[1].problem or "")
    assert found[0].values["sku"] == "A"
    assert found[3].values["quantity"] == ""


def test_an_endless_quote_does_not_swallow_memory() -> None:
    found = lines('sku,quantity\nA,1\n"B' + "x\n" * 200_000)
    assert found[0].values["sku"] == "A"
    assert "field larger" in (found[1].problem or "")


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
def test_what_is_no_such_table_is_rejected(data: bytes) -> None:
    with pytest.raises(RejectedError):
        lines(data)


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_rejected(data: bytes) -> None:
    for raw in (data, b"sku,quantity\n" + data):
        with suppress(RejectedError):
            lines(raw)
