"""Counts of stock workers' jobs by the scheduler: from what their queues show, once, and not of qctl's workers."""

from __future__ import annotations

import time

import pytest
from redis import Redis

from qctl.broker.bookkeeping import counters
from qctl.broker.maintenance.stock_counts import SAMPLE_SECONDS, StockCounts
from qctl.broker.query import count_series, stats_snapshot
from qctl.broker.redis import keys
from support import stock

START = int(time.time()) // 60 * 60 - 60
"""Beginning of the last minute."""


@pytest.fixture
def sampler(connection: Redis) -> StockCounts:
    """A sampler that has taken its first sample of a queue with ten waiting jobs."""
    stock.fill(connection, "mail", 10)
    sampler = StockCounts(connection)
    sampler.record(["mail"], START)
    return sampler


def run_jobs(connection: Redis, finished: int, failed: int = 0) -> None:
    """Move waiting jobs to the registries, as stock workers do."""
    for n in range(finished + failed):
        id_ = connection.lpop(keys.queue("mail"))
        connection.zadd(keys.finished("mail") if n < finished else keys.failed("mail"), {id_: 4_000_000_000})


def counted(connection: Redis) -> dict[str, int]:
    """Sum up the counts of the minute."""
    sums: dict[str, int] = {}
    for counts in count_series.counts(connection, ["mail"], START // 60, START // 60 + 1).values():
        for name, count in counts.items():
            sums[name] = sums.get(name, 0) + count
    return sums


def test_what_stock_workers_end_is_counted(sampler: StockCounts, connection: Redis) -> None:
    run_jobs(connection, finished=3, failed=1)
    sampler.record(["mail"], START + SAMPLE_SECONDS)
    assert counted(connection) == {"finished": 3, "failed": 1, "taken": 4}
    run_jobs(connection, finished=2)
    sampler.record(["mail"], START + 2 * SAMPLE_SECONDS)
    assert counted(connection) == {"finished": 5, "failed": 1, "taken": 6}
    sampler.record(["mail"], START + 3 * SAMPLE_SECONDS)
    assert counted(connection) == {"finished": 5, "failed": 1, "taken": 6}


def test_statistics_have_rates_errors_and_an_eta(
    connection: Redis, sampler: StockCounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.hset(keys.counts("mail", START // 3600), f"{START // 60 % 60}.depth", 10)
    run_jobs(connection, finished=3, failed=1)
    sampler.record(["mail"], START + SAMPLE_SECONDS)
    monkeypatch.setattr("qctl.broker.redis.clock.reply_ms", lambda _reply: (START + 59) * 1000)
    (mail,) = stats_snapshot.stats(connection, ["mail"]).queues
    assert (mail.out_rate, mail.taken_rate) == (pytest.approx(3 / 60, rel=0.1), pytest.approx(4 / 60, rel=0.1))
    assert (mail.error_rate, mail.recent_failed) == (0.25, 1)
    assert mail.eta == pytest.approx(6 / (4 / 60), rel=0.2)


def test_jobs_that_leave_without_a_result_are_taken(sampler: StockCounts, connection: Redis) -> None:
    connection.ltrim(keys.queue("mail"), 4, -1)
    sampler.record(["mail"], START + SAMPLE_SECONDS)
    assert counted(connection) == {"taken": 4}


def test_cleared_jobs_are_not_taken(sampler: StockCounts, connection: Redis) -> None:
    connection.ltrim(keys.queue("mail"), 4, -1)
    connection.hset(keys.counts("mail", START // 3600), f"{START // 60 % 60}.removed", 4)
    sampler.record(["mail"], START + SAMPLE_SECONDS)
    assert counted(connection) == {"removed": 4}


def test_runs_of_qctls_workers_are_not_counted_twice(sampler: StockCounts, connection: Redis) -> None:
    run_jobs(connection, finished=3)
    connection.hincrby(keys.TOTALS, "finished:mail", 3)
    connection.hset(keys.counts("mail", START // 3600), f"{START // 60 % 60}.taken", 3)
    sampler.record(["mail"], START + SAMPLE_SECONDS)
    assert counted(connection) == {"taken": 3}


def test_two_schedulers_count_once(sampler: StockCounts, connection: Redis) -> None:
    other = StockCounts(connection)
    other.record(["mail"], START)
    run_jobs(connection, finished=3)
    for each in (sampler, other):
        each.record(["mail"], START + SAMPLE_SECONDS)
    assert counted(connection) == {"finished": 3, "taken": 3}


def test_a_gap_between_samples_counts_nothing(sampler: StockCounts, connection: Redis) -> None:
    run_jobs(connection, finished=3)
    sampler.record(["mail"], START + 5 * SAMPLE_SECONDS)
    assert counted(connection) == {}


def test_a_damaged_queue_does_not_stop_the_others(sampler: StockCounts, connection: Redis) -> None:
    connection.set(keys.queue("broken"), "text")
    run_jobs(connection, finished=1)
    sampler.record(["broken", "mail"], START + SAMPLE_SECONDS)
    assert counted(connection) == {"finished": 1, "taken": 1}
    assert 0 < connection.ttl(keys.counts("mail", START // 3600)) <= counters.RETENTION_SECONDS
