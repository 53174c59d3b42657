"""Statistics: lanes merged into one row, and jobs by name."""

from __future__ import annotations

import time

import pytest
from redis import Redis

from qctl import catalog
from qctl.broker.bookkeeping import counters
from qctl.broker.ingest.topics import OTHER_TOPICS, TopicCounters
from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.catalog import PIPELINES
from qctl.errors import NotFoundError, UsageError
from qctl.models import QueueStats, Stats, Totals
from qctl.ops import Ops
from qctl.ops.metrics import MAX_EXPORTED_TOPICS
from qctl.ops.stats import fold_lanes
from support import stock


def fold(*queues: QueueStats) -> list[QueueStats]:
    found = Stats(None, list(queues), Totals.of(queues))  # type: ignore[arg-type]  # no time is looked at
    return fold_lanes(found).queues


def test_lanes_are_folded_into_their_queue(ops: Ops, connection: Redis) -> None:
    for queue, jobs in (("email.high", 1), ("email", 3), ("email.low", 5)):
        for n in range(jobs):
            stock.enqueue(connection, queue, f"{queue.replace('.', '-')}-{n}")
    stock.register_worker(connection, "one", "email.high", "email", "email.low")
    stock.register_worker(connection, "two", "email.high")
    with connection.pipeline() as pipe:
        counters.record_run(pipe, "email.high", "a", failed=True, waited=1, ran=1)
        counters.record_run(pipe, "email.low", "a", failed=False, waited=100, ran=1)
        pipe.execute()
    found = ops.stats.read()
    (email,) = (queue for queue in fold_lanes(found).queues if queue.name.startswith("email"))
    assert (email.waiting, email.workers, email.error_rate) == (9, 2, 0.5)
    assert email.lanes == ("email", "email.high", "email.low")
    assert email.waits.count == email.runs.count == 2
    assert (email.memory or 0) > 9 * 100
    assert fold_lanes(found).totals == found.totals
    assert len([queue for queue in found.queues if queue.name.startswith("email")]) == 3


def test_a_lane_without_its_queue_keeps_its_own_row() -> None:
    assert [row.name for row in fold(QueueStats("b.high"), QueueStats("a"))] == ["a", "b.high"]


def test_unknown_and_broken_lanes_show_in_the_row() -> None:
    (row,) = fold(
        QueueStats("a", in_rate=1.0, oldest_age=5.0, memory=None),
        QueueStats("a.low", oldest_age=90.0, in_rate=None, error="its key holds text"),
    )
    assert (row.in_rate, row.oldest_age, row.memory) == (1.0, 90.0, None)
    assert row.error == "a.low: its key holds text"


def test_a_paused_lane_shows_in_the_row(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "email", "a")
    stock.enqueue(connection, "email.low", "b")
    pauses.pause(connection, "email.low", actor="me@here")
    (email,) = (queue for queue in fold_lanes(ops.stats.read()).queues if queue.name == "email")
    assert email.paused is not None
    assert email.paused.queue == "email.low"


# --- by name ------------------------------------------------------------------------------------------------


def test_jobs_of_a_queue_are_counted_by_name(ops: Ops, connection: Redis) -> None:
    with connection.pipeline() as pipe:
        for failed, ran in ((False, 1.0), (False, 1.0), (True, 5.0)):
            counters.record_run(pipe, "email", "welcome-email", failed=failed, waited=1, ran=ran)
        pipe.execute()
    for n in range(4):
        stock.enqueue(connection, "email", f"pickled-{n}", n)
    handler = catalog.JOBS["welcome-email"].handler
    job = stock.enqueue(connection, "email.high", "json", json=True)
    job.data = job.serializer.dumps((handler, None, [], {}))
    job.save()
    found = ops.stats.names(["email"])
    counts = {(job.queue, job.name): (job.waiting, job.finished, job.failed) for job in found.jobs}
    assert counts == {
        ("email", "app.tasks.send"): (4, 0, 0),
        ("email", "welcome-email"): (0, 2, 1),
        ("email.high", "welcome-email"): (1, 0, 0),
    }
    assert (found.sampled, found.waiting) == (5, 5)
    assert [job.name for job in found.jobs][:2] == ["app.tasks.send", "welcome-email"]
    assert found.jobs[1].error_rate == pytest.approx(1 / 3)


def test_a_long_queue_is_sampled(ops: Ops, connection: Redis) -> None:
    stock.fill(connection, "big", 20_000)
    ids = [f"job-{n}" for n in range(20_000)]
    with connection.pipeline(transaction=False) as pipe:
        for n, id_ in enumerate(ids):
            pipe.hset(keys.job(id_), "description", "app.a()" if n < 5000 else "app.b()")
        pipe.execute()
    found = ops.stats.names(["big"])
    counts = {job.name: job.waiting for job in found.jobs}
    assert (found.sampled, found.waiting) == (500, 20_000)
    assert counts["app.b"] == pytest.approx(15_000, rel=0.2)
    assert sum(counts.values()) == 20_000


