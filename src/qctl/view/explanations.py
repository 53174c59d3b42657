"""Lines that explain the state of a job or a queue."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell
from qctl.view.values import duration, local_time

if TYPE_CHECKING:
    from qctl.models import Explanation


def explanation(explained: Explanation, now: datetime) -> list[Cell]:
    """The state in a line, then each reason, with the command that changes it below."""
    lines = [_headline(explained, now)]
    for reason in explained.reasons:
        lines.append(Cell(f"- {escape_line(reason.message)}", "bad" if reason.blocks else ""))
        if reason.fix:
            lines.append(Cell(f"  {escape_line(reason.fix)}", "dim"))
    return lines


def _headline(explained: Explanation, now: datetime) -> Cell:
    subject = f"queue {explained.queue}" if explained.id is None else f"job {explained.id} of queue {explained.queue}"
    text = f"{escape_line(subject)}: {escape_line(explained.state)}"
    if explained.due is not None:
        text += f", due {local_time(explained.due, now)}"
    if explained.starts_in is not None:
        end = "empty" if explained.id is None else "starts"
        text += f", {end} in about {duration(explained.starts_in)}"
    return Cell(text, "warn" if explained.is_blocked else "good")
