"""The four numbers at the top of the overview: what comes in, what goes out, what fails, and how long jobs wait."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from qctl import view
from qctl.models import QueueStats, Series, Step
from qctl.ops.health_rules import (
    FAILED_SHARE_ERROR,
    FAILED_SHARE_WARNING,
    WAIT_ERROR_SECONDS,
    WAIT_WARNING_SECONDS,
)
from qctl.tui.widgets.tile import TileContent
from qctl.view import Style

HOUR_SECONDS, MINUTE_SECONDS = 3600.0, 60.0

TITLES: Mapping[str, str] = {"In": "8", "Out": "8", "Errors": "4", "Oldest": "2"}
"""Titles of the tiles, each with the page that it leads to."""


def contents(
    queues: Sequence[QueueStats], hour: Series | None, ages: Sequence[float | None]
) -> Mapping[str, TileContent]:
    """Content of each tile by its title. `hour` has a step for each minute, None if it is not read yet, and `ages` the
    oldest age of each minute."""

    def series(value: Callable[[Step], float | None]) -> list[float | None]:
        # The running minute has only begun, so its counts are too small.
        return [value(step) for step in hour.steps[:-1]] if hour else []

    arrivals = series(lambda step: None if step.arrived is None else step.arrived / MINUTE_SECONDS)
    departures = series(lambda step: step.finished / MINUTE_SECONDS)
    failures = series(lambda step: step.error_rate)
    failed, ended = sum(q.recent_failed for q in queues), sum(q.recent_failed + q.recent_finished for q in queues)
    share = failed / ended if ended else None
    oldest = max((queue.oldest_age for queue in queues if queue.oldest_age is not None), default=None)
    return {
        "In": TileContent(_rate(queue.in_rate for queue in queues), "", arrivals),
        "Out": TileContent(_rate(queue.out_rate for queue in queues), "", departures),
        "Errors": TileContent(
            view.share(share), _style(share, FAILED_SHARE_WARNING, FAILED_SHARE_ERROR), failures, 1.0
        ),
        "Oldest": TileContent(view.duration(oldest), _style(oldest, WAIT_WARNING_SECONDS, WAIT_ERROR_SECONDS), ages),
    }


def _rate(rates: Iterable[float | None]) -> str:
    known = [rate for rate in rates if rate is not None]
    return f"{view.rate(sum(known))}/s" if known else view.NO_VALUE


def _style(value: float | None, warning: float, error: float) -> Style:
    if value is None:
        return "dim"
    return "bad" if value >= error else "warn" if value >= warning else "good"
