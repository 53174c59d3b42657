"""Caching of expensive reads: changed queues are read at once, all queues a moment later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest

from cli.fake import stats_of
from cli.fake_jobs import CAUSE
from qctl.models import Causes, DeadLetters, Event, QueueStats, Selector
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.tui.data import cached_data, dead_letter_cache, timed_cache
from qctl.tui.data.cached_data import CachedData
from tui.fake import QUEUES, MonitorOps


def happened(queue: str, **more: str) -> Event:
    return Event("1-0", "finished", {"queue": queue, **more})


class Deployment:
    """Queues whose numbers a test changes, and a record of the reads."""

    def __init__(self) -> None:
        self.queues = {queue.name: queue for queue in QUEUES}
        self.read: list[Any] = []
        self.news: list[Event] = []
        fake: Any = MonitorOps(stats__read=self._stats, events__follow=self._follow)
        self.data = CachedData(fake)
        self.fake = fake

    def _stats(self, only: list[str] | None = None) -> Any:
        self.read.append(only)
        return stats_of(*(queue for queue in self.queues.values() if only is None or queue.name in only))

    def _follow(self, **_: Any) -> Iterator[list[Event]]:
        yield self.news

    def happen(self, *events: Event) -> None:
        """Let the monitor receive these events."""
        self.news = list(events)
        assert list(self.data.events.follow(after="0-0", on_disconnect=lambda *_: None)) == [list(events)]

    def waiting(self) -> dict[str, int]:
        """The number of waiting jobs by queue, as a page would show it."""
        stats = self.data.stats.read()
        assert stats.totals.pending >= sum(queue.waiting for queue in stats.queues)
        return {queue.name: queue.waiting for queue in stats.queues}


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Makes full reads expensive, and caches them for long."""
    monkeypatch.setattr(timed_cache, "CHEAP_READ_SECONDS", -1.0)
    monkeypatch.setattr(timed_cache, "TTL_PER_READ_SECOND", 1e9)
    monkeypatch.setattr(cached_data, "COUNT_TTL_SECONDS", 1e9)
    return Deployment()


def test_cheap_reads_are_not_cached() -> None:
    deployment = Deployment()
    deployment.waiting()
    deployment.happen(happened("report"))
    deployment.waiting()
    assert deployment.read == [None, None]


def test_changed_queues_are_read_between_full_reads(slow: Deployment) -> None:
    slow.waiting()
    slow.queues["report"] = replace(slow.queues["report"], waiting=4711)
    slow.queues["email"] = replace(slow.queues["email"], waiting=9999)
    slow.queues["new"] = QueueStats("new", waiting=1)
    assert slow.waiting()["report"] == 1204
    slow.happen(happened("report"), happened("new"))
    assert slow.waiting() == {"email": 4, "new": 1, "report": 4711, "sensor-data": 0}
    del slow.queues["new"]
    slow.happen(happened("new"))
    assert "new" not in slow.waiting()
    assert slow.read == [None, ["report", "new"], ["new"]]
    slow.data.health.check()
    slow.data.health.check()
    assert len(slow.fake.calls_of("health__check")) == 1


def test_queues_changed_by_operators_are_read_first(slow: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_data, "MAX_QUEUES_PER_READ", 1)
    slow.waiting()
    slow.happen(happened("report"), happened("email"), happened("sensor-data", actor="ops@host"))
    for _ in range(4):
        slow.waiting()
    assert slow.read == [None, ["sensor-data"], ["report"], ["email"]]


def test_a_full_read_is_deferred_only_once(slow: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed_cache, "TTL_PER_READ_SECOND", 0.0)
    slow.waiting()
    slow.happen(happened("report", actor="ops@host"))
    slow.waiting()
    slow.happen(happened("report", actor="ops@host"))
    slow.waiting()
    assert slow.read == [None, ["report"], None]


def test_a_partial_read_equals_a_full_one(settings: Settings, connection: Any) -> None:
    ops = Ops(settings, connection)
    connection.rpush("rq:queue:apples", "1", "2")
    connection.sadd("rq:queues", "rq:queue:apples", "rq:queue:pears")
    everything = {queue.name: queue for queue in ops.stats.read().queues}
    partial = ops.stats.read(only=["apples", "nothing"]).queues
    assert [queue.name for queue in partial] == ["apples"]
    assert partial[0].waiting == everything["apples"].waiting == 2


def test_counts_are_refreshed_between_full_reads(slow: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_data, "COUNT_TTL_SECONDS", 0.0)
    slow.fake.stats.recounted = lambda before: replace(before, queues=list(slow.queues.values()))
    slow.waiting()
    slow.queues["report"] = replace(slow.queues["report"], waiting=7)
    assert slow.waiting()["report"] == 7
    slow.data.health.check()
    ((stats,), _) = slow.fake.calls_of("health__check")[0]
    assert stats.queues[1].waiting == 7
    assert slow.read == [None]


