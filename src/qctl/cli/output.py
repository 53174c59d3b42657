"""The one owner of stdout and stderr: stdout is data, stderr is talk.

A table on a terminal, tab-separated text with a header in a pipe, and json, jsonl, csv or names where asked for.
Nothing that came from outside leaves here as it came: JSON is ASCII, all else goes through `safe`.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO

from qctl.cli.documents import Document, cell
from qctl.errors import QctlError
from qctl.safe import escape_cell, escape_line, escape_text
from qctl.view import Cell, Table

if TYPE_CHECKING:
    from rich.console import Console

    from qctl.models import Progress

UNCUT = 1 << 40
"""Data is never shortened, unlike what a person reads."""


class Format(str, Enum):
    """What -o takes."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    NAME = "name"


class StdoutClosedError(Exception):
    """Whoever read stdout went away."""


class Output:
    """Prints documents in the chosen format, and talks. `format` None means what suits where stdout goes."""

    def __init__(self) -> None:
        self.format: Format | None = None
        self.colour = True
        self._held: list[str] | None = None
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    # --- data ---

    def listing(self, document: Document, table: Table[Any]) -> None:
        """Print rows: as `table` for a person, as the document's rows or whole for a program."""
        if self.format is None and not is_terminal(sys.stdout):
            self._write(_separated(document, "\t"))
        elif self.format in (None, Format.TABLE):
            self._table(table)
        else:
            self._machine(document, self.format)

    def report(self, document: Document, lines: Sequence[Cell]) -> None:
        """Print sentences for a person, the document for a program."""
        if self.format in (None, Format.TABLE):
            self._lines(lines)
        else:
            self._machine(document, self.format)

    def endless(self, document: Document, lines: Sequence[Cell], *, first: bool) -> None:
        """Print the next rows of a list that has no end: `lines` for a person, the document's rows for a program, one
        a line. What is a whole by itself elsewhere, JSON, is a line a row here too."""
        tabs = self.format is None and not is_terminal(sys.stdout)
        if tabs or self.format is Format.CSV:
            text = _separated(document, "\t" if tabs else ",")
            self._write(text if first else text.partition("\n")[2])
        elif self.format in (None, Format.TABLE):
            self._lines(lines)
        else:
            self._machine(document, Format.JSONL if self.format is Format.JSON else self.format)

    def _machine(self, document: Document, wanted: Format) -> None:
        if wanted is Format.JSON:
            text = _json(document.as_json(), indent=2) + "\n"
        elif wanted is Format.JSONL:
            text = "".join(_json(record) + "\n" for record in document.records)
        elif wanted is Format.CSV:
            text = _separated(document, ",")
        else:
            text = "".join(f"{_plain(cell(record, document.name))}\n" for record in document.records)
        self._write(text)

    def _table(self, table: Table[Any]) -> None:
        if not table.rows:
            self.say(table.empty)
            return
        from qctl.cli.table_rendering import draw

        console = self._console(sys.stdout)
        with console.capture() as captured:
            for line in draw(table, console):
                console.print(line, no_wrap=True, crop=False)
        self._write(captured.get())
        self._lines(table.footer)

    def _lines(self, lines: Sequence[Cell]) -> None:
        if not is_terminal(sys.stdout):
            self._write("".join(f"{escape_text(line.text)}\n" for line in lines))
            return
        from rich.text import Text

        from qctl.cli.table_rendering import COLOURS

        console = self._console(sys.stdout)
        with console.capture() as captured:
            for line in lines:
                console.print(Text(escape_text(line.text), COLOURS[line.style]), soft_wrap=True)
        self._write(captured.get())

    @contextmanager
    def held(self) -> Iterator[list[str]]:
        """Collect what would be printed to stdout, instead of printing it."""
        self._held = []
        try:
            yield self._held
        finally:
            self._held = None

    def print(self, text: str) -> None:
        """Print what was collected, or what moves the cursor: it is inert already."""
        self._write(text)

    def _write(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)
            return
        try:
            if sys.stdout is None:  # closed before we started
                raise BrokenPipeError
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            _abandon(sys.stdout)
            if isinstance(error, BrokenPipeError):
                raise StdoutClosedError from error
            raise QctlError(f"stdout cannot be written: {error.strerror}") from error

    # --- talk ---

    def say(self, text: str) -> None:
        """Print one line of talk."""
        self._talk(f"{escape_line(text)}\n")

    def prompt(self, text: str) -> None:
        """Print a question and stay on its line."""
        self._talk(escape_line(text) + " ")

    def complain(self, message: str, hint: str | None = None) -> None:
        """Print why the command ended, on one line, with the next command to run."""
        self.say(f"qctl: {message.rstrip('.')}" + (f"; {hint}" if hint else ""))

    def complain_of(self, error: QctlError) -> None:
        """Print an error of our own, on one line, with the next command to run."""
        self.complain(error.message, error.hint)

    def show_traceback(self, text: str) -> None:
        """Print a traceback, for --debug."""
        self._talk(escape_text(text))

    def _talk(self, text: str) -> None:
        try:
            if sys.stderr is not None:
                sys.stderr.write(text)
                sys.stderr.flush()
        except OSError:
            _abandon(sys.stderr)  # nobody is left to tell

    @contextmanager
    def progress(self, label: str) -> Iterator[Progress]:
        """Tell how far a bulk act is: by a bar where stderr is a terminal, and where it stopped if it did."""
        reached = 0
        try:
            with self._bar(label) as show:

                def told(done: int, total: int | None) -> None:
                    nonlocal reached
                    reached = done
                    show(done, total)

                yield told
        except (KeyboardInterrupt, QctlError):
            if reached:
                self.say(f"{label}: stopped after about {reached}; run it again to go on")
            raise

    @contextmanager
    def _bar(self, label: str) -> Iterator[Progress]:
        if not is_terminal(sys.stderr):
            yield lambda _done, _total: None
            return
        from qctl.cli.progress_bar import drawn

        with drawn(escape_line(label), self._console(sys.stderr)) as show:
            yield show

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console, ConsoleDimensions

        no_colour = None if self.colour else True
        console = Console(file=stream, no_color=no_colour, highlight=False, markup=False, emoji=False)
        if console.is_dumb_terminal:  # Rich takes each for one of 80 columns
            console.size = ConsoleDimensions(*get_terminal_size())
        return console


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person is at the other end. A stream that was closed before we started is None."""
    return stream is not None and stream.isatty()


def _abandon(stream: TextIO | None) -> None:
    """Send what a stream still holds to nowhere: nobody reads it, and the end of Python would complain."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _json(value: Any, indent: int | None = None) -> str:
    """ASCII without control characters: DEL is the one that `json` lets through."""
    return json.dumps(value, indent=indent, allow_nan=False).replace("\x7f", "\\u007f")


def _separated(document: Document, delimiter: str) -> str:
    """A header and one line a row. Tab-separated text is never quoted: its cells hold no tab or newline."""
    is_csv = delimiter == ","
    lines = io.StringIO()
    write = csv.writer(lines, lineterminator="\n").writerow if is_csv else _tabbed(lines)
    write([column.replace(".", "_") for column in document.columns])
    for record in document.records:
        values = [cell(record, column) for column in document.columns]
        write([_harmless(value) if is_csv else _plain(value) for value in values])
    return lines.getvalue()


def _tabbed(lines: io.StringIO) -> Callable[[list[str]], Any]:
    return lambda values: lines.write("\t".join(values) + "\n")


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return _json(value)
    return escape_line(str(value), limit=UNCUT)


def _harmless(value: Any) -> str:
    """A csv cell that no spreadsheet takes for a formula. Numbers stay numbers, negative ones too."""
    text = _plain(value)
    return escape_cell(text) if isinstance(value, (str, list)) else text
