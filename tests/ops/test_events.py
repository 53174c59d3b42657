"""Events: search and follow, also across an outage of Redis."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys, stream_reader
from qctl.errors import NotFoundError, QctlError, UsageError
from qctl.models import Event, EventFilter
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.servers import RedisServer
from support.waiting import later


def record_event(connection: Redis, event: str, **fields: str | int) -> None:
    events.record(connection, event, **fields)


@pytest.fixture
def life(connection: Redis) -> None:
    """Record events of two jobs of a queue and its lane, and a pause."""
    record_event(connection, "started", queue="email", job="a", worker="w", trace="t1")
    record_event(connection, "failed", queue="email", job="a", worker="w", trace="t1", reason="boom")
    record_event(connection, "started", queue="email.high", job="b", worker="w")
    record_event(connection, "paused", queue="report", actor="me@host")


@pytest.mark.usefixtures("life")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (EventFilter(), ["started", "failed", "started", "paused"]),
        (EventFilter(queue="email"), ["started", "failed", "started"]),
        (EventFilter(queue="*.high"), ["started"]),
        (EventFilter(events=("failed", "paused")), ["failed", "paused"]),
        (EventFilter(job="a"), ["started", "failed"]),
        (EventFilter(trace="t1", events=("failed",)), ["failed"]),
        (EventFilter(queue="inventory"), []),
    ],
)
def test_matching_events_are_returned_oldest_first(wanted: EventFilter, found: list[str], ops: Ops) -> None:
    assert [event.event for event in ops.events.list(wanted)] == found


@pytest.mark.usefixtures("life")
def test_limit_and_age_select_the_last_events(ops: Ops, connection: Redis) -> None:
    assert [event.event for event in ops.events.list(limit=2)] == ["started", "paused"]
    connection.xadd(keys.EVENTS, {"event": "cut"}, id=f"{int(time.time() * 1000) + 60_000}-0")
    assert [event.event for event in ops.events.list(since=-30)] == ["cut"]
    assert len(ops.events.list(since=30)) == 5


def test_more_than_a_page_is_read(ops: Ops, connection: Redis) -> None:
    with connection.pipeline(transaction=False) as pipe:
        pipe.xadd(keys.EVENTS, {"event": "paused", "queue": "email"})
        for number in range(2 * stream_reader.PAGE_ENTRIES):
            pipe.xadd(keys.EVENTS, {"event": "started", "job": str(number)})
        pipe.execute()
    assert [event.event for event in ops.events.list(EventFilter(events=("paused",)))] == ["paused"]
    found = ops.events.list(limit=2 * stream_reader.PAGE_ENTRIES)
    assert [event.fields["job"] for event in found] == [str(number) for number in range(2 * stream_reader.PAGE_ENTRIES)]


def test_unknown_names_get_suggestions(ops: Ops) -> None:
    with pytest.raises(UsageError, match="unknown event 'finishd'") as malformed:
        ops.events.list(EventFilter(events=("finishd",)))
    assert malformed.value.hint == "did you mean 'finished'?"
    with pytest.raises(NotFoundError, match="queue 'emial' not found") as missing:
        ops.events.list(EventFilter(queue="emial"))
    assert missing.value.close == ("email",)


def test_a_key_of_another_type_raises_a_qctl_error(ops: Ops, connection: Redis) -> None:
    connection.set(keys.EVENTS, "text")
    with pytest.raises(QctlError, match="WRONGTYPE"):
        ops.events.list()


def test_hostile_entries_are_read(ops: Ops, connection: Redis) -> None:
    connection.xadd(keys.EVENTS, {b"\xff": b"\xfe", "ms": "9" * 400}, id="99999999999999999-0")
    (event,) = ops.events.list()
    assert (event.event, event.at.year) == ("?", 1970)


def test_follow_yields_matching_events_as_they_happen(ops: Ops, connection: Redis) -> None:
    stream = ops.events.follow(EventFilter(queue="email"), after=ops.events.last_id(), on_disconnect=never)
    assert next(stream) == []
    news: list[Event] = []
    with later(0.1, lambda: [record_event(connection, "started", queue=name, job=name) for name in ("x", "email")]):
        while not news:
            news = next(stream)
    assert [event.fields["job"] for event in news] == ["email"]


def never(error: QctlError, seconds: float) -> None:
    raise AssertionError(f"Redis was away: {error}, {seconds}")


def test_a_redis_that_goes_away_costs_no_event(own_redis: RedisServer, tmp_path: Path) -> None:
    environ = {"QCTL_HOME": str(tmp_path), "REDIS_URL": own_redis.url}
    ops = Ops(Settings.load(environ=environ))
    delays: list[float] = []

    def on_disconnect(error: QctlError, seconds: float) -> None:
        assert "does not answer" in error.message
        delays.append(seconds)
        own_redis.start()
        with own_redis.connect() as client:
            record_event(client, "finished", job="b")

    with own_redis.connect() as client:
        record_event(client, "started", job="a")
    stream = ops.events.follow(after="0-0", on_disconnect=on_disconnect)
    assert [event.fields["job"] for event in next(stream)] == ["a"]
    own_redis.kill()
    assert [event.fields["job"] for event in next(stream)] == ["b"]
    assert 0 < delays[0] < 2
    ops.close()


def test_events_without_a_name_get_that_of_their_job(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "pickled")
    stock.enqueue(connection, "mail", "titled", json=True, description="Invoice 7 (of March)")
    for job in ("pickled", "titled", "gone"):
        record_event(connection, "requeued", queue="mail", job=job)
    record_event(connection, "started", queue="mail", job="pickled", name="send")
    record_event(connection, "paused", queue="mail")
    names = [event.fields.get("name") for event in ops.events.list()]
    assert names[-5:] == ["app.tasks.send", "app.tasks.send", None, "send", None]
