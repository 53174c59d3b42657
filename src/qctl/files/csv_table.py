"""Parses CSV files of any program, and detects their encoding, delimiter and quotes.

Required columns are a better sign than statistics: the delimiter is the one with which the header contains them.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from charset_normalizer import from_bytes

from qctl.errors import RejectedError

DELIMITERS = ",;\t|:"
MAX_HEADER_CHARACTERS = 1 << 16
"""Maximum length of the header; the rest is ignored."""

SAMPLE_BYTES = 1 << 16
"""Size of the sample for detecting an encoding, taken from lines that are not ASCII."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_REPLACEMENT = "\ufffd"
"""Replacement for bytes that are invalid in the encoding."""


@dataclass(frozen=True)
class CsvRow:
    """One row. `number` is its last line in the file, `values` its cells by column, `problem` why it is unreadable."""

    number: int
    cells: Sequence[str]
    values: Mapping[str, str]
    problem: str | None = None


class CsvTable:
    """A table with a header.

    `columns` lists for each column its possible names in lower case. Columns in `required` must exist; unknown ones are
    ignored. `file` is seekable and limited in size. Raises RejectedError if a required column is missing.
    """

    def __init__(self, file: BinaryIO, columns: Mapping[str, Sequence[str]], required: Sequence[str]) -> None:
        self.encoding = detect_encoding(file)
        file.seek(0)
        self._text = io.TextIOWrapper(file, self.encoding, errors="replace", newline="")
        head = self._text.read(MAX_HEADER_CHARACTERS)
        self._text.seek(0)
        self._skipped_lines, header = _find_header(head)
        self._dialect, self._columns = _detect_dialect(header, head, columns, required)

    @property
    def delimiter(self) -> str:
        """The delimiter of cells."""
        return self._dialect.delimiter

    def __iter__(self) -> Iterator[CsvRow]:
        for _ in range(self._skipped_lines):
            self._text.readline()
        rows = csv.reader(self._text, self._dialect)
        next(rows)
        while True:
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield CsvRow(self._skipped_lines + rows.line_num, [], {}, f"cannot be read: {error}")
                continue
            if any(cell.strip() for cell in cells):
                yield self._parse_row(self._skipped_lines + rows.line_num, cells)

    def _parse_row(self, number: int, cells: list[str]) -> CsvRow:
        problem = None
        if any(_REPLACEMENT in cell for cell in cells):
            problem = f"cannot be decoded as {self.encoding}"
        elif any(cell.strip() for cell in cells[self._width :]):
            problem = f"has more cells than the {self._width} columns"
        values = {name: cells[index] if index < len(cells) else "" for name, index in self._columns.items()}
        return CsvRow(number, cells, values, problem)

    @property
    def _width(self) -> int:
        return self._dialect.width


class _Dialect(csv.excel):
    """The CSV dialect of a file, with its number of columns."""

    skipinitialspace = True
    width = 0


def _find_header(head: str) -> tuple[int, str]:
    """The header and the number of lines before it: empty lines, and Excel's `sep=;`."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", head)):
        text = line.strip().lower()
        if text and not (text.startswith("sep=") and len(text) <= 5):
            return number, line
    raise RejectedError("it has no header")


def _detect_dialect(
    header: str, head: str, columns: Mapping[str, Sequence[str]], required: Sequence[str]
) -> tuple[_Dialect, dict[str, int]]:
    for delimiter, quote in itertools.product(DELIMITERS, "\"'"):
        dialect = _Dialect()
        dialect.delimiter, dialect.quotechar = delimiter, quote
        if f"\\{quote}" in head:
            dialect.escapechar = "\\"
        try:
            names = [cell.strip().lower() for cell in next(csv.reader([header], dialect))]
        except (csv.Error, StopIteration):
            continue
        indexes = {
            column: [index for index, name in enumerate(names) if name in known] for column, known in columns.items()
        }
        if all(indexes[column] for column in required):
            duplicates = [column for column, matches in indexes.items() if len(matches) > 1]
            if duplicates:
                raise RejectedError(f"it has the column {duplicates[0]} twice")
            dialect.width = len(names)
            return dialect, {column: matches[0] for column, matches in indexes.items() if matches}
    raise RejectedError(f"its header lacks the columns {' and '.join(required)}")


def detect_encoding(file: BinaryIO) -> str:
    """Detect the encoding of a text: by its byte order mark, by the form of UTF-8 and UTF-16, else by statistics."""
    file.seek(0)
    head = file.read(4096)
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    sample = bytearray()
    is_utf8 = True
    for line in iter(lambda: file.readline(SAMPLE_BYTES), b""):
        if is_utf8:
            try:
                decoder.decode(line)
            except UnicodeDecodeError:
                is_utf8 = False
        if not line.isascii() and len(sample) < SAMPLE_BYTES:
            sample += line
    if is_utf8:
        return "utf-8"
    best = from_bytes(bytes(sample[:SAMPLE_BYTES])).best()
    return best.encoding if best else "cp1252"
