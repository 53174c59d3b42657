"""Owner of stdout and stderr: stdout carries data, stderr carries messages.

The default format is a table on a terminal, tab-separated text with a header in a pipe; -o selects json, jsonl, csv or
names. Text from outside is always escaped: JSON is ASCII, all other text goes through `safe`.
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

NO_LIMIT = 1 << 40
"""Characters of a value in data formats, which never truncate."""


class Format(str, Enum):
    """Values of -o."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    NAME = "name"


class StdoutClosedError(Exception):
    """The reader of stdout closed it."""


TABLES_VARIABLE = "QCTL_DRAW_TABLES"
"""Environment variable that the monitor sets to 1 for the command lines that it runs."""


class Output:
    """Prints documents in the chosen format, and messages. `format` None selects the default for the kind of stdout.

    `replica` is the address of the replica that was read, which JSON documents name; None for the primary.
    """

    def __init__(self) -> None:
        self.format: Format | None = None
        self.replica: str | None = None
        self.colour = True
        self._captured: list[str] | None = None
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")

    # --- data ---

    def listing(self, document: Document, table: Table[Any]) -> None:
        """Print rows: `table` for a person, the document's rows or the whole document for a program."""
        if self.format is None and not is_read_by_people(sys.stdout):
            self._write(_separated(document, "\t"))
        elif self.format in (None, Format.TABLE):
            self._write_table(table)
        else:
            self._write_document(document, self.format)

    def report(self, document: Document, lines: Sequence[Cell]) -> None:
        """Print sentences for a person, the document for a program."""
        if self.format in (None, Format.TABLE):
            self._write_lines(lines)
        else:
            self._write_document(document, self.format)

    def stream(self, document: Document, lines: Sequence[Cell], *, first: bool) -> None:
        """Print the next rows of an endless list: `lines` for a person, the document's rows for a program.

        Each row is one line, also in JSON.
        """
        tabs = self.format is None and not is_terminal(sys.stdout)
        if tabs or self.format is Format.CSV:
            text = _separated(document, "\t" if tabs else ",")
            self._write(text if first else text.partition("\n")[2])
        elif self.format in (None, Format.TABLE):
            self._write_lines(lines)
        else:
            self._write_document(document, Format.JSONL if self.format is Format.JSON else self.format)

    def _write_document(self, document: Document, format: Format) -> None:
        if format is Format.JSON:
            source = {"replica": self.replica} if self.replica else {}
            text = _json({**document.as_json(), **source}, indent=2) + "\n"
        elif format is Format.JSONL:
            text = "".join(_json(record) + "\n" for record in document.records)
        elif format is Format.CSV:
            text = _separated(document, ",")
        else:
            text = "".join(f"{_name(cell(record, document.name))}\n" for record in document.records)
        self._write(text)

    def _write_table(self, table: Table[Any]) -> None:
        if not table.rows:
            self.say(table.empty)
            return
        from qctl.cli.table_rendering import render

        console = self._console(sys.stdout)
        with console.capture() as captured:
            for line in render(table, console):
                console.print(line, no_wrap=True, crop=False)
        self._write(captured.get())
        self._write_lines(table.footer)

    def _write_lines(self, lines: Sequence[Cell]) -> None:
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
    def captured(self) -> Iterator[list[str]]:
        """Collect the text for stdout instead of printing it."""
        self._captured = []
        try:
            yield self._captured
        finally:
            self._captured = None

    def print(self, text: str) -> None:
        """Print text that is already escaped: captured output or cursor movements."""
        self._write(text)

    def _write(self, text: str) -> None:
        if self._captured is not None:
            self._captured.append(text)
            return
        try:
            if sys.stdout is None:  # closed before the start
                raise BrokenPipeError
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            _discard_buffer(sys.stdout)
            if isinstance(error, BrokenPipeError):
                raise StdoutClosedError from error
            raise QctlError(f"stdout cannot be written: {error.strerror}") from error

    # --- messages ---

    def say(self, text: str) -> None:
        """Print one message line."""
        self._write_message(f"{escape_line(text)}\n")

    def prompt(self, text: str) -> None:
        """Print a question and stay on its line."""
        self._write_message(escape_line(text) + " ")

    def complain(self, message: str, hint: str | None = None) -> None:
        """Print an error on one line, with the next command to run."""
        self.say(f"qctl: {message.rstrip('.')}" + (f"; {hint}" if hint else ""))

    def complain_of(self, error: QctlError) -> None:
        """Print an error of qctl on one line, with the next command to run."""
        self.complain(error.message, error.hint)

    def show_traceback(self, text: str) -> None:
        """Print a traceback, for --debug."""
        self._write_message(escape_text(text))

    def _write_message(self, text: str) -> None:
        try:
            if sys.stderr is not None:
                sys.stderr.write(text)
                sys.stderr.flush()
        except OSError:
            _discard_buffer(sys.stderr)  # no reader is left

    @contextmanager
    def progress(self, label: str) -> Iterator[Progress]:
        """Yield a progress callback: a bar if stderr is a terminal, and a message if the action stops early."""
        processed = 0
        try:
            with self._bar(label) as show:

                def update(done: int, total: int | None) -> None:
                    nonlocal processed
                    processed = done
                    show(done, total)

                yield update
        except (KeyboardInterrupt, QctlError):
            if processed:
                self.say(f"{label}: stopped after about {processed}; run the command again to continue")
            raise

    @contextmanager
    def _bar(self, label: str) -> Iterator[Progress]:
        if not is_terminal(sys.stderr):
            yield lambda _done, _total: None
            return
        from qctl.cli.progress_bar import progress_bar

        with progress_bar(escape_line(label), self._console(sys.stderr)) as show:
            yield show

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console, ConsoleDimensions

        no_colour = None if self.colour else True
        console = Console(file=stream, no_color=no_colour, highlight=False, markup=False, emoji=False)
        if console.is_dumb_terminal:  # Rich assumes 80 columns
            console.size = ConsoleDimensions(*get_terminal_size())
        return console


