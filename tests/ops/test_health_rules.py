"""Judgement of queues, running jobs and deferred jobs by the rules of the health check, with all data written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from redis import Redis
from redis.client import Pipeline

from qctl.broker.bookkeeping import alert_state
from qctl.broker.redis import keys
from qctl.histogram import bucket
from qctl.models import Finding, Firing, Level, QueueStats
from qctl.ops import Ops, queue_checks
from qctl.ops import health_rules as rules
from support import stock

DAY_MINUTES = 24 * 60
NOW = 1_796_000_000.0
MINUTE = int(NOW) // 60


def problems(ops: Ops) -> dict[str, Finding]:
    return {finding.check: finding for finding in ops.health.check().problems}


def record(connection: Redis, queue: str, minute: int, **counts: int) -> None:
    """Write the counts of one minute."""
    connection.hset(
        keys.counts(queue, minute // 60), mapping={f"{minute % 60}.{name}": n for name, n in counts.items()}
    )


def judge(connection: Redis, queue: QueueStats) -> dict[str, Finding]:
    """Check one queue at NOW."""
    findings = queue_checks.check(connection, [queue], NOW)
    return {finding.check: finding for finding in findings if finding.severity != "ok"}


def test_failing_queue_with_many_dead_letters_is_an_error(connection: Redis) -> None:
    for ago in range(12):
        record(connection, "mail", MINUTE - ago, finished=13, failed=7, dead=7)
    record(connection, "mail", MINUTE - 12, finished=20)
    found = judge(connection, QueueStats("mail", dead=706, workers=1, recent_failed=35, recent_finished=65))
    assert set(found) == {"errors", "dead letters"}
    assert found["errors"].severity == "error"
    assert found["errors"].reason == "35% of the runs of queue mail fail: 35 of 100 in 5 min"
    assert found["errors"].since == datetime.fromtimestamp(60 * (MINUTE - 11), timezone.utc)
    assert found["dead letters"].reason == "706 dead letters need a decision in queue mail, 84 new in 15 min"
    assert found["dead letters"].fix == "qctl dlq groups --queue mail"


@pytest.mark.parametrize(
    ("yesterday", "failed", "expected"),
    [
        (None, 3, None),  # too few runs failed
        (None, 8, "warning"),
        (None, 35, "error"),
        (8, 10, None),  # as usual
        (8, 30, "error"),
        (30, 35, "warning"),  # as usual, and bad
    ],
)
def test_share_of_failed_runs_is_compared_with_yesterday(
    yesterday: int | None, failed: int, expected: str | None, connection: Redis
) -> None:
    if yesterday is not None:
        record(connection, "mail", MINUTE - DAY_MINUTES, finished=100 - yesterday, failed=yesterday)
    found = judge(connection, QueueStats("mail", recent_failed=failed, recent_finished=100 - failed))
    assert (found["errors"].severity if found else None) == expected


def test_one_bad_day_is_no_habit(connection: Redis) -> None:
    record(connection, "mail", MINUTE - DAY_MINUTES, finished=60, failed=40)
    record(connection, "mail", MINUTE - 2 * DAY_MINUTES, finished=1900)
    found = judge(connection, QueueStats("mail", recent_failed=35, recent_finished=65))
    assert found["errors"].severity == "error"
    assert "2.0% at this hour of the last days" in found["errors"].reason


def test_few_dead_letters_are_well_and_forgotten_ones_are_not(connection: Redis) -> None:
    assert judge(connection, QueueStats("mail", dead=rules.DEAD_LETTERS_WARNING - 1)) == {}
    found = judge(connection, QueueStats("mail", dead=rules.DEAD_LETTERS_WARNING))
    assert found["dead letters"].severity == "warning"


def late(age: float) -> QueueStats:
    return QueueStats("mail", waiting=5, running=1, workers=1, oldest_age=age, in_rate=0.1, taken_rate=0.2)


def test_wait_without_a_habit_is_judged_by_stated_limits(connection: Redis) -> None:
    assert judge(connection, late(rules.WAIT_WARNING_SECONDS - 1)) == {}
    assert judge(connection, late(rules.WAIT_WARNING_SECONDS + 1))["late"].severity == "warning"
    found = judge(connection, late(rules.WAIT_ERROR_SECONDS + 1))["late"]
    assert found.severity == "error"
    assert found.since == datetime.fromtimestamp(NOW - rules.WAIT_ERROR_SECONDS - 1, timezone.utc)


def test_wait_is_judged_by_the_waits_of_the_same_hour_yesterday(connection: Redis) -> None:
    record(connection, "mail", MINUTE - DAY_MINUTES - 3, finished=50)
    connection.hset(keys.durations("mail", MINUTE - DAY_MINUTES - 3), mapping={f"w{bucket(40.0)}": 50})
    assert judge(connection, late(100)) == {}
    found = judge(connection, late(200))["late"]
    assert found.severity == "warning"
    assert "at most at this hour of the last days" in found.reason
    connection.hset(keys.durations("mail", MINUTE - DAY_MINUTES - 3), mapping={f"w{bucket(700.0)}": 5000})
    assert judge(connection, late(rules.WAIT_WARNING_SECONDS + 1)) == {}  # every day at this hour


def test_queue_from_which_nothing_is_taken_is_stalled(connection: Redis) -> None:
    queue = QueueStats("mail", waiting=2, workers=3, oldest_age=90)
    found = judge(connection, queue)
    assert set(found) == {"stalled"}
    assert found["stalled"].reason == "2 jobs wait in queue mail and nothing takes them, although 3 workers listen"
    assert found["stalled"].fix == "qctl queue explain mail"


def test_growing_queue_will_never_be_empty(connection: Redis) -> None:
    queue = QueueStats("mail", waiting=500, running=1, workers=1, oldest_age=90, in_rate=4.0, taken_rate=1.0)
    assert "4.0/s arrive, 1.0/s are taken" in judge(connection, queue)["growing"].reason


def run_job(connection: Redis, *, seconds: float, timeout: int) -> None:
    """A worker that has run a job for so long."""
    since = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    stock.register_worker(connection, "w1", "mail", state="busy", current_job="j1")
    connection.sadd(keys.QUEUES, keys.queue("mail"))
    job = {"status": "started", "worker_name": "w1", "origin": "mail", "timeout": timeout, "description": "app.send()"}
    connection.hset(keys.job("j1"), mapping={**job, "started_at": since.strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
    connection.zadd(keys.started("mail"), {"j1": time.time() + 3600})


def test_job_past_its_time_out_is_stuck(ops: Ops, connection: Redis) -> None:
    run_job(connection, seconds=400, timeout=300)
    found = problems(ops)["stuck job"]
    assert (found.severity, found.subject, found.fix) == ("error", "w1", "qctl job stop j1")
    assert found.reason == "worker w1 runs app.send j1: past its time-out of 300 s"
    (worker,) = ops.workers.list()
    assert (worker.pace, worker.job_timeout, worker.current_job) == ("stuck", 300.0, "j1")


def test_job_that_takes_longer_than_others_of_its_name_is_slow(ops: Ops, connection: Redis) -> None:
    run_job(connection, seconds=100, timeout=300)
    assert "slow job" not in problems(ops)
    minute = int(time.time()) // 60 - 30
    record(connection, "mail", minute, finished=rules.MIN_RUNS_OF_NAME)
    connection.hset(keys.durations("mail", minute), f"r{bucket(20.0)} app.send", rules.MIN_RUNS_OF_NAME)
    found = problems(ops)["slow job"]
    assert found.severity == "notice"
    assert "99% of its runs take at most" in found.reason
    (worker,) = ops.workers.list()
    assert worker.pace == "slow"
    assert worker.job_usual == pytest.approx(20.0, rel=0.05)
    connection.hset(keys.durations("mail", minute), f"r{bucket(200.0)} app.send", 5000)
    assert "slow job" not in problems(ops)


def test_deferred_job_whose_dependency_is_dead_is_stranded(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "parent")
    stock.die(connection, stock.enqueue(connection, "mail", "dead"))
    connection.sadd(keys.QUEUES, keys.queue("later"))
    for child, parent in (("lost", "dead"), ("waits", "parent")):
        connection.hset(keys.job(child), mapping={"status": "deferred", "dependency_ids": f'["{parent}"]'})
        connection.zadd(keys.deferred("later"), {child: time.time()})
    found = problems(ops)["deferred"]
    assert "lost of later: dead is a dead letter" in found.reason
    assert "waits" not in found.reason.replace("1 deferred job waits", "")


def test_firing_alert_is_a_problem_unless_it_is_muted(ops: Ops, connection: Redis) -> None:
    since = datetime.fromtimestamp(NOW, timezone.utc)
    alert_state.record(connection, "mail-late", Firing("mail", Level.CRITICAL, since))
    found = problems(ops)["alert"]
    assert (found.severity, found.subject, found.since) == ("error", "mail", since)
    alert_state.mute(connection, "mail-late", by="me", seconds=None, reason="")
    assert "alert" not in problems(ops)


def count_round_trips(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> int:
    count = 0

    def counted(original: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **options: object) -> object:
            nonlocal count
            count += 1
            return original(*args, **options)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "execute", counted(Pipeline.execute))
        patch.setattr(Redis, "execute_command", counted(Redis.execute_command))
        act()
    return count


def test_round_trips_do_not_grow_with_the_number_of_queues(
    ops: Ops, connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for number in (2, 60):
        for n in range(number):
            for _ in range(3):
                stock.die(connection, stock.enqueue(connection, f"q{n}", f"dead-{n}"))
            stock.enqueue(connection, f"q{n}", f"waits-{n}")
            record(connection, f"q{n}", int(time.time()) // 60 - DAY_MINUTES, finished=5)
        counts.append(count_round_trips(monkeypatch, ops.health.check))
    assert counts[0] == counts[1]
    assert counts[1] <= 30
