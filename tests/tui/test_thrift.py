"""Where reading everything takes long, what happened is read, and the rest a moment later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cli.fake import stats_of
from qctl.models import Event, QueueStats
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.tui import thrift
from qctl.tui.thrift import ThriftyOps
from tui.fake import QUEUES, MonitorOps


def happened(queue: str, **more: str) -> Event:
    return Event("1-0", "finished", {"queue": queue, **more})


class Deployment:
    """Queues whose numbers a test changes, and which of them were read."""

    def __init__(self) -> None:
        self.queues = {queue.name: queue for queue in QUEUES}
        self.read: list[Any] = []
        self.news: list[Event] = []
        fake = MonitorOps(stats__read=self._stats, events__follow=self._follow)
        self.ops = ThriftyOps(fake)
        self.fake = fake

    def _stats(self, only: list[str] | None = None) -> Any:
        self.read.append(only)
        return stats_of(*(queue for queue in self.queues.values() if only is None or queue.name in only))

    def _follow(self, **_: Any) -> Iterator[list[Event]]:
        yield self.news

    def happen(self, *events: Event) -> None:
        """The monitor hears of these."""
        self.news = list(events)
        assert list(self.ops.events.follow(after="0-0", away=lambda *_: None)) == [list(events)]

    def waiting(self) -> dict[str, int]:
        """What the screen would show."""
        stats = self.ops.stats.read()
        assert stats.totals.pending >= sum(queue.waiting for queue in stats.queues)
        return {queue.name: queue.waiting for queue in stats.queues}


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Reading everything counts as slow, and is good for long."""
    monkeypatch.setattr(thrift, "CHEAP", -1.0)
    monkeypatch.setattr(thrift, "SHARE", 1e9)
    return Deployment()


def test_where_it_is_cheap_everything_is_read_each_time() -> None:
    deployment = Deployment()
    deployment.waiting()
    deployment.happen(happened("report"))
    deployment.waiting()
    assert deployment.read == [None, None]


def test_between_two_readings_of_everything_what_happened_is_read(slow: Deployment) -> None:
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
    slow.ops.health.check()
    slow.ops.health.check()
    assert len(slow.fake.asked("health__check")) == 1


def test_what_people_did_comes_first_and_nothing_is_forgotten(
    slow: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thrift, "MOST", 1)
    slow.waiting()
    slow.happen(happened("report"), happened("email"), happened("sensor-data", actor="ops@host"))
    for _ in range(4):
        slow.waiting()
    assert slow.read == [None, ["sensor-data"], ["report"], ["email"]]


def test_what_people_did_comes_before_everything_but_once(slow: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thrift, "SHARE", 0.0)
    slow.waiting()
    slow.happen(happened("report", actor="ops@host"))
    slow.waiting()
    slow.happen(happened("report", actor="ops@host"))
    slow.waiting()
    assert slow.read == [None, ["report"], None]


def test_some_queues_are_read_as_all_are(settings: Settings, connection: Any) -> None:
    ops = Ops(settings, connection)
    connection.rpush("rq:queue:apples", "1", "2")
    connection.sadd("rq:queues", "rq:queue:apples", "rq:queue:pears")
    everything = {queue.name: queue for queue in ops.stats.read().queues}
    some = ops.stats.read(only=["apples", "nothing"]).queues
    assert [queue.name for queue in some] == ["apples"]
    assert some[0].waiting == everything["apples"].waiting == 2
