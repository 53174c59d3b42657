"""Input files of commands: opening a file or stdin, bounded lines, and the report of rejected lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from qctl.errors import NotFoundError, QctlError
from qctl.models import RejectedLine
from qctl.view import Cell

STDIN = "-"
"""File name that means stdin."""

MAX_LINE_BYTES = 1 << 26
"""Bytes of a line. A longer line is rejected without reading its rest into memory."""

MAX_LISTED_LINES = 20
"""Rejected lines printed one by one; the rest are counted."""


@contextmanager
def open_input(file: str) -> Iterator[BinaryIO | None]:
    """Open a file, or stdin for `-`; None if stdin is closed. Raises NotFoundError and QctlError."""
    if file == STDIN:
        yield sys.stdin.buffer if sys.stdin else None
        return
    try:
        with Path(file).open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise NotFoundError(f"file {file!r} not found") from None
    except OSError as error:
        raise QctlError(f"file {file!r} cannot be read: {error.strerror}") from error


def read_lines(stream: BinaryIO | None) -> Iterator[bytes]:
    """Yield lines, each at most long enough to be rejected for its length."""
    while stream is not None and (line := stream.readline(MAX_LINE_BYTES + 2)):
        yield line
        while line and not line.endswith(b"\n") and len(line) > MAX_LINE_BYTES:
            line = stream.readline(MAX_LINE_BYTES)


def rejected_lines(lines: Sequence[RejectedLine], total: int) -> list[Cell]:
    """List the first rejected lines with their reasons, and count the rest."""
    cells = [Cell(f"  line {bad.line}: {bad.reason}", "bad") for bad in lines[:MAX_LISTED_LINES]]
    if total > MAX_LISTED_LINES:
        cells.append(Cell(f"  and {total - MAX_LISTED_LINES} more lines; list more with --json", "bad"))
    return cells
