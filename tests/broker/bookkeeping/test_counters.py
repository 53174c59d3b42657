"""What is counted when a run ends, and what is read of it."""

from __future__ import annotations

import time

import pytest
from redis import Redis
from rq import Repeat, Retry
from rq.queue import Queue

from qctl.broker.bookkeeping import counters
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import keys
from qctl.broker.worker.base import QctlWorker
from qctl.histogram import ACCURACY, RANGE, bucket
from qctl.models import QueueStats


def read(connection: Redis, queue: str = "work") -> QueueStats:
    return next(each for each in stats_snapshot.stats(connection).queues if each.name == queue)


def all_times(connection: Redis, queue: str = "work") -> counters.Times:
    found = connection.keys(keys.durations(queue, 0).removesuffix("0") + "*")
    return counters.times([connection.hgetall(key) for key in found])


def count(connection: Redis, *runs: tuple[str, bool, float, float]) -> None:
    """Runs that ended just now: name, failed, waited, ran."""
    with connection.pipeline() as pipe:
        for name, failed, waited, ran in runs:
            counters.ended(pipe, "work", name, failed=failed, waited=waited, ran=ran)
        pipe.sadd(keys.QUEUES, keys.queue("work"))
        pipe.execute()


def test_stats_shows_how_long_jobs_waited_and_ran(connection: Redis) -> None:
    count(connection, *[("mail", False, 10.0, 0.1)] * 90, *[("mail", False, 300.0, 0.1)] * 8, *[("x", True, 1, 60)] * 2)
    work = read(connection)
    assert work.waits.percentile(50) == pytest.approx(10, rel=ACCURACY)
    assert work.waits.percentile(95) == pytest.approx(300, rel=ACCURACY)
    assert work.runs.percentile(50) == pytest.approx(0.1, rel=ACCURACY)
    assert work.runs.percentile(99) == pytest.approx(60, rel=ACCURACY)
    assert (work.recent_finished, work.recent_failed, work.error_rate) == (98, 2, 0.02)


def test_nothing_ran_nothing_is_known(connection: Redis) -> None:
    count(connection)
    work = read(connection)
    assert (work.waits.percentile(50), work.error_rate, work.eta, work.memory) == (None, None, 0.0, 0)


