"""Delayed jobs and retries run once when they are due, with many schedulers and after crashes; housekeeping."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from redis import Redis
from rq.queue import Queue
from rq.rate_limit import RateLimit
from rq.scheduler import RQScheduler

from qctl.broker.admin import trash
from qctl.broker.bookkeeping import events
from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.maintenance import housekeeper, scheduler_loop
from qctl.broker.maintenance.housekeeper import Housekeeper
from qctl.broker.redis import keys
from qctl.broker.redis.connection import Backoff
from qctl.broker.scheduler import schedules
from qctl.broker.scheduler.promoter import DelayedJobPromoter
from qctl.broker.worker import pauses
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.catalog import PIPELINES
from qctl.errors import SettingsError
from qctl.settings import Settings
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually


def delay(connection: Redis, queue: Queue, seconds: float = -1) -> str:
    """Enqueue a job that is due in `seconds`. Returns its id."""
    job_id: str = queue.enqueue_in(timedelta(seconds=seconds), "f").id
    return job_id


def test_only_due_jobs_are_enqueued(connection: Redis, queue: Queue) -> None:
    due, later = delay(connection, queue), delay(connection, queue, 60)
    assert DelayedJobPromoter(connection).tick() == 1
    assert connection.lrange(keys.queue("work"), 0, -1) == [due.encode()]
    assert connection.hget(keys.job(due), "status") == b"queued"
    assert connection.zrange(keys.scheduled("work"), 0, -1) == [later.encode()]
    assert events.newest(connection, 1)[0].event == "enqueued"


def test_redis_clock_decides_what_is_due(connection: Redis, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    delay(connection, queue, 60)
    with monkeypatch.context() as skewed:
        skewed.setattr(time, "time", lambda at=time.time: at() + 3600)
        assert DelayedJobPromoter(connection).tick() == 0
    assert connection.zcard(keys.scheduled("work")) == 1


def test_many_schedulers_enqueue_each_job_once(connection: Redis, queue: Queue, redis_server: RedisServer) -> None:
    ids = {delay(connection, queue).encode() for _ in range(1000)}
    clients = [redis_server.connect() for _ in range(4)]
    threads = [threading.Thread(target=DelayedJobPromoter(client).tick) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    waiting = connection.lrange(keys.queue("work"), 0, -1)
    assert len(waiting) == 1000
    assert set(waiting) == ids


def test_lock_of_a_killed_scheduler_delays_no_job(connection: Redis, queue: Queue) -> None:
    killed = DelayedJobPromoter(connection)
    killed.tick()
    delay(connection, queue)
    assert DelayedJobPromoter(connection).tick() == 1, "schedulers share the lock"


def test_queue_locked_by_stock_scheduler_is_skipped(connection: Redis, queue: Queue) -> None:
    delay(connection, queue)
    stock = RQScheduler(["work"], connection=connection, name="stock")
    stock.acquire_locks()
    assert DelayedJobPromoter(connection).tick() == 0
    stock.release_locks()
    assert DelayedJobPromoter(connection).tick() == 1


def test_corrupt_scheduled_job_does_not_block_others(connection: Redis, queue: Queue) -> None:
    connection.set(keys.job("odd"), "text")
    connection.zadd(keys.scheduled("work"), {"odd": 1, "gone": 1})
    good = delay(connection, queue)
    DelayedJobPromoter(connection).tick()
    assert connection.lrange(keys.queue("work"), 0, -1) == [good.encode()]
    assert "string" in json.loads(connection.hget(keys.quarantine("work"), "odd"))["reason"]
    assert [(e.event, e.fields["job"]) for e in events.newest(connection, 9) if e.event == "discarded"] == [
        ("discarded", "gone")
    ]


def test_rate_limited_job_waits_for_a_slot(connection: Redis, queue: Queue) -> None:
    limit = RateLimit("one", 1)
    ids = [queue.enqueue_in(timedelta(seconds=-1), "f", rate_limit=limit).id for _ in range(2)]
    DelayedJobPromoter(connection).tick()
    assert connection.llen(keys.queue("work")) == 1
    assert connection.zcard(keys.scheduled("work")) == 0
    assert {connection.hget(keys.job(i), "status") for i in ids} == {b"queued", b"rate_limited"}


def test_stop_releases_locks(connection: Redis, queue: Queue) -> None:
    delay(connection, queue, 60)
    mine = DelayedJobPromoter(connection)
    mine.tick()
    assert connection.get(keys.scheduler_lock("work")) == b"qctl"
    mine.stop()
    assert connection.get(keys.scheduler_lock("work")) is None


def test_late_partial_batch_is_cut(connection: Redis, settings: Settings) -> None:
    buffer = Buffer(connection, PIPELINES["readings"], settings)
    old, new = time.time_ns() - int(60e9), time.time_ns()
    buffer.append(Commit(items=[json.dumps({"received_ns": old}).encode()]))
    Housekeeper(connection, settings).tick()
    assert connection.llen(keys.queue("sensor-data")) == 1
    buffer.append(Commit(items=[json.dumps({"received_ns": new}).encode()]))
    Housekeeper(connection, settings).tick()
    assert connection.llen(keys.buffer("readings")) == 1


def test_housekeeping_deletes_what_has_expired(connection: Redis, settings: Settings, queue: Queue) -> None:
    queue.enqueue("f")
    connection.zadd(keys.finished("work"), {"old": 1, "current": time.time() + 60, "for ever": -1})
    for name in ("current", "for ever"):
        connection.hset(keys.job(name), "status", "finished")
    connection.zadd(keys.LEASES, {"long dead": 1})
    pauses.pause(connection, "work", actor="me", seconds=0.01)
    time.sleep(0.05)
    began = int(time.time()) // 60
    Housekeeper(connection, settings).tick()
    assert connection.zrange(keys.finished("work"), 0, -1) == [b"for ever", b"current"]
    assert connection.zcard(keys.LEASES) == 0
    assert not connection.exists(keys.PAUSED)
    minutes = [divmod(each, 60) for each in range(began, int(time.time()) // 60 + 1)]
    depths = [connection.hget(keys.counts("work", hour), f"{minute}.depth") for hour, minute in minutes]
    assert b"1" in depths


def test_excess_finished_jobs_are_deleted_oldest_first(
    connection: Redis, make_settings: Callable[..., Settings], inline: QctlWorker, queue: Queue
) -> None:
    ids = [queue.enqueue("support.jobs.give", n).id for n in range(5)]
    permanent = queue.enqueue("support.jobs.give", result_ttl=-1).id
    inline.work(burst=True)
    connection.zadd(keys.finished("work"), {id_: time.time() + 60 + n for n, id_ in enumerate(ids)})
    connection.hset(keys.job(ids[0]), "status", "queued")  # as if it had been enqueued again
    Housekeeper(connection, make_settings(QCTL_MOST_FINISHED="2")).tick()
    assert connection.zrange(keys.finished("work"), 0, -1) == [id_.encode() for id_ in (*ids[3:], permanent)]
    there = [connection.exists(keys.job(id_), keys.results(id_)) for id_ in ids]
    assert there == [2, 0, 0, 2, 2]


def test_old_dead_letters_move_to_trash_if_settings_say_so(
    connection: Redis, make_settings: Callable[..., Settings], inline: QctlWorker, queue: Queue
) -> None:
    old, new = (queue.enqueue("support.jobs.fail").id for _ in range(2))
    inline.work(burst=True)
    [cause] = connection.hkeys(keys.causes("work"))
    connection.zadd(keys.cause("work", cause.decode()), {old: (time.time() - 3600) * 1000})
    Housekeeper(connection, make_settings()).tick()
    assert connection.zcard(keys.failed("work")) == 2, "by default they are kept"
    Housekeeper(connection, make_settings(QCTL_KEEP_FAILED="1800")).tick()
    assert connection.zrange(keys.failed("work"), 0, -1) == [new.encode()]
    [batch] = trash.batches(connection)
    assert (batch.queue, batch.verb, batch.by, batch.count) == ("work", "cleanup failed", "time", 1)


def test_loop_survives_loss_of_redis(
    own_redis: RedisServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_loop, "Backoff", lambda: Backoff(first_seconds=0.1, max_seconds=0.2))
    stop = threading.Event()
    client = own_redis.connect()
    thread = threading.Thread(target=scheduler_loop.run, args=(client, settings, stop.wait, lambda: None))
    thread.start()
    try:
        own_redis.kill()
        own_redis.start()
        queue = Queue("work", connection=own_redis.connect())
        delay(client, queue)
        eventually(lambda: queue.connection.llen(keys.queue("work")) == 1, what="the due job")
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_schedules_of_the_settings_return_after_a_loss_of_data(
    connection: Redis, make_settings: Callable[..., Settings]
) -> None:
    stop = threading.Event()
    settings = make_settings(QCTL_SCHEDULE_STOCK_CHECK="0 7 * * *")
    thread = threading.Thread(target=scheduler_loop.run, args=(connection, settings, stop.wait, lambda: None))
    thread.start()
    try:
        eventually(lambda: connection.zscore(keys.SCHEDULES, "stock-check") and connection.exists(keys.IDENTITY))
        connection.flushall()
        eventually(lambda: connection.zscore(keys.SCHEDULES, "stock-check"), what="the schedule")
        (event,) = [event for event in events.newest(connection, 100) if event.event == "lost"]
        assert "it holds none of what it held" in event.fields["reason"]
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)


def test_reloaded_settings_are_applied(
    connection: Redis, queue: Queue, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeper, "ROUND_SECONDS", 0.0)
    old = queue.enqueue("f")
    connection.lrem(keys.queue("work"), 0, old.id)
    connection.zadd(keys.failed("work"), {old.id: -1})
    connection.hset(keys.job(old.id), mapping={"status": "failed", "ended_at": "2020-01-01T00:00:00.000000Z"})
    reloaded, ticks = scheduler_loop.ReloadedSettings(), 0

    def stopping(_: float) -> bool:
        nonlocal ticks
        ticks += 1
        if ticks == 3:
            assert connection.zcard(keys.failed("work")) == 1
            reloaded.offer(make_settings(QCTL_KEEP_FAILED="1800", QCTL_SCHEDULE_STOCK_CHECK="7 7 * * *"))
        return ticks == 6

    scheduler_loop.run(connection, make_settings(), stopping, lambda: None, reloaded)
    assert connection.zcard(keys.failed("work")) == 0
    (stock,) = [schedule for schedule in schedules.list_all(connection) if schedule.name == "stock-check"]
    assert stock.cron == "7 7 * * *"


def test_reloaded_settings_with_invalid_schedule_are_refused(make_settings: Callable[..., Settings]) -> None:
    reloaded = scheduler_loop.ReloadedSettings()
    with pytest.raises(SettingsError):
        reloaded.offer(make_settings(QCTL_SCHEDULE_STOCK_CHECK="99 * * * *"))
    assert reloaded.take() is None


@pytest.mark.parametrize("key", [keys.scheduled, keys.finished, keys.claims, keys.counts_prefix])
def test_key_of_wrong_type_does_not_block_other_queues(
    connection: Redis, settings: Settings, queue: Queue, key: Callable[[str], str]
) -> None:
    bad = Queue("bad", connection=connection)
    bad.enqueue("f")
    hours = [int(time.time()) // 3600 + n for n in (0, 1)] if key is keys.counts_prefix else [""]
    for hour in hours:
        connection.set(f"{key('bad')}{hour}", "text")
    connection.set(keys.buffer_head("readings"), "text")
    connection.zadd(keys.LEASES, {"long dead": 1})
    due = delay(connection, queue)
    assert DelayedJobPromoter(connection).tick() == 1
    assert connection.lrange(keys.queue("work"), 0, -1) == [due.encode()]
    Housekeeper(connection, settings).tick()
    assert connection.zcard(keys.LEASES) == 0


def test_queue_key_of_wrong_type_loses_no_due_job(connection: Redis, queue: Queue) -> None:
    due = delay(connection, queue)
    connection.sadd(keys.QUEUES, keys.queue("work"))
    connection.set(keys.queue("work"), "text")
    DelayedJobPromoter(connection).tick()
    assert connection.zrange(keys.scheduled("work"), 0, -1) == [due.encode()]


def test_expired_trash_is_deleted(connection: Redis, settings: Settings, queue: Queue) -> None:
    for ttl in (0, 60):
        queue.enqueue("f")
        trash.clear(connection, "work", actor="me", ttl=ttl, progress=lambda _done, _total: None)
    expired, remaining = sorted(trash.batches(connection), key=lambda batch: batch.expires_at)
    Housekeeper(connection, settings).tick()
    assert trash.batches(connection) == [remaining]
    assert not connection.exists(keys.trash_jobs(expired.id))


def test_rate_limited_job_of_stock_producer_keeps_its_pickled_parts(connection: Redis) -> None:
    stock_queue = Queue("work", connection=connection)
    notes = {"bomb": {1, 2}}
    limited = stock_queue.enqueue_in(timedelta(seconds=-1), "f", {3}, rate_limit=RateLimit("one", 1), meta=notes)
    before = connection.hmget(keys.job(limited.id), "data", "meta")
    DelayedJobPromoter(connection).tick()
    assert connection.lrange(keys.queue("work"), 0, -1) == [limited.id.encode()]
    after = connection.hmget(keys.job(limited.id), "data", "meta")
    assert [zlib.decompress(after[0]), after[1]] == [zlib.decompress(before[0]), before[1]]
    assert not connection.exists(keys.quarantine("work"))


def test_unreadable_rate_limited_job_is_quarantined(connection: Redis, queue: Queue) -> None:
    bad = queue.enqueue_in(timedelta(seconds=-1), "f", rate_limit=RateLimit("one", 1)).id
    connection.hset(keys.job(bad), "created_at", "yesterday")
    good = delay(connection, queue)
    DelayedJobPromoter(connection).tick()
    assert connection.lrange(keys.queue("work"), 0, -1) == [good.encode()]
    assert connection.hexists(keys.quarantine("work"), bad)
    assert connection.zcard(keys.scheduled("work")) == 0
