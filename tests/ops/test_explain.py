"""Reasons for the state of jobs and queues, and the commands that change it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.rate_limit import RateLimit

from qctl.broker.redis import keys
from qctl.errors import NotFoundError
from qctl.models import Explanation, Reason
from qctl.ops import Ops
from support import stock


def codes(explained: Explanation) -> list[str]:
    return [reason.code for reason in explained.reasons]


def only(explained: Explanation, code: str) -> Reason:
    (found,) = (reason for reason in explained.reasons if reason.code == code)
    return found


def test_a_paused_queue_names_who_paused_it_and_how_to_resume_it(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "w", "mail")
    pause = ops.queues.pause("mail", reason="deploy", force=True).pause
    explained = ops.explain.job("a")
    assert (explained.state, explained.is_blocked, explained.starts_in) == ("queued", True, None)
    reason = only(explained, "paused")
    assert f"paused by {pause.by} since" in reason.message
    assert reason.message.endswith(": deploy")
    assert reason.fix == "qctl resume mail"


def test_a_queue_without_workers_is_blocked(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    explained = ops.explain.job("a")
    assert codes(explained) == ["no-worker", "ahead"]
    assert only(explained, "no-worker").fix == "qctl-worker mail"
    assert ops.explain.queue("mail").state == "blocked"


def test_suspended_workers_are_the_first_reason(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    connection.set(keys.SUSPENDED, 1)
    assert codes(ops.explain.job("a"))[0] == "suspended"


def test_quiet_workers_start_nothing(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "h.1.abcdef", "mail")
    connection.zadd(keys.LEASES, {"h.1.abcdef": datetime.now(timezone.utc).timestamp() * 1000 + 60_000})
    ops.workers.quiet("h.1.abcdef")
    reason = only(ops.explain.job("a"), "quiet")
    assert reason.blocks
    assert reason.fix == "qctl worker resume h.1.abcdef"


def test_the_number_of_jobs_ahead_is_told(ops: Ops, connection: Redis) -> None:
    stock.register_worker(connection, "w", "mail")
    for name in ("a", "b", "c"):
        stock.enqueue(connection, "mail", name)
    assert only(ops.explain.job("a"), "ahead").message == "it is the next to start"
    assert only(ops.explain.job("b"), "ahead").message == "1 job is ahead of it in queue mail"
    explained = ops.explain.job("c")
    assert only(explained, "ahead").message == "2 jobs are ahead of it in queue mail"
    assert not explained.is_blocked


def test_a_queue_that_every_worker_serves_first_delays_it(ops: Ops, connection: Redis) -> None:
    stock.register_worker(connection, "w", "urgent", "mail")
    stock.enqueue(connection, "mail", "a")
    assert "other-queues" not in codes(ops.explain.job("a"))
    stock.enqueue(connection, "urgent", "b")
    assert (
        only(ops.explain.job("a"), "other-queues").message
        == "every worker serves queue urgent first, where 1 job waits"
    )
    stock.register_worker(connection, "x", "mail")
    assert "other-queues" not in codes(ops.explain.job("a"))


def test_a_delayed_job_needs_a_scheduler(ops: Ops, connection: Redis) -> None:
    due = datetime.now(timezone.utc) + timedelta(hours=1)
    Queue("mail", connection=connection).enqueue_at(due, "app.tasks.send", job_id="a")
    explained = ops.explain.job("a")
    assert codes(explained) == ["no-scheduler", "due"]
    assert explained.due is not None
    assert abs((explained.due - due).total_seconds()) < 2
    connection.set(keys.scheduler_lock("mail"), "me")
    assert codes(ops.explain.job("a")) == ["due"]


def test_a_delayed_job_that_is_late_is_overdue(ops: Ops, connection: Redis) -> None:
    due = datetime.now(timezone.utc) - timedelta(hours=1)
    Queue("mail", connection=connection).enqueue_at(due, "app.tasks.send", job_id="a")
    assert codes(ops.explain.job("a")) == ["no-scheduler", "overdue"]


@pytest.mark.parametrize(
    ("status", "message", "fix"),
    [
        ("failed", "it runs after job first, which failed", "qctl retry first"),
        ("canceled", "it runs after job first, which was canceled", "qctl retry first"),
        ("queued", "it runs after job first, which is queued", "qctl job explain first"),
    ],
)
def test_a_deferred_job_names_the_job_that_it_waits_for(
    ops: Ops, connection: Redis, status: str, message: str, fix: str
) -> None:
    first = stock.enqueue(connection, "mail", "first")
    stock.enqueue(connection, "mail", "second", depends_on=first)
    connection.hset(first.key, "status", status)
    reason = only(ops.explain.job("second"), "dependency")
    assert (reason.message, reason.fix, reason.blocks) == (message, fix, status != "queued")


def test_a_deferred_job_whose_dependency_is_gone_is_blocked(ops: Ops, connection: Redis) -> None:
    first = stock.enqueue(connection, "mail", "first")
    stock.enqueue(connection, "mail", "second", depends_on=first)
    connection.delete(first.key)
    reason = only(ops.explain.job("second"), "dependency")
    assert "no longer exists" in reason.message
    assert reason.blocks


def test_a_rate_limited_job_names_its_limit(ops: Ops, connection: Redis) -> None:
    queue = Queue("mail", connection=connection)
    for name in ("a", "b", "c"):
        queue.enqueue("app.tasks.send", job_id=name, rate_limit=RateLimit("partner", 1))
    assert Job.fetch("b", connection=connection).get_status() == "rate_limited"
    explained = ops.explain.job("b")
    assert explained.state == "rate_limited"
    assert only(explained, "rate-limit").message == (
        "its rate limit 'partner' allows 1 at a time: 1 job holds a place, 2 jobs wait for one"
    )


def test_a_dead_letter_tells_its_error(ops: Ops, connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "a"))
    reason = only(ops.explain.job("a"), "dead")
    assert reason.message.endswith("ValueError: no such address")
    assert reason.fix == "qctl retry a"


def test_a_running_job_names_its_worker_and_a_dead_worker_is_told(ops: Ops, connection: Redis) -> None:
    job = stock.enqueue(connection, "mail", "a")
    connection.lrem(Queue("mail", connection=connection).key, 0, "a")
    connection.hset(job.key, mapping={"status": "started", "worker_name": "w"})
    connection.zadd(keys.started("mail"), {"a:0123456789abcdef": 4_000_000_000})
    assert codes(ops.explain.job("a")) == ["silent"]
    stock.register_worker(connection, "w", "mail")
    explained = ops.explain.job("a")
    assert (explained.state, codes(explained)) == ("started", ["running"])


def test_a_job_in_the_trash_names_its_batch(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    batch = ops.queues.clear("mail").batch
    assert only(ops.explain.job("a"), "trash").fix == f"qctl trash restore {batch}"


def test_a_job_that_no_list_holds_is_told(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    connection.lrem(Queue("mail", connection=connection).key, 0, "a")
    assert codes(ops.explain.job("a")) == ["unlisted"]


def test_an_idle_queue_says_that_nothing_waits(ops: Ops, connection: Redis) -> None:
    stock.register_worker(connection, "w", "mail")
    connection.sadd(keys.QUEUES, keys.queue("mail"))
    explained = ops.explain.queue("mail")
    assert (explained.state, codes(explained)) == ("idle", ["empty"])


def test_unknown_names_are_refused(ops: Ops) -> None:
    with pytest.raises(NotFoundError, match="job 'nope' not found"):
        ops.explain.job("nope")
    with pytest.raises(NotFoundError, match="queue 'nope' not found"):
        ops.explain.queue("nope")
