"""Entries of RQ's own `rq cron`: listed with their next times, left alone, and reported when their scheduler died."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from redis import Redis
from rq.cron import CronScheduler

from qctl.broker.scheduler import rq_cron
from qctl.errors import RefusedError
from qctl.ops import Ops
from qctl.settings import Settings


@pytest.fixture
def ops(settings: Settings) -> Iterator[Ops]:
    operations = Ops(settings)
    yield operations
    operations.close()


@pytest.fixture
def scheduler(connection: Redis) -> CronScheduler:
    """A scheduler of RQ with two entries, as it registers itself."""
    made = CronScheduler(connection=connection, name="host:1")
    made.register(time.sleep, queue_name="mail", args=(1,), interval=30)
    made.register(time.time, queue_name="reports", cron="0 3 * * *")
    made.register_birth()
    return made


def test_entries_are_listed_with_their_next_times(ops: Ops, scheduler: CronScheduler) -> None:
    rows = {row.name: row for row in ops.schedules.list(kinds=("rq-cron",)).rows}
    assert {(row.kind, row.queue, row.cron, row.every) for row in rows.values()} == {
        ("rq-cron", "mail", None, (30,)),
        ("rq-cron", "reports", "0 3 * * *", ()),
    }
    coming = ops.schedules.next(count=5)
    assert len([one for one in coming if one.timer.queue == "mail"]) >= 4
    assert all(one.at.timestamp() > time.time() - 1 for one in coming)
    night = next(row for row in rows.values() if row.cron)
    assert night.next_at is not None
    assert (night.next_at.hour, night.next_at.minute) == (3, 0)


def test_a_scheduler_that_died_is_reported(ops: Ops, connection: Redis, scheduler: CronScheduler) -> None:
    assert next(one for one in ops.health.check().findings if one.check == "rq cron").status == "ok"
    connection.zadd(rq_cron.SCHEDULERS, {"host:1": time.time() - 50})
    finding = next(one for one in ops.health.check().findings if one.check == "rq cron")
    assert (finding.status, "its scheduler died" in finding.reason) == ("degraded", True)
    assert "mail, reports" in finding.reason
    row = ops.schedules.list(kinds=("rq-cron",)).rows[0]
    assert "died" in row.concerns[0].text
    connection.zadd(rq_cron.SCHEDULERS, {"host:1": time.time() - 121})
    connection.delete(rq_cron.scheduler_key("host:1"))  # as it expires
    assert not rq_cron.read(connection)[0].alive


def test_a_scheduler_of_rq_2_lives_although_its_entries_are_not_in_redis(ops: Ops, connection: Redis) -> None:
    connection.zadd(rq_cron.SCHEDULERS, {"host:1": time.time() - 50})
    finding = next(one for one in ops.health.check().findings if one.check == "rq cron")
    assert (finding.status, "keeps no entries in Redis" in finding.reason) == ("ok", True)
    connection.zadd(rq_cron.SCHEDULERS, {"host:1": time.time() - 90})
    finding = next(one for one in ops.health.check().findings if one.check == "rq cron")
    assert (finding.status, "its scheduler died" in finding.reason) == ("degraded", True)


@pytest.mark.parametrize("act", ["remove", "pause", "resume", "run"])
def test_entries_are_left_to_their_program(ops: Ops, scheduler: CronScheduler, act: str) -> None:
    with pytest.raises(RefusedError, match="rq cron"):
        getattr(ops.schedules, act)("time.sleep")


@pytest.mark.parametrize(
    "entries", ["", "no JSON", "{}", "[1]", '[{"interval": -5, "cron": "every night", "name": null}]', "[" * 100_000]
)
def test_damaged_entries_hide_nothing(connection: Redis, entries: str) -> None:
    connection.zadd(rq_cron.SCHEDULERS, {"host:1": time.time()})
    connection.hset(rq_cron.scheduler_key("host:1"), "cron_jobs", entries)
    assert [scheduler.name for scheduler in rq_cron.read(connection)] == ["host:1"]
    assert json.dumps([one.name for scheduler in rq_cron.read(connection) for one in scheduler.schedules])