def is_terminal(stream: TextIO | None) -> bool:
    """Return True if the stream is a terminal. A stream that was closed before the start is None."""
    return stream is not None and stream.isatty()


def is_read_by_people(stream: TextIO | None) -> bool:
    """Return True if the stream is a terminal, or a program shows it to a person: the monitor, or `watch`."""
    return is_terminal(stream) or os.environ.get(TABLES_VARIABLE) == "1" or _is_run_by_watch()


def _is_run_by_watch() -> bool:
    """Return True if procps's `watch` runs this command itself, and not as a part of a pipe. Linux only."""
    try:
        with open(f"/proc/{os.getppid()}/comm", "rb") as file:
            return file.read().strip() == b"watch"
    except OSError:
        return False


def _discard_buffer(stream: TextIO | None) -> None:
    """Redirect a stream to /dev/null, so that flushing its buffer at exit raises nothing."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _json(value: Any, indent: int | None = None) -> str:
    """Dump as ASCII without control characters. DEL is the only one that `json` does not escape."""
    return json.dumps(value, indent=indent, allow_nan=False).replace("\x7f", "\\u007f")


def _separated(document: Document, delimiter: str) -> str:
    """Format a header and one line per row. Tab-separated text is never quoted: its cells hold no tab or newline."""
    is_csv = delimiter == ","
    lines = io.StringIO()
    write = csv.writer(lines, lineterminator="\n").writerow if is_csv else _tab_writer(lines)
    write([column.replace(".", "_") for column in document.columns])
    for record in document.records:
        values = [cell(record, column) for column in document.columns]
        write([_csv_cell(value) if is_csv else _plain(value) for value in values])
    return lines.getvalue()


def _tab_writer(lines: io.StringIO) -> Callable[[list[str]], Any]:
    return lambda values: lines.write("\t".join(values) + "\n")


def _name(value: Any) -> str:
    """Format a name as the next command of a pipe reads it: as JSON text if a line would change it."""
    text = _plain(value)
    if isinstance(value, str) and (text != value or value != value.strip() or value.startswith(('"', "{", "-"))):
        return _json(value)
    return text


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return _json(value)
    return escape_line(str(value), limit=NO_LIMIT)


def _csv_cell(value: Any) -> str:
    """Format a csv cell that no spreadsheet evaluates as a formula. Numbers stay numbers, negative ones too."""
    text = _plain(value)
    return escape_cell(text) if isinstance(value, (str, list)) else text
