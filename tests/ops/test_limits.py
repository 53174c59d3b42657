"""Limits of queues, names and owners, and how they show."""

from __future__ import annotations

import json

import pytest
from redis import Redis
from rq.queue import Queue
from rq.rate_limit import RateLimit
from rq.serializers import JSONSerializer

from qctl.broker.admin import restore_backup, write_backup
from qctl.broker.redis import clock, limit_keys
from qctl.errors import NotFoundError, UsageError
from qctl.models import RqLimit
from qctl.ops import Ops
from support import stock


def test_a_limit_shows_in_stats_and_in_explanations(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "w", "mail")
    limit = ops.limits.set("queue", "mail", rate=(100, 60.0), concurrency=0, reason="deploy")
    assert ops.stats.read({"mail"}).queues[0].limit == limit.text == "paused"
    (reason,) = (reason for reason in ops.explain.job("a").reasons if reason.code == "limit")
    assert reason.blocks
    assert reason.message == f"queue mail is paused by a limit of 0 that {limit.by} set: deploy"
    assert reason.fix == "qctl limit clear mail"
    assert "limit" in [reason.code for reason in ops.explain.queue("mail").reasons]
    ops.limits.set("queue", "mail", concurrency=5)
    assert ops.stats.read({"mail"}).queues[0].limit == "100/m, 5 at a time"
    assert "limit" not in [reason.code for reason in ops.explain.job("a").reasons]


def test_limits_of_the_name_and_the_owner_explain_a_job(ops: Ops, connection: Redis) -> None:
    queue = Queue("mail", connection=connection, serializer=JSONSerializer)
    queue.enqueue("app.send", job_id="a", meta={"owner": "ada"})
    ops.limits.set("job", "app.send", concurrency=0)
    ops.limits.set("owner", "ada", concurrency=0)
    fixes = [reason.fix for reason in ops.explain.job("a").reasons if reason.code == "limit"]
    assert fixes == ["qctl limit clear --job app.send", "qctl limit clear --owner ada"]


def test_a_job_of_the_catalog_is_limited_under_its_name_and_its_function(ops: Ops, connection: Redis) -> None:
    ops.limits.set("job", "qctl.jobs.notification.notify", concurrency=2)
    (limit,) = ops.limits.list().rows
    assert (limit.scope, limit.name) == ("job", "notify")
    assert ops.limits.clear("job", "notify")
    assert not ops.limits.clear("job", "notify")


def test_rate_limits_of_rq_are_counted(ops: Ops, connection: Redis) -> None:
    queue = Queue("mail", connection=connection)
    for _ in range(3):
        queue.enqueue("app.send", rate_limit=RateLimit("api", 1))
    assert ops.limits.list().rq == [RqLimit("api", 1, 1, 2)]


def test_workers_that_ignore_limits_are_named(ops: Ops, connection: Redis) -> None:
    stock.register_worker(connection, "box.1", "mail")
    stock.enqueue(connection, "mail", "a")
    assert ops.limits.list().deaf_workers == ()
    ops.limits.set("queue", "mail", concurrency=1)
    assert ops.limits.list().deaf_workers == ("box.1",)


def test_unknown_names_and_bad_numbers_are_refused(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "email", "a")
    with pytest.raises(NotFoundError, match="emial"):
        ops.limits.set("queue", "emial", concurrency=1)
    with pytest.raises(NotFoundError, match="notifi"):
        ops.limits.set("job", "notifi", concurrency=1)
    with pytest.raises(UsageError, match="nothing to limit"):
        ops.limits.set("queue", "email")
    with pytest.raises(UsageError, match="out of range"):
        ops.limits.set("queue", "email", rate=(0, 1.0))
    with pytest.raises(UsageError, match="concurrency"):
        ops.limits.set("queue", "email", concurrency=10_001)
    with pytest.raises(UsageError, match="characters"):
        ops.limits.set("owner", "x" * 301, concurrency=1)


def test_a_blackout_shows_with_its_end_and_is_lifted_alone(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    limit = ops.limits.set("queue", "mail", concurrency=5, blackout="00:00-12:00;  13:00-23:59", zone="UTC")
    assert limit.blackout == "00:00-12:00; 13:00-23:59"
    assert ops.stats.read({"mail"}).queues[0].limit == "5 at a time, blackout 00:00-12:00; 13:00-23:59 UTC"
    field = connection.hget(limit_keys.LIMITS, "queue:mail")
    now = clock.now_ms(connection)
    connection.hset(
        limit_keys.LIMITS, "queue:mail", json.dumps(json.loads(field) | {"windows": [[now - 1000, now + 3_600_000]]})
    )
    (reason,) = (reason for reason in ops.explain.job("a").reasons if reason.code == "limit")
    assert reason.message.startswith("queue mail has a blackout, 00:00-12:00; 13:00-23:59 (UTC), until ")
    assert reason.blocks
    assert reason.fix == "qctl limit set mail --blackout none"
    assert ops.limits.set("queue", "mail", lift_blackout=True).text == "5 at a time"


def test_blackouts_of_schedules_move_their_next_run(ops: Ops) -> None:
    ops.schedules.add("often", "stock-check", cron="0 * * * *")
    row, _ = ops.schedules.blackout("often", "22:00-06:00", "UTC")
    assert row.blackout == "UTC 22:00-06:00"
    hours = {run.at.hour for run in ops.schedules.next(names=["often"], count=48)}
    assert hours == set(range(6, 22))
    ops.schedules.add("dark", "stock-check", cron="30 23 * * *")
    with pytest.raises(UsageError, match="never due outside"):
        ops.schedules.blackout("dark", "22:00-06:00", "UTC")
    row, _ = ops.schedules.blackout("often", None)
    assert row.blackout == ""
    assert {run.at.hour for run in ops.schedules.next(names=["often"], count=48)} == set(range(24))


def test_limits_survive_a_backup(ops: Ops, connection: Redis) -> None:
    ops.limits.set("queue", "email", concurrency=5)
    ops.limits.set("owner", "ada", blackout="22:00-06:00", zone="UTC")
    before = connection.hgetall(limit_keys.LIMITS)
    lines = [line for page in write_backup.lines(connection) for line in page[1] if page[0] == "limit"]
    connection.delete(limit_keys.LIMITS)
    for line in lines:
        assert restore_backup.put(connection, line.encode(), trust=False, dry_run=False, actor="ops") == "limit"
    assert connection.hgetall(limit_keys.LIMITS) == before
