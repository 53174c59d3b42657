"""Progress bar of bulk actions on a terminal: count, total, rate and remaining time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from rich import progress
from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

if TYPE_CHECKING:
    from qctl.models import Progress

DELAY_SECONDS = 0.5
"""Time before the bar appears: a short action shows none."""

BAR_WIDTH = 20
"""Width (cells) of the bar. The name of a queue and `1,000,000/1,000,000` fit beside it into 80 cells."""

MIN_WIDTH_WITH_BAR = 60
"""Width (cells) of a terminal below which only the count is shown."""


class _Count(ProgressColumn):
    """`12,000/1,000,000`, or `12,000/1,000,000 canceling` if there is no room for a bar."""

    def __init__(self, template: str) -> None:
        self._template = template
        super().__init__(Column(no_wrap=True))

    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else f"{int(task.total):,}"
        return Text(self._template.format(count=f"{int(task.completed):,}/{total}", label=task.description))


class _Rate(ProgressColumn):
    """Current rate: `15,000/s`."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.{0 if speed >= 10 else 1}f}/s")


@contextmanager
def progress_bar(label: str, console: Console) -> Iterator[Progress]:
    """Draw a progress bar after a delay, and yield the callback that updates it. The bar disappears at the end."""
    columns: list[ProgressColumn] = [_Count("{count} {label}")]
    if console.width >= MIN_WIDTH_WITH_BAR:
        text = TextColumn("{task.description}", markup=False)
        columns = [text, BarColumn(bar_width=BAR_WIDTH), _Count("{count}"), _Rate(), TimeRemainingColumn()]
    bar = progress.Progress(*columns, console=console, transient=True)
    task = bar.add_task(label, total=None)
    start = Timer(DELAY_SECONDS, bar.start)
    start.daemon = True
    start.start()
    try:
        yield lambda done, total: bar.update(task, completed=done, total=total)
    finally:
        start.cancel()
        start.join()
        if bar.live.is_started:
            bar.stop()
