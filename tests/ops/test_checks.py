"""Comparison of queues with thresholds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from redis import Redis
from rq.utils import utcformat

from qctl.broker.bookkeeping import counters
from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.errors import NotFoundError
from qctl.models import Level, Threshold, Thresholds
from qctl.ops import Ops
from support import stock

ALL = Thresholds(
    age=Threshold(60, 300),
    depth=Threshold(10, 20),
    dead=Threshold(0, 5),
    errors=Threshold(0.1, 0.5),
    workers=Threshold(2, 1, is_minimum=True),
)


def waiting_since(connection: Redis, queue: str, job_id: str, seconds: float) -> None:
    stock.enqueue(connection, queue, job_id)
    since = datetime.now(timezone.utc) - timedelta(seconds=seconds)
    connection.hset(keys.job(job_id), "enqueued_at", utcformat(since))


def test_a_queue_that_stalls_without_a_worker_is_critical(ops: Ops, connection: Redis) -> None:
    """Wish 3 of tests/repo/test_wishes.py: a silent worker, and an email queue that stalled for 32 hours."""
    waiting_since(connection, "email", "a", 32 * 3600)
    found = ops.checks.run(ALL, ["email"])
    assert found.level is Level.CRITICAL
    (email,) = found.queues
    assert {reading.metric: reading.level for reading in email.readings} == {
        "age": Level.CRITICAL,
        "depth": Level.OK,
        "dead": Level.OK,
        "errors": Level.OK,
        "workers": Level.CRITICAL,
    }


def test_a_queue_with_its_lanes(ops: Ops, connection: Redis) -> None:
    stock.register_worker(connection, "one", "email.high", "email", "email.low")
    stock.register_worker(connection, "two", "email.high")
    for n in range(6):
        stock.enqueue(connection, "email.high", f"h{n}")
        stock.enqueue(connection, "email", f"n{n}")
    (email,) = ops.checks.run(ALL, ["email"]).queues
    assert {r.metric: (r.value, r.level) for r in email.readings if r.metric in ("depth", "workers")} == {
        "depth": (12, Level.WARNING),
        "workers": (2, Level.OK),
    }
    (lane,) = ops.checks.run(ALL, ["email.high"]).queues
    assert {r.metric: r.value for r in lane.readings}["depth"] == 6


def test_dead_letters_and_errors(ops: Ops, connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    with connection.pipeline() as pipe:
        for failed in (True, False, False, False):
            counters.record_run(pipe, "mail", "job", failed=failed, waited=1, ran=1)
        pipe.execute()
    limits = Thresholds(dead=Threshold(0, 5), errors=Threshold(0.1, 0.5))
    (mail,) = ops.checks.run(limits, ["mail"]).queues
    assert {r.metric: (r.value, r.level) for r in mail.readings} == {
        "dead": (1, Level.WARNING),
        "errors": (0.25, Level.WARNING),
    }


def test_an_unknown_value_is_unknown_and_an_unreadable_queue_critical(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    connection.delete(keys.job("a"))
    connection.sadd(keys.QUEUES, keys.queue("bad"))
    connection.set(keys.queue("bad"), "text")
    limits = Thresholds(age=Threshold(None, 60))
    levels = {queue.queue: queue.level for queue in ops.checks.run(limits, ["mail", "bad", "email"]).queues}
    assert levels == {"mail": Level.UNKNOWN, "bad": Level.CRITICAL, "email": Level.OK}
    assert ops.checks.run(limits, ["mail", "email"]).level is Level.UNKNOWN


def test_a_paused_queue_is_checked_and_marked_as_paused(ops: Ops, connection: Redis) -> None:
    waiting_since(connection, "mail", "a", 600)
    pauses.pause(connection, "mail", actor="me@here")
    (mail,) = ops.checks.run(Thresholds(age=Threshold(None, 60)), ["mail"]).queues
    assert (mail.level, mail.paused) == (Level.CRITICAL, "mail is paused by me@here")


def test_all_queues_and_no_queue_can_be_checked(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "one", "mail")
    assert "mail" in {queue.queue for queue in ops.checks.run(Thresholds()).queues}
    assert ops.checks.run(Thresholds()).level is Level.OK
    assert ops.checks.run(Thresholds(), ["nothing*"]).level is Level.UNKNOWN
    with pytest.raises(NotFoundError):
        ops.checks.run(Thresholds(), ["emial"])


# --- without thresholds ---------------------------------------------------------------------------------------


def test_without_thresholds_the_health_check_judges(ops: Ops, connection: Redis) -> None:
    waiting_since(connection, "email", "a", 32 * 3600)
    stock.enqueue(connection, "report", "b")
    stock.register_worker(connection, "one", "report")
    found = ops.checks.run(Thresholds(), ["email"])
    assert found.level is Level.CRITICAL
    assert [(queue.queue, queue.finding.check) for queue in found.queues if queue.finding] == [("email", "workers")]
    assert ops.checks.run(Thresholds(), ["report"]).level is Level.OK


def test_without_thresholds_and_queues_problems_of_the_site_count(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "report", "b")
    stock.register_worker(connection, "one", "report")
    connection.set(keys.SUSPENDED, 1)
    found = ops.checks.run(Thresholds())
    assert found.level is Level.WARNING
    assert [queue.finding.reason for queue in found.queues if queue.finding] == [
        "all workers are suspended by `rq suspend`"
    ]
    assert ops.checks.run(Thresholds(), ["report"]).level is Level.OK