def test_a_worker_counts_by_the_name_of_the_job(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    queue.enqueue("support.jobs.nap", 0.05)
    queue.enqueue("support.jobs.fail")
    queue.enqueue("support.jobs.not_there")
    worker.work(burst=True)
    seen = all_times(connection)
    assert {name: runs.count for name, runs in seen.runs.items()} == {"support.jobs.nap": 1}
    # A name that leads nowhere makes no counter of its own: anybody could send any number of them.
    assert {name: runs.count for name, runs in seen.failures.items()} == {"support.jobs.fail": 1, "?": 1}
    assert 0.05 * (1 - ACCURACY) <= (seen.runs["support.jobs.nap"].percentile(50) or 0) < 5
    assert seen.waits.count == 3
    totals = {name.decode(): int(value) for name, value in connection.hgetall(keys.TOTALS).items()}
    assert totals == {"finished:work": 1, "failed:work": 2, "dead:work": 2}


def test_a_wait_is_from_the_queue_to_the_start(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give", retry=Retry(max=1))
    connection.hset(keys.job(job.id), "enqueued_at", "2026-01-01T00:00:00.000000Z")
    inline.work(burst=True)
    since = time.time() - 1_767_225_600
    assert all_times(connection).waits.percentile(50) == pytest.approx(since, rel=ACCURACY)


def test_a_job_that_repeats_has_succeeded(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    queue.enqueue("support.jobs.give", repeat=Repeat(times=1, interval=60))
    inline.work(burst=True)
    work = read(connection)
    assert (work.recent_finished, work.recent_failed, work.scheduled) == (1, 0, 1)


def test_what_is_counted_by_the_minute_goes_away_and_totals_stay(connection: Redis) -> None:
    counters.forget()
    count(connection, ("mail", False, 1, 1), ("mail", True, 1, 1))
    for key in connection.keys("qctl:times:*") + connection.keys("qctl:counts:*"):
        assert counters.KEEP - 60 < connection.ttl(key) <= counters.KEEP
    assert connection.ttl(keys.TOTALS) == -1


def test_a_run_that_ends_costs_at_most_two_commands_more_than_its_count(connection: Redis) -> None:
    counters.forget()
    with connection.pipeline() as pipe:
        counters.ended(pipe, "work", "mail", failed=False, waited=1, ran=1)
        first = len(pipe)
        counters.ended(pipe, "work", "mail", failed=False, waited=1, ran=1)
        assert len(pipe) - first <= 4
        counters.forget()
        counters.ended(pipe, "work", "mail", failed=False, waited=1, ran=1)
        assert len(pipe) == 2 * first + 4


def test_many_busy_queues_are_told_of_fewer_minutes(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    minute = int(time.time()) // 60
    for queue in ("one", "two"):
        connection.sadd(keys.QUEUES, keys.queue(queue))
        for ago in (1, 2, 3):
            hour, of_hour = divmod(minute - ago, 60)
            connection.hset(keys.counts(queue, hour), f"{of_hour}.finished", 5)
            connection.hset(keys.durations(queue, minute - ago), "r0 mail", 5)
    assert read(connection, "one").runs.count in (10, 15)  # the third is no longer recent where a minute begins
    monkeypatch.setattr(stats_snapshot, "MOST_MINUTES", 2)
    assert [read(connection, queue).runs.count for queue in ("one", "two")] == [5, 5]
    assert read(connection, "one").recent_finished in (10, 15)


HOSTILE = {
    "w999999999": "1",  # a sketch with that many buckets would take all memory
    f"r{RANGE[1] + 1} mail": "1",
    "w-": "1",
    "w\u0663": "many",
    "r5 mail": "-4",
    "f5 \x1b[31mred": "2",
    "x5 mail": "1",
    "": "1",
    b"w\xff": "1",
}


def test_fields_that_are_not_ours_are_passed_over(connection: Redis) -> None:
    key = keys.durations("work", int(time.time()) // 60)
    count(connection, ("mail", False, 1, 1))
    connection.hset(key, mapping=HOSTILE)
    seen = all_times(connection)
    assert dict(seen.waits.counts) == {bucket(1): 1}
    assert set(seen.runs) == {"mail"}
    assert {name: runs.count for name, runs in seen.failures.items()} == {"\x1b[31mred": 2}
    assert read(connection).runs.count == 3


def test_times_under_a_key_of_another_type_hide_the_percentiles_alone(connection: Redis) -> None:
    minute = int(time.time()) // 60
    with connection.pipeline() as pipe:
        counters.bump(pipe, "work", "finished", 4)
        pipe.sadd(keys.QUEUES, keys.queue("work"))
        for each in range(minute - 1, minute + 2):
            pipe.set(keys.durations("work", each), "text")
        pipe.execute()
    work = read(connection)
    assert (work.recent_finished, work.runs.count, work.error) == (4, 0, None)


@pytest.mark.parametrize(
    ("came", "taken", "eta"),
    [(60, 120, pytest.approx(100, rel=0.05)), (120, 60, float("inf")), (60, 60, float("inf"))],
)
def test_when_the_queue_will_be_empty(connection: Redis, came: int, taken: int, eta: float) -> None:
    """In the last whole minute and this one so far, `taken` a minute left and `came` a minute came."""
    at = 1_800_000_030.0
    now, before = {"taken": taken // 2}, {"taken": taken, "depth": 100}
    window = counters.Window([now, before, {}, {}, {}], at % 60)
    depth = 100 + round(1.5 * (came - taken))
    work = QueueStats("work", waiting=100, in_rate=window.arrivals(depth), taken_rate=window.rate("taken"))
    assert work.eta == eta


@pytest.mark.parametrize("at", [3600 * 500_000 + 90.0, 3600 * 500_000 + 1800.0, 3600 * 500_000.0])
def test_a_window_reaches_over_the_hour(connection: Redis, at: float) -> None:
    for back in range(counters.RECENT + 1):
        hour, minute = divmod(int(at) // 60 - back, 60)
        connection.hset(keys.counts("work", hour), f"{minute}.finished", 10**back)
    with connection.pipeline() as pipe:
        counters.ask(pipe, "work", at)
        window = counters.window(pipe.execute(), at)
    assert [minute["finished"] for minute in window.minutes] == [1, 10, 100, 1000, 10_000]
    assert window.sum("finished") == 11_111
