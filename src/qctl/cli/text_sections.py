"""Parts of a page about one thing."""

from __future__ import annotations

from datetime import datetime

from qctl import view
from qctl.models import Payload
from qctl.view import Cell


def section(title: str, text: str | None = None) -> list[Cell]:
    """A title, and what stands under it."""
    return [Cell(""), Cell(title, "dim"), *([] if text is None else [Cell(text)])]


def ago(when: datetime | None, now: datetime) -> str:
    """`5m ago, 14:05`."""
    return f"{view.age(when, now)} ago, {view.local_time(when, now)}" if when else view.NO_VALUE


def payload(title: str, seen: Payload, description: str) -> list[Cell]:
    """What a job is called with, as far as it can be read without running it."""
    pickled = f"not JSON, and never unpickled; the job says of itself: {description or view.NO_VALUE}"
    return section(f"{title}, {view.size(seen.size)}", pickled if seen.text is None else seen.text)
