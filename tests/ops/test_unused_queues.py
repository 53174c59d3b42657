"""Test that a site sees its own queues: those of qctl's catalog show only where they are used or a worker listens."""

from __future__ import annotations

from redis import Redis

from qctl.models import Thresholds
from qctl.ops import Ops
from qctl.thresholds import parse_minimum
from support import stock


def names(ops: Ops) -> list[str]:
    return [queue.name for queue in ops.stats.read().in_use.queues]


def test_stock_site_shows_its_own_queues_alone(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    assert names(ops) == ["mail"]


def test_catalog_queue_shows_once_it_is_used_paused_or_listened_to(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "email", "a")
    stock.register_worker(connection, "w1", "report")
    ops.queues.pause("file")
    assert names(ops) == ["email", "file", "report"]


def test_recounted_queue_that_gets_a_job_shows(ops: Ops, connection: Redis) -> None:
    before = ops.stats.read()
    stock.enqueue(connection, "email", "a")
    assert [queue.name for queue in ops.stats.recounted(before).in_use.queues] == ["email"]


def test_check_of_all_queues_leaves_out_unused_ones_but_checks_them_by_name(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "w1", "mail")
    limits = Thresholds(workers=parse_minimum("1", "--min-workers"))
    assert [queue.queue for queue in ops.checks.run(limits).queues] == ["mail"]
    assert ops.checks.run(limits, ["email"]).level.name == "CRITICAL"


def test_health_says_nothing_of_pipelines_that_are_not_used(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    assert "buffer" not in {finding.check for finding in ops.health.check().findings}
    stock.register_worker(connection, "w1", "sensor-data")
    assert "buffer" in {finding.check for finding in ops.health.check().findings}


def test_new_job_offers_what_a_listening_worker_runs(ops: Ops, connection: Redis) -> None:
    assert ops.jobs.offered() == {}
    stock.register_worker(connection, "w1", "email")
    assert {spec.queue for spec in ops.jobs.offered().values()} == {"email"}
    assert "welcome-email" in ops.jobs.offered()
