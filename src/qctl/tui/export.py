"""Rows as data: JSON for one, CSV or JSON files for all rows of a page."""

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

FORMULA_PREFIXES = ("=", "+", "-", "@")
"""First characters of a cell that make a spreadsheet run it as a formula (OWASP, CSV injection)."""


def as_json(row: Any) -> str:
    """A model as JSON, with secrets redacted."""
    return redact(json.dumps(_data(row), indent=2, default=_json_value, ensure_ascii=True))


def write(file: Path, columns: Sequence[Column[Any]], rows: Sequence[Any]) -> str:
    """Write rows to a new file: as JSON if its name ends in .json, else their columns as CSV. Returns a summary.

    Raises RefusedError if the file exists, and QctlError if it cannot be written.
    """
    if file.suffix.lower() == ".json":
        text = redact(json.dumps([_data(row) for row in rows], indent=2, default=_json_value)) + "\n"
    else:
        text = _csv(columns, rows)
    file = file.expanduser()
    try:
        with file.open("x", encoding="utf-8", newline="") as out:
            out.write(text)
    except FileExistsError:
        raise RefusedError(f"{str(file)!r} exists and is not overwritten") from None
    except OSError as error:
        raise QctlError(f"cannot write {str(file)!r}: {error.strerror}") from error
    return f"{quantity(len(rows), 'row')} written to {file.absolute()}"


def _csv(columns: Sequence[Column[Any]], rows: Sequence[Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(column.title for column in columns)
    for row in rows:
        writer.writerow(_escape_formula(redact(column.cell(row).text)) for column in columns)
    return text.getvalue()


def _escape_formula(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_PREFIXES) and len(cell) > 1 else cell


def _data(row: Any) -> Any:
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else row


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return str(value)
