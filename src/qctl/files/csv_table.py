"""Parses CSV files of any program, and detects their encoding, delimiter and quotes.

Required columns are a better sign than statistics: the delimiter is the one with which the header contains them. An
encoding is never guessed: it is the one that is declared, or UTF-8, or the one of the settings.
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

from qctl.errors import RejectedError

DELIMITERS = ",;\t|:"
MAX_HEADER_CHARACTERS = 1 << 16
"""Maximum length of the header; the rest is ignored."""

DEFAULT_ENCODING = "cp1252"
"""Encoding of files that are not UTF-8, if no other is declared: that of Windows in Western Europe and America."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_REPLACEMENT = "\ufffd"
"""Replacement for bytes that are invalid in the encoding."""


Columns = Mapping[str, Sequence[str]]
"""Possible headings of each column, in lower case, the best first."""


@dataclass(frozen=True)
class CsvRow:
    """One row. `number` is its last line in the file, `values` its cells by column, `problem` why it is unreadable."""

    number: int
    cells: Sequence[str]
    values: Mapping[str, str]
    problem: str | None = None


class CsvTable:
    """A table with a header.

    `columns` lists for each column its possible names in lower case; if several match, the first of them counts.
    Columns in `required` must exist; `ignored` are the headings of the others. `encoding` is the declared one, else
    `fallback` is that of a file that is not UTF-8. `file` is seekable and limited in size. Raises RejectedError if a
    required column is missing.
    """

    def __init__(
        self,
        file: BinaryIO,
        columns: Columns,
        required: Sequence[str],
        *,
        encoding: str | None = None,
        fallback: str = DEFAULT_ENCODING,
    ) -> None:
        self.encoding = detect_encoding(file, encoding, fallback)
        file.seek(0)
        self._text = io.TextIOWrapper(file, self.encoding, errors="replace", newline="")
        head = self._text.read(MAX_HEADER_CHARACTERS)
        self._text.seek(0)
        self._skipped_lines, header = _find_header(head)
        self._dialect, self._columns = _detect_dialect(header, head, columns, required)
        used = set(self._columns.values())
        self.ignored = [name for index, name in enumerate(self._dialect.headings) if index not in used and name]

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
        elif any(cell.strip() for cell in cells[len(self._dialect.headings) :]):
            problem = f"has more cells than the {len(self._dialect.headings)} columns"
        values = {name: cells[index] if index < len(cells) else "" for name, index in self._columns.items()}
        return CsvRow(number, cells, values, problem)


class _Dialect(csv.excel):
    """The CSV dialect of a file, with its headings."""

    skipinitialspace = True
    headings: Sequence[str] = ()


def _find_header(head: str) -> tuple[int, str]:
    """The header and the number of lines before it: empty lines, and Excel's `sep=;`."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", head)):
        text = line.strip().lower()
        if text and not (text.startswith("sep=") and len(text) <= 5):
            return number, line
    raise RejectedError("it has no header")


def _detect_dialect(
    header: str, head: str, columns: Columns, required: Sequence[str]
) -> tuple[_Dialect, dict[str, int]]:
    for delimiter, quote in itertools.product(DELIMITERS, "\"'"):
        dialect = _Dialect()
        dialect.delimiter, dialect.quotechar = delimiter, quote
        try:
            headings = [cell.strip() for cell in next(csv.reader([header], dialect))]
        except (csv.Error, StopIteration):
            continue
        indexes = choose_columns(headings, columns)
        if all(column in indexes for column in required):
            dialect.headings = headings
            if f"\\{quote}" in head and _malformed_rows(head, dialect, None) > _malformed_rows(head, dialect, "\\"):
                dialect.escapechar = "\\"
            return dialect, indexes
    raise RejectedError(f"its header lacks the columns {' and '.join(required)}")


def choose_columns(headings: Sequence[str], columns: Columns) -> dict[str, int]:
    """The index of each column: of its names, the first that is a heading counts. Raises RejectedError if that heading
    occurs twice."""
    lowered = [heading.lower() for heading in headings]
    chosen = {}
    for column, names in columns.items():
        name = next((name for name in names if name in lowered), None)
        if name is not None and lowered.count(name) > 1:
            raise RejectedError(f"it has the column {name} twice")
        if name is not None:
            chosen[column] = lowered.index(name)
    return chosen


def _malformed_rows(head: str, dialect: _Dialect, escape: str | None) -> int:
    """Rows that do not follow the rules of quotes, if a backslash does or does not escape one."""
    reader = csv.reader(
        io.StringIO(head, newline=""),
        delimiter=dialect.delimiter,
        quotechar=dialect.quotechar,
        escapechar=escape,
        skipinitialspace=True,
        strict=True,
    )
    malformed = 0
    while True:
        try:
            malformed += len(next(reader)) > len(dialect.headings)
        except StopIteration:
            return malformed
        except csv.Error:
            malformed += 1


def detect_encoding(file: BinaryIO, declared: str | None = None, fallback: str = DEFAULT_ENCODING) -> str:
    """The encoding of a text: by its byte order mark, the declared one, UTF-16 by its NULs, UTF-8 if all of it is
    valid, else the fallback. Raises RejectedError if the declared one is unknown."""
    file.seek(0)
    head = file.read(4096)
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return name
    if declared is not None:
        try:
            return codecs.lookup(declared).name
        except LookupError:
            raise RejectedError(f"unknown encoding {declared!r:.40}; for example utf-8, windows-1252") from None
    if b"\0" in head:
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(1 << 16):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return fallback
    return "utf-8"
