"""Lines that jobs logged."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell
from qctl.view.values import NO_VALUE, count, local_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qctl.models import JobLogs, LogLine
    from qctl.view.table import Style

_STYLES: dict[str, Style] = {"warning": "warn", "error": "bad", "critical": "bad", "debug": "dim"}


def job_log(logs: JobLogs, now: datetime) -> list[Cell]:
    """Format the lines of all runs, each below its attempt."""
    cells = []
    for run in logs.runs:
        started = local_time(run.started_at, now) if run.started_at else NO_VALUE
        worker = f" on {run.worker}" if run.worker else ""
        cells.append(Cell(escape_line(f"attempt {run.number}{worker}, {started}: {run.outcome}"), "dim"))
        dropped = run.total - len(run.lines)
        if dropped > 0:
            cells.append(Cell(f"  {count(dropped)} earlier lines were dropped", "dim"))
        cells += _lines(run.lines)
    return cells


def job_log_lines(logs: JobLogs) -> list[Cell]:
    """Format the lines alone, as they follow."""
    return [cell for run in logs.runs for cell in _lines(run.lines)]


def _lines(lines: Sequence[LogLine]) -> list[Cell]:
    return [
        Cell(
            f"{line.at.astimezone():%H:%M:%S} {escape_line(line.level):<8} {escape_line(line.text)}",
            _STYLES.get(line.level, ""),
        )
        for line in lines
    ]
