"""Counters of runs, and the rates and percentiles made from them."""

from __future__ import annotations

import time

import pytest
from redis import Redis
from rq import Repeat, Retry
from rq.queue import Queue

from qctl.broker.bookkeeping import counters
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.histogram import ACCURACY, BUCKET_RANGE, bucket
from qctl.models import QueueStats


def read(connection: Redis, queue: str = "work") -> QueueStats:
    return next(stats for stats in stats_snapshot.stats(connection).queues if stats.name == queue)


def all_times(connection: Redis, queue: str = "work") -> counters.DurationHistograms:
    hashes = connection.keys(keys.durations(queue, 0).removesuffix("0") + "*")
    return counters.parse_times([connection.hgetall(key) for key in hashes])


def count(connection: Redis, *runs: tuple[str, bool, float, float]) -> None:
    """Count runs that ended just now: name, failed, waited, ran."""
    with connection.pipeline() as pipe:
        for name, failed, waited, ran in runs:
            counters.record_run(pipe, "work", name, failed=failed, waited=waited, ran=ran)
        pipe.sadd(keys.QUEUES, keys.queue("work"))
        pipe.execute()


def test_stats_has_percentiles_of_waits_and_runs(connection: Redis) -> None:
    count(connection, *[("mail", False, 10.0, 0.1)] * 90, *[("mail", False, 300.0, 0.1)] * 8, *[("x", True, 1, 60)] * 2)
    work = read(connection)
    assert work.waits.percentile(50) == pytest.approx(10, rel=ACCURACY)
    assert work.waits.percentile(95) == pytest.approx(300, rel=ACCURACY)
    assert work.runs.percentile(50) == pytest.approx(0.1, rel=ACCURACY)
    assert work.runs.percentile(99) == pytest.approx(60, rel=ACCURACY)
    assert (work.recent_finished, work.recent_failed, work.error_rate) == (98, 2, 0.02)


def test_without_runs_percentiles_and_error_rate_are_none(connection: Redis) -> None:
    count(connection)
    work = read(connection)
    assert (work.waits.percentile(50), work.error_rate, work.eta, work.memory) == (None, None, 0.0, 0)


