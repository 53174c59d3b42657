"""The last runs of a schedule: a strip of signs for tables, and a line for each run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.quantities import quantity
from qctl.safe import escape_line
from qctl.view.details import detail_line
from qctl.view.sparklines import filled_graph
from qctl.view.table import Cell
from qctl.view.values import NO_VALUE, elapsed, local_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qctl.models import RunOutcome, ScheduleRun
    from qctl.view.table import Style

STRIP_RUNS = 8
"""Runs in a strip."""

SIGNS: Mapping[RunOutcome, tuple[str, Style]] = {
    "finished": ("●", "good"),
    "failed": ("✖", "bad"),
    "stopped": ("✖", "bad"),
    "canceled": ("■", "dim"),
    "running": ("▶", ""),
    "waiting": ("·", ""),
    "missed": ("○", "warn"),
    "dropped": ("○", "warn"),
    "skipped": ("-", "dim"),
    "unknown": ("?", "dim"),
}
"""Sign and style of an outcome."""

OVERLAP_SIGN = "▲"
"""Sign of a run that started before the last one had ended."""

LEGEND = "● finished  ✖ failed  ▲ overlapped  ○ missed"


def run_strip(runs: Sequence[ScheduleRun]) -> Cell:
    """The signs of the last runs, the newest at the right. The style is that of the last one, else of the worst."""
    shown = runs[-STRIP_RUNS:]
    if not shown:
        return Cell(NO_VALUE)
    styles = [_sign(run)[1] for run in shown]
    style: Style = "bad" if styles[-1] == "bad" else "warn" if {"bad", "warn"} & set(styles) else styles[-1]
    return Cell("".join(_sign(run)[0] for run in shown), style)


def run_lines(runs: Sequence[ScheduleRun], now: datetime) -> Iterator[Cell]:
    """Lines about the last runs, the newest first, after a graph of how long they took."""
    seconds = [run.seconds for run in runs]
    known = [value for value in seconds if value is not None]
    if len(known) > 1:
        graph = filled_graph(seconds, (len(runs) + 1) // 2, 1)[0]
        yield detail_line("run time", f"{graph} to {elapsed(max(known))}, {quantity(len(known), 'run')}")
    for run in reversed(runs):
        sign, style = _sign(run)
        yield Cell(f"{sign} {local_time(run.due_at, now)}  {_words(run)}", style)


def _sign(run: ScheduleRun) -> tuple[str, Style]:
    if run.overlaps and run.outcome == "finished":
        return OVERLAP_SIGN, "warn"
    return SIGNS.get(run.outcome, SIGNS["unknown"])  # a recording may hold anything


def _words(run: ScheduleRun) -> str:
    reasons = {"missed": "no scheduler ran", "dropped": "the last run had not ended", "skipped": "by an operator"}
    if run.outcome in reasons:
        return f"{quantity(run.count, 'run')} {run.outcome}: {reasons[run.outcome]}"
    if run.outcome == "unknown":
        return escape_line(f"outcome unknown, job {run.job} is deleted")
    took = "" if run.seconds is None else f" in {elapsed(run.seconds)}"
    overlap = ", before the last run had ended" if run.overlaps else ""
    return escape_line(f"{run.outcome}{took}{overlap}  {run.job}")
