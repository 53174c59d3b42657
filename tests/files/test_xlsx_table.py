"""Excel workbooks are read as tables."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import pytest

from qctl.errors import RejectedError
from qctl.files.xlsx_table import XlsxTable, is_workbook

COLUMNS = {"sku": ("sku",), "quantity": ("quantity", "qty"), "name": ("name",)}


def workbook(*rows: list[Any]) -> io.BytesIO:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out


def table(file: io.BytesIO, max_bytes: int = 10**7) -> XlsxTable:
    assert is_workbook(file)
    return XlsxTable(file, COLUMNS, ("sku", "quantity"), max_bytes)


def test_cells_are_text_as_in_csv() -> None:
    sheet = table(
        workbook(
            [],
            ["SKU", "Name", "Qty", "Colour"],
            ["A1", "Größe", 12.0, "red"],
            [7, None, 2.5],
            [None],
            ["B", datetime(2026, 1, 31), 1],
        )
    )
    assert sheet.ignored == ["Colour"]
    assert [(row.number, dict(row.values)) for row in sheet] == [
        (3, {"sku": "A1", "name": "Größe", "quantity": "12"}),
        (4, {"sku": "7", "name": "", "quantity": "2.5"}),
        (6, {"sku": "B", "name": "2026-01-31T00:00:00", "quantity": "1"}),
    ]


def test_workbook_that_cannot_be_used_says_what_to_do() -> None:
    with pytest.raises(RejectedError, match="lacks the columns"):
        table(workbook(["one"], [1]))
    with pytest.raises(RejectedError, match="MAX_FILE_SIZE"):
        table(workbook(["sku", "quantity"]), max_bytes=100)
    with pytest.raises(RejectedError, match="save it as"):
        is_workbook(io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"))
    assert not is_workbook(io.BytesIO(b"sku,quantity\n"))


def test_damaged_workbook_is_rejected() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<no")
    with pytest.raises(RejectedError, match="cannot be read"):
        table(out)
