"""Schedules and delayed jobs of every kind: list with next and last run, run now, pause, remove."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from redis import Redis
from rq import Queue, Repeat, Retry, SimpleWorker
from rq.job import Job
from rq_scheduler import Scheduler

from qctl.broker.redis import keys
from qctl.broker.scheduler import delayed_jobs
from qctl.broker.scheduler.cron import CronScheduler
from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import Timer
from qctl.ops import Ops
from support.jobs import fail, give

SOON = timedelta(hours=1)


@pytest.fixture
def email(connection: Redis) -> Queue:
    """A queue of stock RQ."""
    return Queue("email", connection=connection)


@pytest.fixture
def work(connection: Redis, email: Queue) -> Callable[[], None]:
    """Run all waiting jobs with a stock worker."""
    return lambda: SimpleWorker([email], connection=connection).work(burst=True) and None


def only(ops: Ops) -> Timer:
    (row,) = ops.schedules.list().rows
    return row


# --- what is listed -------------------------------------------------------------------------------------------


def test_a_schedule_with_its_next_and_last_run(ops: Ops, connection: Redis) -> None:
    made = ops.schedules.add("mine", "stock-check", ["businessId=7"], cron="0 3 * * *", timezone="Europe/Berlin")
    assert (made.kind, made.name, made.queue, made.cron, made.runs) == ("cron", "mine", "inventory", "0 3 * * *", 0)
    assert made.next_at is not None
    assert made.next_at > datetime.now(timezone.utc)
    CronScheduler(connection, now=lambda: int(made.next_at.timestamp()) if made.next_at else 0).enqueue_jobs()
    row = only(ops)
    assert row.last_at is not None
    assert (row.runs, row.last_status) == (1, "queued")
    assert row.last_job == f"cron-mine-{made.next_at:%Y%m%dT%H%M%SZ}"


def test_a_delayed_job_of_stock_rq(ops: Ops, email: Queue) -> None:
    job = email.enqueue_in(SOON, give, 1)
    row = only(ops)
    assert (row.kind, row.name, row.job, row.queue, row.source) == ("once", job.id, "support.jobs.give", "email", "rq")
    assert row.next_at is not None
    assert timedelta(minutes=59) < row.next_at - datetime.now(timezone.utc) < SOON
    assert (row.last_at, row.left, row.concerns) == (None, None, ())


def test_a_repeat_of_stock_rq(ops: Ops, email: Queue, work: Callable[[], None]) -> None:
    """People need to see the next run of a repeated job."""
    job = email.enqueue(give, repeat=Repeat(times=3, interval=[60, 120]))
    work()
    row = only(ops)
    assert (row.kind, row.name, row.left, row.every) == ("repeat", job.id, 3, (120,))
    assert row.last_at is not None
    assert row.next_at is not None
    assert 50 < (row.next_at - row.last_at).total_seconds() < 70


def test_a_retry_of_stock_rq(ops: Ops, email: Queue, work: Callable[[], None]) -> None:
    job = email.enqueue(fail, retry=Retry(max=3, interval=60))
    work()
    row = only(ops)
    assert (row.kind, row.name, row.left) == ("retry", job.id, 2)
    assert row.last_at is not None


def test_schedules_of_a_stock_rq_scheduler_are_listed(ops: Ops, connection: Redis) -> None:
    scheduler = Scheduler("email", connection=connection)
    job = scheduler.schedule(datetime.now(timezone.utc) + SOON, give, args=["x"], interval=60)
    row = only(ops)
    assert (row.kind, row.name, row.queue, row.source) == ("rq-scheduler", job.id, "email", "rq-scheduler")
    assert row.next_at is not None


def test_timers_are_sorted_by_time_and_counted(ops: Ops, email: Queue, connection: Redis) -> None:
    other = Queue("report", connection=connection)
    ids = [
        queue.enqueue_in(timedelta(hours=n), give).id for n, queue in ((3, email), (1, other), (2, email), (4, other))
    ]
    ops.schedules.add("mine", "stock-check", every=60)
    found = ops.schedules.list(limit=3)
    assert [row.name for row in found.rows] == ["mine", ids[1], ids[2], ids[0]]
    assert found.total == 5
    assert [row.name for row in ops.schedules.list(queue="em*").rows] == [ids[2], ids[0]]
    assert [row.name for row in ops.schedules.list(kinds=["every"]).rows] == ["mine"]
    with pytest.raises(NotFoundError, match="queue 'emial' not found"):
        ops.schedules.list(queue="emial")


def test_next_lists_the_next_times(ops: Ops, email: Queue) -> None:
    job = email.enqueue_in(timedelta(seconds=150), give)
    ops.schedules.add("mine", "stock-check", every=60, repeat=3)
    assert [one.timer.name for one in ops.schedules.next()] == ["mine", "mine", job.id, "mine"]
    assert [one.timer.name for one in ops.schedules.next(count=2)] == ["mine", "mine"]
    assert [one.timer.name for one in ops.schedules.next(names=["mine"], count=9)] == ["mine"] * 3
    assert [one.timer.name for one in ops.schedules.next(names=[job.id])] == [job.id]
    with pytest.raises(NotFoundError):
        ops.schedules.next(names=["nosuch"])


def test_hostile_and_damaged_rows_are_listed(ops: Ops, connection: Redis) -> None:
    connection.sadd(keys.QUEUES, keys.queue("email"), keys.queue("broken"))
    connection.set(keys.scheduled("broken"), "text")
    connection.zadd(keys.scheduled("email"), {"gone": 1, "text": 2, b"\xff": 3, "late": 1e300})
    connection.set(keys.job("text"), "no hash")
    connection.hset(
        keys.job("late"), mapping={"repeats_left": "9" * 99, "repeat_intervals": "[" * 9999, "started_at": "x"}
    )
    rows = {row.name: row for row in ops.schedules.list().rows}
    assert set(rows) == {"gone", "text", "\udcff", "late"}
    assert (rows["late"].next_at, rows["late"].every) == (None, ())
    assert rows["gone"].job == "?"


# --- what is not as it should be ------------------------------------------------------------------------------


def kinds_of(row: Timer) -> list[str]:
    return [concern.kind for concern in row.concerns]


def test_a_due_job_without_a_scheduler_is_overdue(ops: Ops, connection: Redis) -> None:
    ops.schedules.add("mine", "stock-check", every=3600)
    connection.zadd(keys.SCHEDULES, {"mine": time.time() - 300})
    connection.sadd(keys.QUEUES, keys.queue("email"))
    connection.zadd(keys.scheduled("email"), {"job": time.time() - 300, "just": time.time() - 5})
    concerns = {row.name: row.concerns for row in ops.schedules.list().rows}
    assert concerns["just"] == ()
    for name in ("mine", "job"):
        assert [one.kind for one in concerns[name]] == ["overdue"]
        assert 290 < concerns[name][0].seconds < 400


def test_missed_runs_are_reported_for_a_day(ops: Ops, connection: Redis) -> None:
    made = ops.schedules.add("mine", "stock-check", every=60, catch_up="one")
    assert made.next_at is not None
    late = int(made.next_at.timestamp()) + 3 * 60 + 5
    CronScheduler(connection, now=lambda: late).enqueue_jobs()
    row = only(ops)
    assert [(one.kind, one.count) for one in row.concerns if one.kind == "missed"] == [("missed", 3)]
    connection.hset(keys.schedule("mine"), "qctl_missed_at", "2020-01-01T00:00:00.000000Z")
    assert "missed" not in kinds_of(only(ops))


def test_overlapping_runs_are_reported(ops: Ops, connection: Redis) -> None:
    ops.schedules.add("mine", "stock-check", every=60)
    started = {f"cron-mine-{n}:0123456789abcde{n}": time.time() + 60 for n in range(2)}
    connection.zadd(keys.started("inventory"), started)
    connection.zadd(keys.started("inventory"), {"cron-minecraft-1:0123456789abcdef": time.time() + 60})
    assert [(one.kind, one.count) for one in only(ops).concerns] == [("overlap", 2)]


def test_a_run_longer_than_its_interval_is_reported(ops: Ops, connection: Redis) -> None:
    made = ops.schedules.add("mine", "stock-check", every=60)
    assert made.next_at is not None
    CronScheduler(connection, now=lambda: int(made.next_at.timestamp()) if made.next_at else 0).enqueue_jobs()
    fifty_ago = datetime.now(timezone.utc) - timedelta(seconds=50)
    connection.hset(keys.schedule("mine"), "qctl_last_at", fifty_ago.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
    connection.zadd(keys.SCHEDULES, {"mine": time.time() + 10})
    assert kinds_of(only(ops)) == ["slow"]
    connection.hset(keys.job(str(only(ops).last_job)), "status", "finished")
    assert kinds_of(only(ops)) == []


# --- what is done to them -------------------------------------------------------------------------------------


def test_a_schedule_is_paused_run_and_removed(ops: Ops, connection: Redis) -> None:
    """People run a cron entry now, and pause it."""
    ops.schedules.add("mine", "stock-check", cron="0 3 * * *")
    paused, changed = ops.schedules.pause("mine")
    assert (paused.next_at, changed) == (None, True)
    assert "@" in (paused.paused_by or "")
    assert ops.schedules.pause("mine")[1] is False
    row, job = ops.schedules.run("mine")
    assert connection.lrange(keys.queue(row.queue), 0, -1) == [job.encode()]
    resumed, changed = ops.schedules.resume("mine")
    assert (resumed.next_at is not None, changed) == (True, True)
    assert ops.schedules.resume("mine")[1] is False
    assert ops.schedules.remove("mine").name == "mine"
    with pytest.raises(NotFoundError):
        ops.schedules.remove("mine")


def test_a_waiting_job_is_paused_and_resumed_to_its_time(ops: Ops, email: Queue, connection: Redis) -> None:
    job = email.enqueue_in(SOON, give)
    due = connection.zscore(keys.scheduled("email"), job.id)
    row, changed = ops.schedules.pause(job.id)
    assert (row.next_at, changed) == (None, True)
    assert "@" in (row.paused_by or "")
    assert connection.zscore(keys.scheduled("email"), job.id) == delayed_jobs.PAUSED_DUE_SECONDS
    email.scheduled_job_registry.get_scheduled_time(job.id)  # RQ's own tools can still write it
    assert ops.schedules.pause(job.id)[1] is False
    assert only(ops).paused_by == row.paused_by
    assert ops.schedules.resume(job.id)[1] is True
    assert connection.zscore(keys.scheduled("email"), job.id) == due
    assert ops.schedules.resume(job.id)[1] is False


def test_a_waiting_job_runs_before_its_time_and_once(ops: Ops, email: Queue, work: Callable[[], None]) -> None:
    job = email.enqueue_in(SOON, give)
    ops.schedules.pause(job.id)
    assert ops.schedules.run(job.id)[1] == job.id
    assert email.job_ids == [job.id]
    assert email.scheduled_job_registry.get_job_ids() == []
    with pytest.raises(NotFoundError):
        ops.schedules.run(job.id)
    work()
    assert job.get_status() == "finished"


def test_a_job_of_a_stock_scheduler_runs_now_and_comes_again(ops: Ops, connection: Redis, email: Queue) -> None:
    scheduler = Scheduler("email", connection=connection)
    job = scheduler.schedule(datetime.now(timezone.utc) + SOON, give, interval=60)
    ops.schedules.run(job.id)
    assert email.job_ids == [job.id]
    assert [row.name for row in ops.schedules.list().rows] == [job.id]
    with pytest.raises(RefusedError, match="is already queued"):
        ops.schedules.run(job.id)
    assert ops.schedules.pause(job.id)[0].paused_by is not None
    assert list(scheduler.get_jobs(until=SOON)) == []
    assert ops.schedules.resume(job.id)[0].next_at is not None
    with pytest.raises(RefusedError, match="a stock rq-scheduler owns it"):
        ops.schedules.remove(job.id)


def test_removing_a_waiting_job_cancels_it(ops: Ops, email: Queue, connection: Redis) -> None:
    job = email.enqueue_in(SOON, give)
    ops.schedules.remove(job.id)
    assert Job.fetch(job.id, connection=connection).get_status() == "canceled"
    assert ops.schedules.list().rows == []


def test_impossible_schedule_operations_are_refused(ops: Ops, email: Queue, connection: Redis) -> None:
    with pytest.raises(NotFoundError) as unknown:
        ops.schedules.add("mine", "stock-chek", every=60)
    assert unknown.value.close == ("stock-check",)
    with pytest.raises(UsageError, match="'61"):
        ops.schedules.add("mine", "stock-check", cron="61 * * * *")
    with pytest.raises(UsageError, match="colour"):
        ops.schedules.add("mine", "stock-check", ["colour=red"], every=60)
    ops.schedules.add("mine", "stock-check", every=60)
    with pytest.raises(RefusedError, match="exists"):
        ops.schedules.add("mine", "stock-check", every=60)
    for act in (ops.schedules.pause, ops.schedules.resume, ops.schedules.run, ops.schedules.remove):
        with pytest.raises(NotFoundError) as missing:
            act("mien")
        assert missing.value.close == ("mine",)
    gone = email.enqueue_in(SOON, give)
    connection.delete(keys.job(gone.id))
    with pytest.raises(NotFoundError):
        ops.schedules.run(gone.id)
    limited = email.enqueue_in(SOON, give)
    connection.hset(keys.job(limited.id), "rate_limit_key", "k")
    with pytest.raises(RefusedError, match="rate limit"):
        ops.schedules.run(limited.id)
