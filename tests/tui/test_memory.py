"""Bounds of the monitor's memory, however long it is open and however much happens."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from textual.strip import Strip

from cli.fake import stats_of
from qctl.models import Event, QueueStats
from qctl.tui.data import cached_data, dead_letter_cache
from qctl.tui.data.cached_data import CachedData
from qctl.tui.data.cpu_budget import CpuBudget
from qctl.tui.pages.events import MAX_EVENTS
from qctl.tui.widgets.grid_lines import GridLine
from tui.driving import Driver, drive
from tui.fake import MonitorOps
from tui.test_live import Stream

QUEUES = 50

ROUNDS = 10
"""Number of times that everything changes: enough to exceed the bounds if they did not hold."""

EACH = 300
"""Events of a round, each of another queue."""

KINDS = (Event, QueueStats, GridLine, Strip)


def alive() -> Counter[type]:
    """The number of living objects of each kind."""
    gc.collect()
    return Counter(type(each) for each in gc.get_objects() if type(each) in KINDS)


def test_memory_does_not_grow_with_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CpuBudget, "delay", lambda *_, **__: 0.0)
    stream, rounds = Stream(), [0]
    before = alive()

    def stats() -> Any:
        return stats_of(*(QueueStats(f"q{number:03}-{rounds[0]}", waiting=rounds[0]) for number in range(QUEUES)))

    async def script(driver: Driver) -> None:
        for rounds[0] in range(1, ROUNDS + 1):
            for digit, seen in (("2", f"q000-{rounds[0]}"), ("9", f"job-{rounds[0]}-{EACH - 1}")):
                news = [
                    Event(
                        f"18{rounds[0]:08}{n:03}-0",
                        "dead",
                        {"queue": f"x{rounds[0]}-{n}", "job": f"job-{rounds[0]}-{n}"},
                    )
                    for n in range(EACH)
                ]
                if digit == "9":
                    stream.happen(*news)
                await driver.press(digit)
                await driver.until(seen)
        held = alive() - before
        assert held[Event] <= MAX_EVENTS + 3 * EACH + 100
        assert held[QueueStats] <= 8 * QUEUES
        assert held[GridLine] <= 1000
        assert held[Strip] <= 4000
        assert len(driver.app._visited) <= 100
        assert len(driver.app.depths.queues) == QUEUES

    ops: Any = MonitorOps(stats__read=lambda *_: stats(), events__follow=stream.follow)
    drive(ops, script, data=CachedData(ops))


def test_the_set_of_changed_queues_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_data, "MAX_CHANGED_QUEUES", 100)
    monkeypatch.setattr(dead_letter_cache, "MAX_CHANGED_QUEUES", 100)

    def follow(**_: Any) -> Iterator[list[Event]]:
        for number in range(1000):
            yield [Event(f"{number}-0", "dead", {"queue": f"q{number}"})]

    fake: Any = MonitorOps(events__follow=follow)
    data = CachedData(fake)
    for _ in data.events.follow(after="0-0", on_disconnect=lambda *_: None):
        assert len(data._stats._changed) <= 100
        assert len(data._dead_letters._changed) <= 100
    data._stats._all.value = replace(stats_of(QueueStats("old")))
    assert [queue.name for queue in data.stats.read().queues] != ["old"]