def test_recounting_sees_counts_pauses_and_new_queues(settings: Settings, connection: Any) -> None:
    ops = Ops(settings, connection)
    connection.rpush("rq:queue:apples", "1", "2")
    connection.sadd("rq:queues", *(f"rq:queue:{name}" for name in ("apples", "pears", "plums", "odd")))
    connection.set("rq:finished:odd", "no set")
    before = ops.stats.read()
    assert ops.stats.recounted(before) == replace(before, at=ANY)
    connection.delete("rq:queue:apples")
    for name in ("a", "b", "c"):
        connection.hset(f"rq:job:{name}", "status", "failed")
    connection.zadd("rq:failed:pears", {"a": -1, "b": -1})
    connection.hset("qctl:quarantine:pears", "c", "{}")
    connection.rpush("rq:queue:kiwis", "3")
    connection.sadd("rq:queues", "rq:queue:kiwis")
    connection.srem("rq:queues", "rq:queue:plums")
    ops.queues.pause("apples", reason="wet")
    now = ops.stats.recounted(before)
    queues = {queue.name: queue for queue in now.queues}
    assert (queues["apples"].waiting, queues["apples"].oldest_age, queues["pears"].dead) == (0, None, 3)
    assert queues["apples"].paused is not None
    assert queues["kiwis"].waiting == 1
    assert "plums" not in queues
    assert queues["odd"].error == {queue.name: queue for queue in before.queues}["odd"].error is not None
    assert now.totals.failed == 3
    assert now.queues == ops.stats.read().queues


class DeadLetterReads:
    """Dead letters by queue, and a record of the reads."""

    def __init__(self, data: CachedData, fake: Any) -> None:
        self.counts = {"email": 2, "report": 1}
        self.asked: list[Any] = []
        fake.stats.recounted = fake.stats.read
        fake.dead_letters.groups_by_queue = self._groups_of
        fake.dead_letters.list = self._list
        self.letters = data._dead_letters

    def stats(self) -> Any:
        return stats_of(*(QueueStats(name, dead=count) for name, count in self.counts.items()))

    def _groups_of(self, queues: list[str]) -> dict[str, Causes]:
        self.asked.append(queues)
        return {
            name: Causes([replace(CAUSE, count=self.counts[name], queues=[name])], self.counts[name], self.counts[name])
            for name in queues
        }

    def _list(self, selector: Selector, *, limit: int) -> DeadLetters:
        self.asked.append(limit)
        return DeadLetters([], limit)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> DeadLetterReads:
    """Makes all reads but counts expensive, and caches them for long."""
    monkeypatch.setattr(timed_cache, "CHEAP_READ_SECONDS", -1.0)
    monkeypatch.setattr(timed_cache, "TTL_PER_READ_SECOND", 1e9)
    monkeypatch.setattr(cached_data, "COUNT_TTL_SECONDS", 0.0)
    letters: list[DeadLetterReads] = []
    fake: Any = MonitorOps(stats__read=lambda *_: letters[0].stats())
    letters.append(DeadLetterReads(CachedData(fake), fake))
    return letters[0]


def test_causes_are_read_for_changed_queues(reads: DeadLetterReads) -> None:
    def count() -> tuple[int, list[str]]:
        causes = reads.letters.groups()
        assert causes.total == causes.causes[0].count
        return causes.total, causes.causes[0].queues

    assert count() == count() == (3, ["email", "report"])
    reads.counts["report"] = 5
    assert count() == (7, ["email", "report"])
    reads.counts["new"] = 1
    assert count() == (8, ["email", "new", "report"])
    del reads.counts["email"]
    assert count() == (6, ["new", "report"])
    reads.letters.mark_changed([happened("new"), Event("2-0", "dead", {"queue": "report"})])
    assert count() == (6, ["new", "report"])
    assert reads.asked == [["email", "report"], ["report"], ["new"], [], ["report"]]


def test_causes_of_a_pattern_are_read_again_after_a_change(reads: DeadLetterReads) -> None:
    patterns: list[str] = []
    reads.letters._ops.dead_letters.groups = lambda pattern: (patterns.append(pattern), Causes([CAUSE], 12, 12))[1]
    for _ in range(3):
        assert reads.letters.groups("sensor-data,socket-data").total == 12
    reads.letters.mark_changed([happened("sensor-data")])
    reads.letters.groups("sensor-data,socket-data")
    assert patterns == ["sensor-data,socket-data"]
    reads.letters.mark_changed([Event("2-0", "dead", {"queue": "sensor-data"})])
    reads.letters.groups("sensor-data,socket-data")
    assert patterns == ["sensor-data,socket-data"] * 2
    for number in range(20):
        reads.letters.groups(f"q{number}")
    assert len(reads.letters._patterns) == dead_letter_cache.MAX_PATTERNS


def test_letters_of_a_cause_are_read_again_when_it_changes(reads: DeadLetterReads) -> None:
    of_cause = Selector(fingerprint=CAUSE.fingerprint)
    reads.letters.groups()
    for _ in range(3):
        reads.letters.list(of_cause, limit=9)
    reads.counts["report"] = 4
    reads.letters.groups()
    reads.letters.list(of_cause, limit=9)
    assert reads.asked == [["email", "report"], 9, ["report"], 9]
    for limit in range(20, 40):
        reads.letters.list(of_cause, limit=limit)
    assert len(reads.letters._lists) == dead_letter_cache.MAX_LISTS


def test_measured_series_are_cached_by_span(slow: Deployment) -> None:
    asked: list[float] = []
    slow.fake.metrics.series = lambda _queues, *, seconds, **_: (asked.append(seconds), seconds)[1]
    for seconds in (1.0, 1.0, 2.0, 1.0, 3.0, 4.0, 5.0, 1.0, 2.0):
        assert slow.data.metrics.series(seconds=seconds, step=60.0) == seconds
    assert asked == [1.0, 2.0, 3.0, 4.0, 5.0, 2.0]
    assert len(slow.data._metrics._series) == cached_data.MAX_SERIES
