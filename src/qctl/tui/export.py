"""Rows of a screen as data: JSON of one, or all that are shown in a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qctl.errors import QctlError, RefusedError
from qctl.safe import redact
from qctl.view import Column, quantity

FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for a formula at the beginning of a cell (OWASP, CSV injection)."""


def as_json(row: Any) -> str:
    """A model as JSON, secrets taken out."""
    return redact(json.dumps(_data(row), indent=2, default=_plain, ensure_ascii=True))


def write(file: Path, columns: Sequence[Column[Any]], rows: Sequence[Any]) -> str:
    """Write rows into a new file: as data where its name ends in .json, else the columns as CSV. Returns what was done.

    Raises RefusedError where there is such a file, and QctlError where it cannot be written.
    """
    if file.suffix.lower() == ".json":
        text = redact(json.dumps([_data(row) for row in rows], indent=2, default=_plain)) + "\n"
    else:
        text = _csv(columns, rows)
    file = file.expanduser()
    try:
        with file.open("x", encoding="utf-8", newline="") as out:
            out.write(text)
    except FileExistsError:
        raise RefusedError(f"{str(file)!r} is there already, and is not written over") from None
    except OSError as error:
        raise QctlError(f"{str(file)!r} cannot be written: {error.strerror}") from error
    return f"{quantity(len(rows), 'row')} written to {file.absolute()}"


def _csv(columns: Sequence[Column[Any]], rows: Sequence[Any]) -> str:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(column.title for column in columns)
    for row in rows:
        lines.writerow(_harmless(redact(column.cell(row).text)) for column in columns)
    return text.getvalue()


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet runs."""
    return f"'{cell}" if cell.startswith(FORMULA) and len(cell) > 1 else cell


def _data(row: Any) -> Any:
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else row


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return str(value)
