"""Sheets with stock: their columns, and how their cells become the fields of products. docs/sheets.md has the rules."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from qctl.errors import RejectedError
from qctl.files.csv_table import Columns, CsvRow, CsvTable
from qctl.files.sheet_numbers import plain_number, rounded
from qctl.files.unpack import open_content
from qctl.files.xlsx_table import XlsxTable, is_workbook
from qctl.jobs.batches import settings
from qctl.safe import unescape_cell
from qctl.store.products import PRICE_DECIMALS

COLUMNS = {
    "sku": ("sku", "article", "article number", "product code"),
    "name": ("name", "product", "title", "description"),
    "quantity": ("quantity", "qty", "stock", "amount", "stock_quantity", "stock quantity"),
    "threshold": ("threshold", "minimum", "min", "reorder level", "min_threshold", "min threshold"),
    "price": ("price", "unit price"),
}
"""Accepted headings of each column of an import, the best first. The first is the heading in an export."""

REQUIRED = ("sku", "quantity")

MAX_LISTED_COLUMNS = 50
"""Headings of ignored columns in a result."""


@dataclass(frozen=True)
class SheetReading:
    """Rules to read a sheet, as the arguments of a job declare them."""

    encoding: str | None
    columns: Columns
    decimal: str | None

    @classmethod
    def of(
        cls, encoding: str | None = None, mapping: Mapping[str, str] | None = None, decimal: str | None = None
    ) -> SheetReading:
        """Check the arguments. A heading of `mapping` is the only one of its field. Raises RejectedError."""
        if decimal not in (None, ".", ","):
            raise RejectedError(f"decimal is {decimal!r:.20}; allowed: '.' and ','")
        columns = dict(COLUMNS)
        for field, heading in (mapping or {}).items():
            if field not in COLUMNS or not isinstance(heading, str):
                raise RejectedError(f"unknown field {field!r:.40} in mapping; allowed: {', '.join(COLUMNS)}")
            columns[field] = (heading.strip().lower(),)
        return cls(encoding, columns, decimal)


@contextmanager
def open_sheet(file: BinaryIO, reading: SheetReading, max_bytes: int) -> Iterator[CsvTable | XlsxTable]:
    """Open a workbook, or CSV that may be packed. Raises RejectedError."""
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        if is_workbook(copy):
            yield XlsxTable(copy, reading.columns, REQUIRED, max_bytes)
            return
        with open_content(copy, max_bytes) as text:
            fallback = settings().sheet_encoding
            yield CsvTable(text, reading.columns, REQUIRED, encoding=reading.encoding, fallback=fallback)


def product_fields(line: CsvRow, delimiter: str, decimal: str | None = None) -> dict[str, str]:
    """The fields of a product on a line, as `store.products.parse_item` parses them."""
    fields = {name: unescape_cell(cell) for name, cell in line.values.items()}
    for name in fields.keys() & {"quantity", "threshold", "price"}:
        fields[name] = plain_number(fields[name], decimal=decimal, delimiter=delimiter)
    if "price" in fields:
        fields["price"] = rounded(fields["price"], PRICE_DECIMALS)
    return fields
