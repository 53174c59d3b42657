"""Bars of queue depths: past minutes from Redis, later ones from reads."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from cli.fake import stats_of
from qctl.broker.redis import keys
from qctl.models import QueueStats, Stats
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.tui.data.depth_history import MINUTES, DepthHistory
from tui.driving import Driver, drive
from tui.fake import MonitorOps

NOW = 30_000_000
"""A minute since 1970."""


def seen(minute: int, **waiting: int) -> Stats:
    """Stats as read in a minute."""
    stats = stats_of(*(QueueStats(name, waiting=count) for name, count in waiting.items()))
    return replace(stats, at=datetime.fromtimestamp(60 * minute + 30, timezone.utc))


def test_a_minute_without_a_read_is_a_gap() -> None:
    depths = DepthHistory()
    depths.record(seen(NOW, a=7, idle=0))
    assert depths.highest == 10
    assert [depths.bars(name, 7) for name in ("a", "idle", "unknown")] == [" " * 11 + "█", " " * 11 + "▁", ""]
    depths.add_past({"a": {NOW - 3: 1, NOW - 1: 14, NOW: 999}})
    assert depths.highest == 20
    assert depths.bars("a", 14) == " " * 8 + "▂ █▅"
    depths.record(seen(NOW + 2, a=0, idle=0))
    assert depths.bars("a", 14) == " " * 6 + "▂ █▅ ▁"


def test_queues_share_the_scale_of_their_bars() -> None:
    depths = DepthHistory()
    depths.record(seen(NOW, large=700, small=7))
    highest = depths.highest
    assert (highest, depths.bars("large", highest)[-1], depths.bars("small", highest)[-1]) == (1000, "▆", "▂")


def test_old_minutes_and_deleted_queues_are_dropped() -> None:
    depths = DepthHistory()
    for minute in range(100):
        depths.record(seen(NOW + minute, a=minute, **{f"q{minute}": 1}))
    assert depths.queues == ("a", "q99")
    assert {len(minutes) for minutes in depths._depths.values()} == {1, MINUTES}
    depths.record(seen(NOW, a=3))  # in a recording one may go back
    assert depths.bars("a", 3) == " " * 11 + "█"


def test_past_depths_come_from_the_counts_in_redis(settings: Settings, connection: Any) -> None:
    now = int(time.time()) // 60
    connection.sadd(keys.QUEUES, keys.queue("apples"), keys.queue("pears"), keys.queue("odd"))
    for ago, depth in ((1, "5"), (2, "x"), (3, "-4"), (4, "9" * 5000), (5, "7"), (40, "1")):
        hour, minute = divmod(now - ago, 60)
        connection.hset(keys.counts("apples", hour), f"{minute}.depth", depth)
    connection.set(keys.counts("odd", now // 60), "no hash")
    past = Ops(settings, connection).metrics.depths(minutes=12)
    assert {queue: {now - at: depth for at, depth in minutes.items()} for queue, minutes in past.items()} == {
        "apples": {1: 5, 5: 7}
    }


def test_a_new_monitor_shows_past_depths() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("▂▂▃▃▃▄▄▄▅▅▅▆")

    drive(MonitorOps(), script, size=(160, 30))
