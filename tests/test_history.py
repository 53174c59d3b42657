"""The history stores each event once, in both stores, in spite of kills and outages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping import events
from qctl.broker.bookkeeping.event_consumer import EventConsumer
from qctl.broker.redis import keys
from qctl.broker.redis.connection import Backoff
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import NotFoundError, SettingsError, UnreachableError
from qctl.history import open_store
from qctl.history import recorder as recorder_module
from qctl.history.recorder import CONSUMER_GROUP, Recorder
from qctl.history.sqlite import HOUR_MS, SqliteHistory
from qctl.history.store import HistoryStore
from qctl.models import Event
from qctl.ops import Ops
from qctl.settings import Settings
from support.databases import MongoDb
from support.process import free_port
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually

NOON = datetime(2026, 5, 5, 12, tzinfo=timezone.utc)


@pytest.fixture(params=["sqlite", "mongodb"])
def history(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """Settings of an empty store of each kind."""
    if request.param == "sqlite":
        return make_settings()
    server: MongoDb = request.getfixturevalue("mongodb")
    with server.connect() as client:
        client.drop_database("data")
    return make_settings(MONGODB_URI=server.url)


@pytest.fixture
def store(history: Settings) -> Iterator[HistoryStore]:
    """A store of each kind."""
    opened = open_store(history)
    yield opened
    opened.close()


@pytest.fixture
def queue(connection: Redis) -> Queue:
    """The queue `work`, with JSON payloads."""
    return Queue("work", connection=connection, serializer=JSONSerializer)


@pytest.fixture
def inline(connection: Redis, make_settings: Callable[..., Settings]) -> QctlWorker:
    """A worker of `work`."""
    return QctlWorker(["work"], connection, make_settings(QCTL_ALLOWED_JOBS="support.jobs.*"), "inline")


def event(at: datetime, name: str = "created", number: int = 0, /, **fields: str) -> Event:
    return Event(f"{int(at.timestamp() * 1000)}-{number}", name, {"queue": "email", "job": "a", **fields})


@contextmanager
def recording(settings: Settings, redis: Redis | None = None) -> Iterator[None]:
    """Run a recorder in a thread, as the scheduler does."""
    stop = threading.Event()
    thread = threading.Thread(target=Recorder(settings, redis).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


# --- both kinds of stores ------------------------------------------------------------------------------------


def test_events_of_a_job_are_in_order(store: HistoryStore) -> None:
    life = [
        event(NOON, "created", 3, owner="ada", trace="t", name="welcome-email"),
        event(NOON, "started", 12, worker="w"),
        event(NOON + timedelta(seconds=1), "finished", 0, worker="w", ms="812"),
    ]
    others = [event(NOON, "created", 4, job="b"), Event("5-0", "paused", {"queue": "email"})]
    assert store.write([*reversed(life), *others]) == 5
    assert store.events_of_job("a") == life
    assert store.events_of_job("no such") == []


def test_repeated_event_is_stored_once(store: HistoryStore) -> None:
    created = [event(NOON, "created", n) for n in range(5)]
    assert store.write(created[:3]) == 3
    assert store.write(created) == 2
    assert store.write(created) == 0
    assert store.write([]) == 0
    assert store.events_of_job("a") == created
    [step] = store.steps("hour", NOON, NOON + timedelta(hours=1))
    assert step.counts == {"created": 5}


def test_hostile_text_is_cleaned(store: HistoryStore) -> None:
    odd = {"reason": "a\0b\ud800\x1b[31m", "$where": "x", "a.b": "y", "worker": "w" * 5000}
    store.write([event(NOON, "dead", **odd), event(NOON, "de\0ad", 1, job="j\ud800")])
    [stored] = store.events_of_job("a")
    assert stored.fields["reason"] == "a\ufffdb?\x1b[31m"
    assert len(stored.fields["worker"]) == 1000
    assert [stored.event for stored in store.events_of_job("j\ud800")] == ["de\ufffdad"]


def test_steps_by_hour_and_day(store: HistoryStore) -> None:
    store.write(
        [
            event(NOON, "finished", ms="1000"),
            event(NOON + timedelta(minutes=59), "finished", ms="3000"),
            event(NOON + timedelta(minutes=59), "dead", 1),
            event(NOON + timedelta(hours=1), "finished", queue="email.high"),
            event(NOON + timedelta(days=1), "created", queue="report"),
        ]
    )
    later = NOON + timedelta(days=2)
    hours = store.steps("hour", NOON, later)
    assert [(step.at, step.counts, step.mean_run) for step in hours] == [
        (NOON, {"finished": 2, "dead": 1}, 2.0),
        (NOON + timedelta(hours=1), {"finished": 1}, None),
        (NOON + timedelta(days=1), {"created": 1}, None),
    ]
    days = store.steps("day", NOON, later, queues=["email", "email.high", "email.low"])
    assert [(step.at, step.counts, step.mean_run) for step in days] == [
        (NOON.replace(hour=0), {"finished": 3, "dead": 1}, 2.0)
    ]
    assert store.steps("hour", NOON + timedelta(hours=1), NOON + timedelta(hours=2))[0].counts == {"finished": 1}
    assert store.steps("hour", NOON, later, queues=[]) == []


def test_old_events_are_deleted_in_batches(store: HistoryStore) -> None:
    store.write([event(NOON, "created", n) for n in range(10)])
    store.write([event(NOON + timedelta(days=1), "created", n, job="b") for n in range(2)])
    assert store.delete_before(NOON + timedelta(hours=1), limit=7) == 7
    assert store.delete_before(NOON + timedelta(hours=1), limit=7) == 3
    assert store.delete_before(NOON + timedelta(hours=1), limit=7) == 0
    assert store.events_of_job("a") == []
    assert len(store.events_of_job("b")) == 2


# --- SQLite ---------------------------------------------------------------------------------------------------


def test_read_only_store_creates_nothing(settings: Settings, tmp_path: Path) -> None:
    reader = open_store(settings, read_only=True)
    assert reader.events_of_job("a") == []
    assert reader.steps("day", NOON, NOON + timedelta(days=1)) == []
    assert not settings.history_database.exists()
    writer = SqliteHistory(settings.history_database)
    writer.write([event(NOON)])
    assert len(reader.events_of_job("a")) == 1, "the reader sees events of an open writer"
    with pytest.raises(UnreachableError, match="readonly"):
        reader.write([event(NOON, "created", 2)])
    for opened in (reader, writer):
        opened.close()


def test_file_of_another_format_is_unreachable(settings: Settings) -> None:
    settings.history_database.write_text("this is not a database" * 100)
    store = SqliteHistory(settings.history_database)
    with pytest.raises(UnreachableError, match="not a database"):
        store.write([event(NOON)])
    settings.history_database.unlink()
    assert store.write([event(NOON)]) == 1


def test_counts_outlive_their_events(settings: Settings) -> None:
    store = SqliteHistory(settings.history_database)
    store.write([event(NOON)])
    store.delete_before(NOON + timedelta(days=300), 10)
    assert store.steps("day", NOON, NOON + timedelta(days=1))[0].counts == {"created": 1}
    store.delete_before(NOON + timedelta(days=3 * 365), 10)
    assert store.steps("day", NOON, NOON + timedelta(days=1)) == []
    store.close()


def test_failed_batch_adds_no_counts(settings: Settings) -> None:
    store = SqliteHistory(settings.history_database)
    with pytest.raises(ValueError, match="invalid literal"):
        store.write([event(NOON), Event("no id", "created", {})])
    assert store.write([event(NOON)]) == 1
    assert int(NOON.timestamp() * 1000) % HOUR_MS == 0
    store.close()


# --- MongoDB --------------------------------------------------------------------------------------------------


def test_unreachable_mongodb_raises(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qctl.history.mongodb.CONNECT_TIMEOUT_MS", 100)
    store = open_store(make_settings(MONGODB_URI=f"mongodb://u:secret@127.0.0.1:{free_port()}"))
    with pytest.raises(UnreachableError, match="cannot be used") as caught:
        store.write([event(NOON)])
    assert "secret" not in caught.value.message
    store.close()


def test_invalid_uri_is_a_settings_error(make_settings: Callable[..., Settings]) -> None:
    store = open_store(make_settings(MONGODB_URI="mongodb://host:no-port/data"))
    with pytest.raises(SettingsError, match="MONGODB_URI"):
        store.events_of_job("a")


# --- the recorder ---------------------------------------------------------------------------------------------


def test_job_is_read_from_the_history_after_it_expires_in_redis(
    connection: Redis, history: Settings, store: HistoryStore, queue: Queue, inline: QctlWorker
) -> None:
    with recording(history):
        job = queue.enqueue("support.jobs.give", result_ttl=0)
        inline.work(burst=True)
        eventually(lambda: len(store.events_of_job(job.id)) == 2, what="the events")
    assert not connection.exists(keys.job(job.id))
    connection.delete(keys.EVENTS)
    started, finished = store.events_of_job(job.id)
    assert (started.event, finished.event) == ("started", "finished")
    assert finished.fields["queue"] == "work"
    ops = Ops(history)
    detail = ops.jobs.show(job.id)
    assert (detail.queue, detail.status, detail.state) == ("work", "finished", None)
    assert [event.event for event in detail.timeline] == ["started", "finished"]
    assert detail.worker
    assert "expired" in detail.note
    with pytest.raises(NotFoundError):
        ops.jobs.show("unknown")
    ops.close()
    now = datetime.now(timezone.utc)
    [step] = store.steps("day", now, now, queues=["work"]) or store.steps("day", now - timedelta(hours=1), now)
    assert step.counts["finished"] == 1


def test_events_from_before_the_first_recorder_are_recorded(connection: Redis, settings: Settings) -> None:
    for n in range(1200):
        events.record(connection, "created", job="a", count=n)
    with recording(settings):
        eventually(lambda: pending(connection) == (0, 0), what="all events")
    assert len(open_store(settings, read_only=True).events_of_job("a")) == 1000, "the maximum for one job"


def pending(connection: Redis) -> tuple[int, int] | None:
    """Number of events that were not read, and that were read and not acknowledged."""
    for group in connection.xinfo_groups(keys.EVENTS):
        if group["name"] == CONSUMER_GROUP.encode():
            last = group["last-delivered-id"].decode()
            return len(connection.xrange(keys.EVENTS, min=f"({last}")), group["pending"]
    return None


def test_events_read_by_a_dead_recorder_are_read_again(connection: Redis, settings: Settings) -> None:
    dead = EventConsumer(connection, CONSUMER_GROUP)
    dead.create_group()
    ids = [connection.xadd(keys.EVENTS, {"event": "created", "job": "a", "n": n}) for n in range(700)]
    stored = dead.read(600, 10)
    SqliteHistory(settings.history_database).write(stored[:300])  # then the recorder dies
    with recording(settings):
        eventually(lambda: pending(connection) == (0, 0), what="all events")
    assert [event.id.encode() for event in open_store(settings, read_only=True).events_of_job("a")] == ids


def test_recorder_survives_loss_of_the_database(
    connection: Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder_module, "Backoff", lambda: Backoff(first_seconds=0.05, max_seconds=0.1))
    settings.history_database.mkdir()  # a folder in place of the file
    events.record(connection, "created", job="a")
    with recording(settings):
        eventually(lambda: "the history cannot be used" in caplog.text, what="the warning")
        events.record(connection, "started", job="a")
        settings.history_database.rmdir()
        reader = open_store(settings, read_only=True)
        eventually(lambda: settings.history_database.exists() and len(reader.events_of_job("a")) == 2, what="both")
    assert [event.event for event in reader.events_of_job("a")] == ["created", "started"]


def test_recorder_survives_loss_of_redis(
    own_redis: RedisServer, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "Backoff", lambda: Backoff(first_seconds=0.05, max_seconds=0.1))
    settings = make_settings(REDIS_URL=own_redis.url)
    client = own_redis.connect()
    with recording(settings):
        events.record(client, "created", job="a")
        reader = open_store(settings, read_only=True)
        eventually(lambda: len(reader.events_of_job("a")) == 1, what="the first")
        own_redis.kill()
        own_redis.start()
        events.record(client, "started", job="a")
        eventually(lambda: len(reader.events_of_job("a")) == 2, what="the second")
        client.flushall()  # deletes the consumer group
        events.record(client, "finished", job="a")
        eventually(lambda: len(reader.events_of_job("a")) == 3, what="the third")
    client.close()


def test_dropped_events_are_recorded_as_a_gap(connection: Redis, settings: Settings) -> None:
    with recording(settings):
        events.record(connection, "created", job="a")
        eventually(lambda: pending(connection) == (0, 0), what="the first")
    for _ in range(20):
        events.record(connection, "started", job="a")
    connection.xtrim(keys.EVENTS, maxlen=5, approximate=False)
    with recording(settings):
        eventually(lambda: pending(connection) == (0, 0), what="the rest")
    store = open_store(settings, read_only=True)
    assert len(store.events_of_job("a")) == 6
    now = datetime.now(timezone.utc)
    steps = store.steps("day", now - timedelta(hours=1), now + timedelta(hours=1), queues=[""])
    assert sum(step.counts.get("lost", 0) for step in steps) == 1


def test_dropped_pending_events_are_skipped(connection: Redis, settings: Settings) -> None:
    group = EventConsumer(connection, CONSUMER_GROUP)
    group.create_group()
    for n in range(10):
        events.record(connection, "created", job="a", count=n)
    group.read(5, 10)
    connection.xtrim(keys.EVENTS, maxlen=7, approximate=False)
    with recording(settings):
        eventually(lambda: pending(connection) == (0, 0), what="the rest")
    assert len(open_store(settings, read_only=True).events_of_job("a")) == 7


def test_recorder_deletes_old_events(
    connection: Redis, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_DELETED_EVENTS", 6)
    monkeypatch.setattr(recorder_module, "GATHER_SECONDS", 0.0)
    settings = make_settings(QCTL_KEEP_HISTORY="1")
    now = datetime.now(timezone.utc)
    store = SqliteHistory(settings.history_database)
    store.write([event(now - timedelta(days=2), "created", n) for n in range(10)] + [event(now, job="b")])
    with recording(settings):
        eventually(lambda: not store.events_of_job("a"), what="deletion of old events")
    assert len(store.events_of_job("b")) == 1
    store.close()
