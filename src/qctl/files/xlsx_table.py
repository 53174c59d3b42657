"""Reads the first sheet of an Excel workbook as a table with a header. Formulas have their last value."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, BinaryIO

from qctl import extras
from qctl.errors import RejectedError
from qctl.files.csv_table import Columns, CsvRow, choose_columns

MAX_COLUMNS = 500
"""Columns that are read."""

_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def is_workbook(file: BinaryIO) -> bool:
    """True if a file is an Excel workbook (.xlsx). Raises RejectedError for .xls and .ods."""
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    if head == _OLD_WORKBOOK:
        raise RejectedError("it is an .xls workbook: save it as .xlsx or CSV")
    if not head.startswith(b"PK\x03\x04"):
        return False
    try:
        names = set(zipfile.ZipFile(file).namelist())
    except (zipfile.BadZipFile, ValueError):
        return False
    finally:
        file.seek(0)
    if "content.xml" in names and "mimetype" in names:
        raise RejectedError("it is an .ods workbook: save it as .xlsx or CSV")
    return "xl/workbook.xml" in names


class XlsxTable:
    """A sheet with a header, as `csv_table.CsvTable`. Raises RejectedError if it has no such sheet, UnusableError if
    openpyxl is not installed. What it unpacks to is limited to `max_bytes`."""

    encoding = "xlsx"
    delimiter = ""

    def __init__(self, file: BinaryIO, columns: Columns, required: Sequence[str], max_bytes: int) -> None:
        openpyxl = extras.load("openpyxl", extra="xlsx", needed_by="this .xlsx file")
        if sum(entry.file_size for entry in zipfile.ZipFile(file).infolist()) > max_bytes:
            raise RejectedError("its content is larger than MAX_FILE_SIZE")
        try:
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
            self._rows = enumerate(workbook.worksheets[0].iter_rows(values_only=True, max_col=MAX_COLUMNS), 1)
            self._columns, self.ignored = self._find_header(columns, required)
        except RejectedError:
            raise
        except Exception as error:  # openpyxl raises whatever its parser of XML and numbers does
            raise RejectedError(f"the workbook cannot be read: {type(error).__name__}") from error

    def _find_header(self, columns: Columns, required: Sequence[str]) -> tuple[dict[str, int], list[str]]:
        for _, row in self._rows:
            headings = [_text(value).strip() for value in row]
            if not any(headings):
                continue
            chosen = choose_columns(headings, columns)
            if not all(column in chosen for column in required):
                break
            used = set(chosen.values())
            return chosen, [name for index, name in enumerate(headings) if name and index not in used]
        raise RejectedError(f"its header lacks the columns {' and '.join(required)}")

    def __iter__(self) -> Iterator[CsvRow]:
        while True:
            try:
                number, row = next(self._rows)
            except StopIteration:
                return
            except Exception as error:
                raise RejectedError(f"the workbook cannot be read: {type(error).__name__}") from error
            cells = [_text(value) for value in row]
            if any(cell.strip() for cell in cells):
                values = {name: cells[index] if index < len(cells) else "" for name, index in self._columns.items()}
                yield CsvRow(number, cells, values)


def _text(value: Any) -> str:
    """A cell as text, as it would be in CSV."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, date) else str(value)
