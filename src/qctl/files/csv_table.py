"""A table in a text file, whatever program wrote it: its encoding, delimiter and quotes are found out.

The columns that it must have tell more than guessing by statistics: the delimiter is the one by which the first line
has them.
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
LONGEST_LINE = 1 << 16
"""Characters of the first line that are looked at."""

SAMPLE = 1 << 16
"""Bytes by which an encoding is guessed: of lines with other letters than English ones."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNREAD = "\ufffd"
"""What stands where bytes are none of the encoding."""


@dataclass(frozen=True)
class Line:
    """One row. `number` is the line of the file on which it ends, `values` its cells by column, `problem` why it
    cannot be read."""

    number: int
    cells: Sequence[str]
    values: Mapping[str, str]
    problem: str | None = None


class Sheet:
    """A table whose first line names its columns.

    `columns` gives for each column the names that it may have, lower case; `needed` must be there. Others are passed
    over. Raises RejectedError where it has not those columns. `file` is bounded, and can be sought in.
    """

    def __init__(self, file: BinaryIO, columns: Mapping[str, Sequence[str]], needed: Sequence[str]) -> None:
        self.encoding = encoding(file)
        file.seek(0)
        self._text = io.TextIOWrapper(file, self.encoding, errors="replace", newline="")
        head = self._text.read(LONGEST_LINE)
        self._text.seek(0)
        self._skipped, first = _first_line(head)
        self._dialect, self._columns = _dialect(first, head, columns, needed)

    @property
    def delimiter(self) -> str:
        """What stands between two cells."""
        return self._dialect.delimiter

    def __iter__(self) -> Iterator[Line]:
        for _ in range(self._skipped):
            self._text.readline()
        rows = csv.reader(self._text, self._dialect)
        next(rows)
        while True:
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Line(self._skipped + rows.line_num, [], {}, f"it cannot be read: {error}")
                continue
            if any(cell.strip() for cell in cells):
                yield self._line(self._skipped + rows.line_num, cells)

    def _line(self, number: int, cells: list[str]) -> Line:
        problem = None
        if any(_UNREAD in cell for cell in cells):
            problem = f"it cannot be read as {self.encoding}"
        elif any(cell.strip() for cell in cells[self._width :]):
            problem = f"it has more cells than the {self._width} columns"
        values = {name: cells[place] if place < len(cells) else "" for name, place in self._columns.items()}
        return Line(number, cells, values, problem)

    @property
    def _width(self) -> int:
        return self._dialect.width


class _Dialect(csv.excel):
    """How the cells of a file are written, and how many columns it has."""

    skipinitialspace = True
    width = 0


def _first_line(head: str) -> tuple[int, str]:
    """How many lines come before the one that names the columns, and that one. Excel may say `sep=;` before it."""
    for place, line in enumerate(re.split(r"\r\n|\r|\n", head)):
        told = line.strip().lower()
        if told and not (told.startswith("sep=") and len(told) <= 5):
            return place, line
    raise RejectedError("it has no line that names its columns")


def _dialect(
    first: str, head: str, columns: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> tuple[_Dialect, dict[str, int]]:
    for delimiter, quote in itertools.product(DELIMITERS, "\"'"):
        dialect = _Dialect()
        dialect.delimiter, dialect.quotechar = delimiter, quote
        if f"\\{quote}" in head:
            dialect.escapechar = "\\"
        try:
            names = [cell.strip().lower() for cell in next(csv.reader([first], dialect))]
        except (csv.Error, StopIteration):
            continue
        found = {
            column: [place for place, name in enumerate(names) if name in known] for column, known in columns.items()
        }
        if all(found[column] for column in needed):
            twice = [column for column, places in found.items() if len(places) > 1]
            if twice:
                raise RejectedError(f"it has the column {twice[0]} twice")
            dialect.width = len(names)
            return dialect, {column: places[0] for column, places in found.items() if places}
    raise RejectedError(f"its first line does not name the columns {' and '.join(needed)}")


def encoding(file: BinaryIO) -> str:
    """How the text of a file is encoded: by its mark, by what UTF-8 and UTF-16 look like, else by its letters."""
    file.seek(0)
    head = file.read(4096)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    strange = bytearray()
    is_utf8 = True
    for line in iter(lambda: file.readline(SAMPLE), b""):
        if is_utf8:
            try:
                decoder.decode(line)
            except UnicodeDecodeError:
                is_utf8 = False
        if not line.isascii() and len(strange) < SAMPLE:
            strange += line
    if is_utf8:
        return "utf-8"
    best = from_bytes(bytes(strange[:SAMPLE])).best()
    return best.encoding if best else "cp1252"