@pytest.mark.parametrize("seconds", [59.0, counters.RETENTION_SECONDS + 1.0])
def test_counts_go_back_for_two_days(ops: Ops, seconds: float) -> None:
    with pytest.raises(UsageError, match="two days"):
        ops.stats.names(seconds=seconds)


def test_an_unknown_queue_is_not_found(ops: Ops) -> None:
    with pytest.raises(NotFoundError, match="queue 'emial' not found"):
        ops.stats.names(["emial"])


# --- over time ----------------------------------------------------------------------------------------------


def note(connection: Redis, queue: str, ago: int, **counts: int) -> None:
    """Record the counts of the minute `ago` minutes ago."""
    hour, minute = divmod(int(time.time()) // 60 - ago, 60)
    connection.hset(keys.counts(queue, hour), mapping={f"{minute}.{what}": count for what, count in counts.items()})


def test_steps_count_arrived_and_finished_jobs(ops: Ops, connection: Redis) -> None:
    connection.sadd(keys.QUEUES, keys.queue("work"))
    for ago, depth in ((9, 100), (8, 120), (7, 90)):
        note(connection, "work", ago, depth=depth, taken=30, finished=20, failed=10)
    minute = int(time.time()) // 60 - 8
    connection.hset(keys.durations("work", minute), mapping={"w0": 5, "r0 mail": 3, "f40 mail": 2})
    steps = {step.at.timestamp() // 60 - minute: step for step in ops.metrics.series(["work"], step=60).steps}
    assert 60 <= len(steps) <= 61
    assert (steps[-1].depth, steps[-1].arrived, steps[-1].finished) == (100, 50, 20)
    assert (steps[0].depth, steps[0].arrived, steps[0].error_rate) == (120, 0, 1 / 3)
    assert (steps[0].waits.count, steps[0].runs.count, steps[1].runs.count) == (5, 5, 0)
    # What came in the last minute with a depth cannot be counts.
    assert (steps[1].depth, steps[1].arrived, steps[2].depth) == (90, None, None)


def test_longer_steps_and_several_queues_are_added_up(ops: Ops, connection: Redis) -> None:
    for queue in ("email", "email.low", "other"):
        connection.sadd(keys.QUEUES, keys.queue(queue))
        for ago in range(30):
            note(connection, queue, ago, finished=1, depth=2)
    series = ops.metrics.series(["email"], seconds=3600, step=600)
    assert series.queues == ["email", "email.low"]
    assert series.step == 600
    assert all(step.at.timestamp() % 600 == 0 for step in series.steps)
    assert sum(step.finished for step in series.steps) == 60
    assert max(step.depth or 0 for step in series.steps) == 4


@pytest.mark.parametrize(
    ("seconds", "step"), [(30, 60), (counters.RETENTION_SECONDS + 60, 60), (3600, 0), (counters.RETENTION_SECONDS, 60)]
)
def test_a_series_is_bounded(ops: Ops, seconds: float, step: float) -> None:
    with pytest.raises(UsageError):
        ops.metrics.series(seconds=seconds, step=step)


def test_all_values_for_a_monitoring_system_are_read(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "work", "a")
    with connection.pipeline() as pipe:
        counters.increment(pipe, "work", "finished", 7)
        counters.increment(pipe, "work", "taken", 7)
        pipe.execute()
    connection.hset(keys.TOTALS, mapping={"finished:a:b": 3, "strange": "x", "failed:work": "many"})
    connection.hset(keys.LIMIT_REJECTIONS, mapping={"rate": 2, "active": 3})
    found = ops.metrics.read()
    assert found.ever == {"work": {"finished": 7}, "a:b": {"finished": 3}}
    assert (found.refused, found.stats.totals.pending) == (5, 1)
    assert (found.memory or 0) > 0
    assert found.rtt > 0
    assert [queue.name for queue in found.stats.queues] == ["work"]
    assert found.pipelines == []
    connection.rpush(keys.queue(PIPELINES["readings"].queue), "batch")
    assert [each.name for each in ops.metrics.read().pipelines] == ["readings"]


def test_only_the_busiest_topics_are_exported(ops: Ops, connection: Redis) -> None:
    topics = TopicCounters(connection, "readings")
    for number in range(MAX_EXPORTED_TOPICS + 20):
        topics.add(f"sensors/{number}", 0)
    for _ in range(3):
        topics.add("sensors/busy", 0)
        topics.add(OTHER_TOPICS, None)
    topics.flush()
    found = ops.metrics.read().topics
    assert len(found) == MAX_EXPORTED_TOPICS
    assert found[0].topic == "sensors/busy"
    assert None not in {each.topic for each in found}


def test_new_dead_letters_have_a_rate(ops: Ops, connection: Redis) -> None:
    with connection.pipeline() as pipe:
        counters.increment(pipe, "mail", "dead", 3)
        pipe.sadd(keys.QUEUES, keys.queue("mail"))
        pipe.execute()
    (queue,) = ops.stats.read(only=["mail"]).queues
    assert queue.dead_rate is not None
    assert 0 < queue.dead_rate <= 3 / 60