def test_worker_counts_runs_by_job_name(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    queue.enqueue("support.jobs.nap", 0.05)
    queue.enqueue("support.jobs.fail")
    queue.enqueue("support.jobs.not_there")
    worker.work(burst=True)
    seen = all_times(connection)
    assert {name: runs.count for name, runs in seen.runs.items()} == {"support.jobs.nap": 1}
    # Unknown names share one counter: a client could send any number of them.
    assert {name: runs.count for name, runs in seen.failures.items()} == {"support.jobs.fail": 1, "?": 1}
    assert 0.05 * (1 - ACCURACY) <= (seen.runs["support.jobs.nap"].percentile(50) or 0) < 5
    assert seen.waits.count == 3
    totals = {name.decode(): int(value) for name, value in connection.hgetall(keys.TOTALS).items()}
    assert totals == {"finished:work": 1, "failed:work": 2, "dead:work": 2}


def test_wait_is_measured_from_enqueueing_to_start(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give", retry=Retry(max=1))
    connection.hset(keys.job(job.id), "enqueued_at", "2026-01-01T00:00:00.000000Z")
    inline.work(burst=True)
    since = time.time() - 1_767_225_600
    assert all_times(connection).waits.percentile(50) == pytest.approx(since, rel=ACCURACY)


def test_run_of_repeating_job_counts_as_finished(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    queue.enqueue("support.jobs.give", repeat=Repeat(times=1, interval=60))
    inline.work(burst=True)
    work = read(connection)
    assert (work.recent_finished, work.recent_failed, work.scheduled) == (1, 0, 1)


def test_minute_counters_expire_and_totals_do_not(connection: Redis) -> None:
    counters.reset_expiry_cache()
    count(connection, ("mail", False, 1, 1), ("mail", True, 1, 1))
    for key in connection.keys("qctl:times:*") + connection.keys("qctl:counts:*"):
        assert counters.RETENTION_SECONDS - 60 < connection.ttl(key) <= counters.RETENTION_SECONDS
    assert connection.ttl(keys.TOTALS) == -1


def test_expire_is_sent_once_per_key(connection: Redis) -> None:
    counters.reset_expiry_cache()
    with connection.pipeline() as pipe:
        counters.record_run(pipe, "work", "mail", failed=False, waited=1, ran=1)
        first = len(pipe)
        counters.record_run(pipe, "work", "mail", failed=False, waited=1, ran=1)
        assert len(pipe) - first <= 4
        counters.reset_expiry_cache()
        counters.record_run(pipe, "work", "mail", failed=False, waited=1, ran=1)
        assert len(pipe) == 2 * first + 4


def test_many_busy_queues_read_fewer_minutes(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    minute = int(time.time()) // 60
    for queue in ("one", "two"):
        connection.sadd(keys.QUEUES, keys.queue(queue))
        for ago in (1, 2, 3):
            hour, of_hour = divmod(minute - ago, 60)
            connection.hset(keys.counts(queue, hour), f"{of_hour}.finished", 5)
            connection.hset(keys.durations(queue, minute - ago), "r0 mail", 5)
    assert read(connection, "one").runs.count in (10, 15)  # the third minute leaves the window when a new minute begins
    monkeypatch.setattr(stats_snapshot, "MAX_DURATION_MINUTES", 2)
    assert [read(connection, queue).runs.count for queue in ("one", "two")] == [5, 5]
    assert read(connection, "one").recent_finished in (10, 15)


HOSTILE = {
    "w999999999": "1",  # a sketch with that many buckets would take all memory
    f"r{BUCKET_RANGE[1] + 1} mail": "1",
    "w-": "1",
    "w\u0663": "many",
    "r5 mail": "-4",
    "f5 \x1b[31mred": "2",
    "x5 mail": "1",
    "": "1",
    b"w\xff": "1",
}


def test_unknown_fields_are_ignored(connection: Redis) -> None:
    key = keys.durations("work", int(time.time()) // 60)
    count(connection, ("mail", False, 1, 1))
    connection.hset(key, mapping=HOSTILE)
    seen = all_times(connection)
    assert dict(seen.waits.counts) == {bucket(1): 1}
    assert set(seen.runs) == {"mail"}
    assert {name: runs.count for name, runs in seen.failures.items()} == {"\x1b[31mred": 2}
    assert read(connection).runs.count == 3


def test_times_key_of_wrong_type_hides_only_percentiles(connection: Redis) -> None:
    minute = int(time.time()) // 60
    with connection.pipeline() as pipe:
        counters.increment(pipe, "work", "finished", 4)
        pipe.sadd(keys.QUEUES, keys.queue("work"))
        for wrong in range(minute - 1, minute + 2):
            pipe.set(keys.durations("work", wrong), "text")
        pipe.execute()
    work = read(connection)
    assert (work.recent_finished, work.runs.count, work.error) == (4, 0, None)


@pytest.mark.parametrize(
    ("arrived", "taken", "eta"),
    [(60, 120, pytest.approx(100, rel=0.05)), (120, 60, float("inf")), (60, 60, float("inf"))],
)
def test_eta_from_arrivals_and_departures(connection: Redis, arrived: int, taken: int, eta: float) -> None:
    """During the last minute and the current one, `taken` jobs/min left and `arrived` jobs/min arrived."""
    at = 1_800_000_030.0
    now, before = {"taken": taken // 2}, {"taken": taken, "depth": 100}
    window = counters.CountWindow([now, before, {}, {}, {}], at % 60)
    depth = 100 + round(1.5 * (arrived - taken))
    work = QueueStats("work", waiting=100, in_rate=window.arrivals(depth), taken_rate=window.rate("taken"))
    assert work.eta == eta


@pytest.mark.parametrize("at", [3600 * 500_000 + 90.0, 3600 * 500_000 + 1800.0, 3600 * 500_000.0])
def test_window_spans_two_hours(connection: Redis, at: float) -> None:
    for back in range(counters.WINDOW_MINUTES + 1):
        hour, minute = divmod(int(at) // 60 - back, 60)
        connection.hset(keys.counts("work", hour), f"{minute}.finished", 10**back)
    with connection.pipeline() as pipe:
        counters.queue_window_reads(pipe, "work", at)
        window = counters.parse_window(pipe.execute(), at)
    assert [minute["finished"] for minute in window.minutes] == [1, 10, 100, 1000, 10_000]
    assert window.sum("finished") == 11_111
