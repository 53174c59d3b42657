"""Statistics of every queue, also with damaged data."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from redis import Redis
from redis.connection import AbstractConnection
from rq.utils import utcformat

from qctl import catalog
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.models import QueueStats
from support import stock


def read(connection: Redis, queue: str) -> QueueStats:
    return next(stats for stats in stats_snapshot.stats(connection).queues if stats.name == queue)


def test_counts_of_every_kind(connection: Redis) -> None:
    for n in range(3):
        stock.enqueue(connection, "mail", f"w{n}")
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    connection.hset(keys.quarantine("mail"), "q", "{}")
    connection.zadd(keys.started("mail"), {"r:0123456789abcdef": time.time() + 60})
    connection.zadd(keys.scheduled("mail"), {"s": time.time() + 60})
    connection.zadd(keys.deferred("mail"), {"x": 1, "y": 2})
    connection.zadd(keys.finished("mail"), {f"f{n}": -1 for n in range(5)})
    for id_ in ("q", "r", "s", "x", "y", *(f"f{n}" for n in range(5))):
        connection.hset(keys.job(id_), "origin", "mail")
    mail = read(connection, "mail")
    assert (mail.waiting, mail.running, mail.scheduled, mail.deferred) == (3, 1, 1, 2)
    assert (mail.dead, mail.finished, mail.workers, mail.error) == (2, 5, 0, None)
    totals = stats_snapshot.stats(connection).totals
    assert (totals.pending, totals.running, totals.completed, totals.failed, totals.total) == (6, 1, 5, 2, 14)


def test_queues_of_the_catalog_are_listed_unused(connection: Redis) -> None:
    pauses.pause(connection, "held", actor="me@here", reason="why")
    assert read(connection, "sensor-data") == QueueStats("sensor-data", unused=True)
    held = read(connection, "held").paused
    assert held is not None
    assert (held.by, held.reason) == ("me@here", "why")
    assert stats_snapshot.queue_names(connection) == sorted(["held", *catalog.QUEUES])


def test_lane_shows_the_pause_of_its_family(connection: Redis) -> None:
    stock.enqueue(connection, "mail.high", "a")
    pauses.pause(connection, "mail", actor="me")
    pause = read(connection, "mail.high").paused
    assert pause is not None
    assert pause.queue == "mail"


def test_age_of_the_oldest_job(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.enqueue(connection, "mail", "b")
    old = datetime.now(timezone.utc) - timedelta(hours=1)
    connection.hset(keys.job("a"), "enqueued_at", utcformat(old))
    assert 3595 < (read(connection, "mail").oldest_age or 0) < 3660


@pytest.mark.parametrize("damage", ["gone", "text", "no times"])
def test_damaged_head_hides_only_its_age(connection: Redis, damage: str) -> None:
    stock.enqueue(connection, "mail", "a")
    if damage == "no times":
        connection.hset(keys.job("a"), mapping={"enqueued_at": "yesterday", "created_at": b"\xff"})
    else:
        connection.delete(keys.job("a"))
    if damage == "text":
        connection.set(keys.job("a"), "text")
    mail = read(connection, "mail")
    assert (mail.waiting, mail.oldest_age, mail.error) == (1, None, None)


@pytest.mark.parametrize(
    "key",
    [
        *(keys.queue, keys.started, keys.scheduled, keys.deferred, keys.finished, keys.failed),
        *(keys.quarantine, keys.queue_workers, lambda name: keys.counts(name, int(time.time()) // 3600)),
    ],
)
def test_key_of_wrong_type_hides_no_other_queue(connection: Redis, key: object) -> None:
    stock.enqueue(connection, "good", "g")
    connection.sadd(keys.QUEUES, keys.queue("bad"))
    assert callable(key)
    connection.set(key("bad"), "text")
    assert "another type" in (read(connection, "bad").error or "")
    assert read(connection, "good").waiting == 1


def test_invalid_counts_hide_only_the_rates(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    minutes = {f"{minute}.finished": "many" for minute in range(60)}
    connection.hset(keys.counts("mail", int(time.time()) // 3600), mapping=minutes)
    mail = read(connection, "mail")
    assert (mail.waiting, mail.in_rate, mail.out_rate, mail.error) == (1, None, None, None)


def test_rates_are_unknown_without_counts(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    assert read(connection, "mail").out_rate is None
    for hour in range(int(time.time()) // 3600 - 1, int(time.time()) // 3600 + 2):
        connection.hset(keys.counts("mail", hour), mapping={f"{minute}.finished": 60 for minute in range(60)})
    assert 1.0 <= (read(connection, "mail").out_rate or 0) <= 2.0


def test_only_living_workers_are_counted(connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "one", "mail", "other")
    stock.register_worker(connection, "left", "mail", death="2026-01-01T00:00:00.000000Z")
    stock.register_worker(connection, "killed", "mail")
    connection.delete(keys.worker("killed"))
    stock.register_worker(connection, "damaged", "mail")
    connection.delete(keys.worker("damaged"))
    connection.set(keys.worker("damaged"), "text")
    assert read(connection, "mail").workers == 1


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "[a-z]*", "a,b", "{x}", "ü\u202e", "\udcff\udc80", " "])
def test_hostile_queue_names_are_kept(connection: Redis, name: str) -> None:
    raw = keys.queue(name).encode(errors="surrogateescape")
    connection.rpush(raw, "id")
    connection.sadd(keys.QUEUES, raw)
    pauses.pause(connection, name, actor="me")
    mail = read(connection, name)
    assert (mail.waiting, mail.error) == (1, None)
    assert mail.paused is not None


def test_keys_that_are_no_queues_are_skipped(connection: Redis) -> None:
    connection.sadd(keys.QUEUES, "somebody:else")
    assert stats_snapshot.queue_names(connection) == sorted(catalog.QUEUES)


def test_stats_take_three_round_trips_and_one_for_entries(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(40):
        stock.enqueue(connection, f"queue-{n}", f"job-{n}")
        stock.register_worker(connection, f"worker-{n}", f"queue-{n}")
    sent = 0
    send = AbstractConnection.send_packed_command

    def counting(self: AbstractConnection, *args: object, **kwargs: object) -> None:
        nonlocal sent
        sent += 1
        send(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counting)
    assert len(stats_snapshot.stats(connection).queues) == 40 + len(catalog.QUEUES)
    assert sent == 3
    connection.zadd(keys.failed("queue-0"), {"ghost": 4_000_000_000})
    connection.zadd(keys.started("queue-1"), {"left:0123456789abcdef": 1})
    sent = 0
    rows = {queue.name: queue for queue in stats_snapshot.stats(connection).queues}
    assert (rows["queue-0"].ghosts, rows["queue-1"].ghosts, sent) == (1, 1, 4)


def test_running_jobs_are_listed_once(connection: Redis) -> None:
    run, later = "0123456789abcde", 4_000_000_000
    members = {f"a:{run}1": later, f"a:{run}2": later, f"user:7:{run}3": later, "old:1": later, f"gone:{run}4": 1}
    connection.zadd(keys.started("mail"), members)
    connection.zadd(keys.started("mail"), {f"claimed:{run}5": 1})
    connection.hset(keys.claims("mail"), "claimed", "worker|1")
    connection.zadd(keys.LEASES, {"worker": (time.time() + 10) * 1000})
    assert [job.id for job in stats_snapshot.running_jobs(connection, ["mail", "other"])] == [
        "claimed",
        "a",
        "old:1",
        "user:7",
    ]
