"""Lines of a page about one thing: named values, titled sections and payloads."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell
from qctl.view.values import NO_VALUE, age, local_time, size

if TYPE_CHECKING:
    from qctl.models import Payload
    from qctl.view.table import Style


def detail_line(name: str, value: str, style: Style = "") -> Cell:
    """Format one named value."""
    return Cell(f"{name:<9} {escape_line(value)}", style)


def section(title: str, text: str | None = None) -> list[Cell]:
    """Format a title and the text below it."""
    return [Cell(""), Cell(title, "dim"), *([] if text is None else [Cell(text)])]


def ago(when: datetime | None, now: datetime) -> str:
    """`5m ago, 14:05`."""
    return f"{age(when, now)} ago, {local_time(when, now)}" if when else NO_VALUE


def payload_section(title: str, payload: Payload, description: str) -> list[Cell]:
    """Format the payload of a job, as far as it can be read without executing it."""
    binary = f"not JSON, and never unpickled; description: {description or NO_VALUE}"
    return section(f"{title}, {size(payload.size)}", binary if payload.text is None else payload.text)
