"""A step back of Redis's clock holds nothing: what is due soon keeps its wait, and what is due later its time.

The tests write what the clock left behind before it went back: times in the future."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timezone

import pytest
from redis import Redis
from rq import Queue

from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, keys
from qctl.broker.scheduler import schedules
from qctl.broker.scheduler.clock_steps import ClockWatch
from qctl.broker.scheduler.cron import CronScheduler
from qctl.broker.scheduler.promoter import DelayedJobPromoter
from qctl.broker.worker import pauses, recovery
from qctl.broker.worker.recovery import Recoverer
from qctl.settings import Settings

HOUR = 3600


def go_back(connection: Redis, seconds: int = HOUR) -> int:
    """Write the note of a clock that was ahead by so many seconds. Returns its time, in seconds."""
    before = clock.now_ms(connection) + seconds * 1000
    connection.hset(keys.CLOCK, "at", before)
    return before // 1000


def check(connection: Redis) -> None:
    """Notice the step, as a scheduler does."""
    ClockWatch(connection, CronScheduler(connection)).check_if_due()


def wait_of(connection: Redis, key: str, member: str) -> float:
    """Seconds until something is due."""
    return float(connection.zscore(key, member)) - clock.now_ms(connection) / 1000


def wait_in(queue: Queue, before: int, wait: float) -> str:
    """Schedule a job as before the step, due `wait` seconds after it. Returns its id."""
    job = queue.create_job("f")
    queue.schedule_job(job, datetime.fromtimestamp(before + wait, timezone.utc))
    return job.id


@pytest.mark.parametrize(
    ("wait", "expected"), [(-2, 0), (0, 0), (30, 30), (HOUR - 60, HOUR - 60), (2 * HOUR, 3 * HOUR)]
)
def test_a_job_that_is_due_soon_keeps_its_wait(connection: Redis, queue: Queue, wait: int, expected: int) -> None:
    job_id = wait_in(queue, go_back(connection), wait)
    check(connection)
    assert wait_of(connection, keys.scheduled("work"), job_id) == pytest.approx(expected, abs=3)
    check(connection)
    assert wait_of(connection, keys.scheduled("work"), job_id) == pytest.approx(expected, abs=3), "moved once"


def test_a_job_that_was_due_runs_at_once(connection: Redis, queue: Queue) -> None:
    job_id = wait_in(queue, go_back(connection), 0)
    promoter = DelayedJobPromoter(connection)
    assert promoter.tick() == 0
    check(connection)
    assert promoter.tick() == 1
    assert queue.job_ids == [job_id]


def test_more_jobs_are_moved_than_one_call_takes(connection: Redis, queue: Queue) -> None:
    before = go_back(connection)
    connection.sadd(keys.QUEUES, keys.queue("work"))
    connection.zadd(keys.scheduled("work"), {f"due-{n}": before - 1 for n in range(700)})
    connection.zadd(keys.scheduled("work"), {f"soon-{n}": before + 60 for n in range(700)})
    check(connection)
    now = clock.now_ms(connection) / 1000
    assert connection.zcount(keys.scheduled("work"), "-inf", now + 1) == 700
    assert connection.zcount(keys.scheduled("work"), "-inf", now + 61) == 1400


def test_a_short_step_and_a_step_ahead_move_nothing(connection: Redis, queue: Queue) -> None:
    for seconds in (10, -HOUR):
        job_id = wait_in(queue, go_back(connection, seconds), 5)
        due = connection.zscore(keys.scheduled("work"), job_id)
        check(connection)
        assert connection.zscore(keys.scheduled("work"), job_id) == due
    assert events.newest(connection, 9) == []


def test_a_step_is_told_once(connection: Redis, queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    wait_in(queue, go_back(connection), 30)
    check(connection)
    check(connection)
    (event,) = [event for event in events.newest(connection, 9) if event.event == "clock"]
    assert re.match(r"Redis's clock went back by 3(600|59\d) s: 1 jobs, ", str(event.fields["reason"]))
    assert sum("went back" in record.message for record in caplog.records) == 1


def test_a_scheduler_that_was_killed_leaves_the_rest_to_the_next(connection: Redis, queue: Queue) -> None:
    job_id = wait_in(queue, go_back(connection), 30)
    ClockWatch(connection, CronScheduler(connection))._note()
    assert wait_of(connection, keys.scheduled("work"), job_id) > HOUR
    check(connection)
    assert wait_of(connection, keys.scheduled("work"), job_id) == pytest.approx(30, abs=3)
    assert connection.hkeys(keys.CLOCK) == [b"at"]


@pytest.mark.parametrize(
    ("rule", "expected"), [({"every": 60}, 60), ({"cron": "* * * * *"}, 60), ({"cron": "0 3 * * *"}, None)]
)
def test_frequent_schedules_run_on_and_daily_ones_do_not_run_twice(
    connection: Redis, settings: Settings, rule: dict[str, object], expected: int | None
) -> None:
    schedules.add(connection, settings, "mine", "stock-check", None, actor="me", **rule)  # type: ignore[arg-type]
    before = go_back(connection)
    connection.zadd(keys.SCHEDULES, {"mine": before + 60})
    check(connection)
    wait = wait_of(connection, keys.SCHEDULES, "mine")
    if expected is None:
        assert wait > HOUR
    else:
        assert 0 < wait <= expected + 3


def test_a_run_of_the_repeated_hour_is_not_taken_for_the_first_one(connection: Redis, settings: Settings) -> None:
    schedules.add(connection, settings, "mine", "stock-check", None, actor="me", every=60)
    before = go_back(connection)
    due = clock.now_ms(connection) // 1000 - 1
    cron = CronScheduler(connection)
    connection.zadd(keys.SCHEDULES, {"mine": due})
    (first,) = cron.enqueue_jobs()
    connection.zadd(keys.SCHEDULES, {"mine": due + HOUR})
    check(connection)
    connection.zadd(keys.SCHEDULES, {"mine": due})
    (second,) = cron.enqueue_jobs()
    assert second == f"{first}-{before}"


def test_a_pause_with_an_end_lasts_no_longer(connection: Redis) -> None:
    pauses.pause(connection, "email", actor="me", seconds=30)
    pauses.pause(connection, "sms", actor="me")
    before = go_back(connection)
    pause = json.loads(connection.hget(keys.PAUSED, "email"))
    connection.hset(keys.PAUSED, "email", json.dumps({**pause, "until": (before + 30) * 1000}))
    check(connection)
    moved = json.loads(connection.hget(keys.PAUSED, "email"))
    assert moved["until"] / 1000 - time.time() == pytest.approx(30, abs=3)
    assert {**moved, "until": 0} == {**pause, "until": 0}
    assert "until" not in json.loads(connection.hget(keys.PAUSED, "sms"))


def test_the_lease_of_a_dead_worker_is_shortened(connection: Redis) -> None:
    connection.zadd(keys.LEASES, {"dead": (go_back(connection) + 15) * 1000})
    check(connection)
    assert connection.zscore(keys.LEASES, "dead") / 1000 - time.time() == pytest.approx(15, abs=3)


def test_a_lease_that_ends_too_late_protects_no_job(
    connection: Redis, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers recover without a scheduler, too."""
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 0.0)
    job = queue.enqueue("f")
    connection.lmove(keys.queue("work"), keys.intermediate("work"))
    connection.hset(keys.claims("work"), job.id, "dead|1")
    connection.zadd(keys.LEASES, {"dead": (time.time() + 10) * 1000})
    recoverer = Recoverer(connection, "test")
    assert (recoverer.run(), recoverer.run()) == (0, 0)
    connection.zadd(keys.LEASES, {"dead": (time.time() + HOUR) * 1000})
    assert recoverer.run() + recoverer.run() == 1
    assert queue.job_ids == [job.id]
