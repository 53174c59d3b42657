"""Changes while a page is open: rows, events, and outages of Redis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cli.fake import stats_of
from qctl.errors import QctlError, RedisUnreachableError
from qctl.models import Event, QueueStats
from qctl.tui.widgets.grid import Grid
from tui.driving import Driver, drive
from tui.fake import QUEUES, MonitorOps, measured

GONE = RedisUnreachableError("Redis at localhost does not answer")


class Stream:
    """An event stream that a test writes."""

    def __init__(self) -> None:
        self.news: list[list[Event]] = []
        self.gone = False
        self._some = threading.Event()

    def happen(self, *events: Event) -> None:
        """Add events to the stream."""
        self.news.append(list(events))
        self._some.set()

    def follow(self, *, after: str, on_disconnect: Callable[[QctlError, float], None]) -> Iterator[list[Event]]:
        """Fake of `ops.events.follow`. It ends with the monitor that follows it."""
        while True:
            if self.gone:
                on_disconnect(GONE, 0.02)
                continue
            self._some.wait(0.05)
            self._some.clear()
            yield self.news.pop(0) if self.news else []


def event(number: int, queue: str = "email") -> Event:
    return Event(f"1795000000{number:03d}-0", "finished", {"queue": queue, "job": f"new-{number}"})


def test_an_event_refreshes_numbers_and_keeps_the_selected_row() -> None:
    stream, queues = Stream(), list(QUEUES)
    ops = MonitorOps(stats__read=lambda: stats_of(*queues), events__follow=stream.follow)

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await driver.press("down", "space", "up")
        await driver.until(">✓●  report")
        queues[:0] = [QueueStats(f"a{n}") for n in range(5)]
        queues[6] = replace(queues[6], waiting=99_999)
        stream.happen(event(1))
        await driver.until("99999")
        assert [line[1:12] for line in driver.lines if line.startswith("│>")] == [">✓●  report"]
        del queues[:6]
        stream.happen(event(2))
        await driver.until(lambda: "a0" not in driver.text)
        assert driver.lines[4].startswith("│>✓●  report")
        del queues[0]
        stream.happen(event(3))
        await driver.until("> ●  sensor-data")

    drive(ops, script)


def test_the_selected_row_keeps_its_line_in_a_long_list() -> None:
    stream, queues = Stream(), [QueueStats(f"q{n:04d}") for n in range(1000)]
    ops = MonitorOps(stats__read=lambda: stats_of(*queues), events__follow=stream.follow)

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("q0000")
        await driver.press("end", "up", "up")
        await driver.until("> ○  q0997")
        line = next(number for number, text in enumerate(driver.lines) if text.startswith("│>"))
        queues[:0] = [QueueStats("a"), QueueStats("b")]
        queues[-1] = replace(queues[-1], waiting=4711)
        stream.happen(event(1))
        await driver.until("4711")
        assert driver.lines[line].startswith("│> ○  q0997")

    drive(ops, script)


def test_events_come_on_top_and_a_frozen_screen_does_not_change() -> None:
    stream = Stream()
    ops = MonitorOps(events__follow=stream.follow)

    async def script(driver: Driver) -> None:
        await driver.press("9")
        await driver.until("job-1")
        stream.happen(event(1))
        await driver.until("new-1")
        assert "new-1" in driver.lines[4]
        assert driver.lines[4].startswith("│>")
        await driver.press("down")
        stream.happen(event(2))
        await driver.until("new-2")
        assert "job-1" in next(line for line in driver.lines if line.startswith("│>"))
        await driver.press("z")
        await driver.until("= frozen")
        stream.happen(event(3))
        await driver.until(lambda: not stream.news)
        await driver._pilot.pause(0.1)
        assert "new-3" not in driver.text

    drive(ops, script)


def test_an_outage_of_redis_is_shown_until_it_ends() -> None:
    stream, answers = Stream(), {"gone": False}

    def stats() -> Any:
        if answers["gone"]:
            raise GONE
        return stats_of(*QUEUES)

    ops = MonitorOps(stats__read=stats, events__follow=stream.follow)

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        answers["gone"] = stream.gone = True
        await driver.until("Redis is away. Redis at localhost does not answer")
        await driver.until("STALE: read at ")
        assert "○ away" in driver.lines[0]
        assert "sensor-data" in driver.text
        await driver.press("p")
        await driver.until("refused: Redis is away")
        answers["gone"] = stream.gone = False
        await driver.until("● connected")
        assert "STALE" not in driver.text

    drive(ops, script)


def test_a_failing_page_says_why_and_the_others_work() -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("oops")

    ops = MonitorOps(workers__list=broken)

    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("cannot be read: internal error: ZeroDivisionError: oops")
        await driver.press("2")
        await driver.until("sensor-data")

    drive(ops, script)


def test_only_changed_lines_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, queues = Stream(), [QueueStats(f"q{n:04d}", waiting=11) for n in range(20)]
    ops = MonitorOps(stats__read=lambda: stats_of(*queues), events__follow=stream.follow)
    drawn: list[Any] = []

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("q0000")
        await driver.until(lambda: not driver.app.screen._layout_required)
        whole = Grid.refresh

        def refresh(grid: Grid, *regions: Any, **options: Any) -> Any:
            drawn.append([region.y for region in regions])
            return whole(grid, *regions, **options)

        monkeypatch.setattr(Grid, "refresh", refresh)
        queues[4] = replace(queues[4], waiting=12)
        stream.happen(event(1))
        await driver.until(" 12 ")
        assert [5] in drawn
        assert all(lines == [5] for lines in drawn)

    drive(ops, script)


def test_events_received_while_frozen_are_shown_afterwards() -> None:
    stream = Stream()
    ops = MonitorOps(events__follow=stream.follow)

    async def script(driver: Driver) -> None:
        await driver.press("9")
        await driver.until("job-1")
        await driver.press("z")
        stream.happen(event(1))
        await driver.until(lambda: not stream.news)
        await driver.press("z")
        await driver.until("new-1")

    drive(ops, script)


def test_a_series_of_zeros_is_not_plotted() -> None:
    ops, hour = MonitorOps(), measured()
    idle = replace(hour, steps=[replace(step, finished=0, failed=0) for step in hour.steps])
    ops.metrics.series = lambda *_, **__: idle

    async def script(driver: Driver) -> None:
        await driver.press("8")
        await driver.until("jobs per second: always 0")
        await driver.until("run time (s)")

    drive(ops, script)
