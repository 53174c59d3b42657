"""How far a bulk act is, on a terminal: a bar, how many of how many, how fast, and the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

WIDTH = 20
"""Columns of the bar: beside it a queue's name and a million of a million fit into 80."""

ENOUGH = 60
"""Columns below which there are words alone."""


class _Count(ProgressColumn):
    """`12,000/1,000,000`, and what of where there is room for words alone."""

    def __init__(self, template: str) -> None:
        self._template = template
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else f"{int(task.total):,}"
        return Text(self._template.format(count=f"{int(task.completed):,}/{total}", what=task.description))


class _Rate(ProgressColumn):
    """`15,000/s`, lately."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.{0 if speed >= 10 else 1}f}/s")


@contextmanager
def drawn(label: str, console: Console) -> Iterator[Callable[[int, int | None], None]]:
    """Draw it, and take it away at the end. Gives what is told how many items are done, of how many."""
    columns: list[ProgressColumn] = [_Count("{count} {what}")]
    if console.width >= ENOUGH:
        text = TextColumn("{task.description}", markup=False)
        columns = [text, BarColumn(bar_width=WIDTH), _Count("{count}"), _Rate(), TimeRemainingColumn()]
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(label, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
