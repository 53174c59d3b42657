"""Repeated operations: jobs that need no change are reported, and are no failure."""

from __future__ import annotations

import pytest
from redis import Redis
from rq.job import Job, JobStatus
from rq.rate_limit import RateLimit, RateLimitRegistry
from rq.registry import FinishedJobRegistry
from rq.results import Result

from qctl.models import BulkResult, Selector, Verb
from qctl.ops import Ops
from support import stock


def do(ops: Ops, act: Verb, *ids: str) -> BulkResult:
    chosen = ops.jobs.choose(act, Selector(ids=ids))
    return ops.jobs.delete(chosen) if act == "discard" else getattr(ops.jobs, act)(chosen)


def finish(connection: Redis, job_id: str) -> None:
    """Finish a job as a stock worker does."""
    job = Job.fetch(job_id, connection=connection)
    with connection.pipeline() as pipe:
        job.set_status(JobStatus.FINISHED, pipeline=pipe)
        FinishedJobRegistry(job.origin, connection=connection).add(job, 500, pipeline=pipe)
        Result.create(job, Result.Type.SUCCESSFUL, 500, return_value=1, pipeline=pipe)
        pipe.execute()


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("retry", "it already waits"),
        ("cancel", "it is already canceled"),
        ("delete", "it is already in the trash"),
        ("discard", "it is already in the trash"),
    ],
)
def test_a_repeated_operation_reports_already_done(ops: Ops, connection: Redis, act: Verb, said: str) -> None:
    job = stock.enqueue(connection, "mail", "d")
    if act in ("retry", "discard"):
        stock.die(connection, job)
    assert do(ops, act, "d").done == 1
    again = do(ops, act, "d", "nowhere")
    assert (again.done, again.already, again.failed) == (0, 1, 1)
    assert {outcome.id: outcome.detail for outcome in again.outcomes} == {
        "d": said,
        "nowhere": "there is no such job",
    }


def test_a_retried_dead_letter_that_finished_is_reported(ops: Ops, connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    assert do(ops, "retry", "d").done == 1
    finish(connection, "d")
    again = do(ops, "retry", "d")
    assert (again.already, again.outcomes[0].detail) == (1, "it already ran again and finished")
    assert connection.zscore("rq:failed:mail", "d") is None


def test_a_job_that_finished_without_failure_is_no_dead_letter(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "w")
    finish(connection, "w")
    found = do(ops, "retry", "w")
    assert (found.already, found.failed) == (0, 1)
    assert found.outcomes[0].detail == "it is finished"


def test_a_job_waiting_for_its_rate_limit_already_waits(ops: Ops, connection: Redis) -> None:
    for id_ in ("a", "b"):
        limit = RateLimit("smtp", 1)
        stock.die(connection, stock.enqueue(connection, "mail", id_, rate_limit=limit))
    registry = RateLimitRegistry("smtp", connection)
    connection.delete(registry.allowed_key, registry.rate_limited_key, registry.config_key)
    assert do(ops, "retry", "a", "b").done == 2
    assert do(ops, "retry", "a", "b").already == 2


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("retry", "it already waits"),
        ("cancel", "it is already canceled"),
        ("delete", "it is already in the trash"),
        ("discard", "it is already in the trash"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_the_second_of_two_concurrent_operations_reports_already_done(
    ops: Ops, connection: Redis, act: Verb, said: str, named: bool
) -> None:
    jobs = [stock.enqueue(connection, "mail", id_) for id_ in ("a", "b")]
    if act in ("retry", "discard"):
        for job in jobs:
            stock.die(connection, job)
    selector = Selector(ids=("a", "b")) if named else Selector(queue="mail")
    first, second = ops.jobs.choose(act, selector), ops.jobs.choose(act, selector)
    carry_out = ops.jobs.delete if act == "discard" else getattr(ops.jobs, act)
    assert carry_out(first).done == 2
    late = carry_out(second)
    assert (late.done, late.already, late.failed, late.batch) == (0, 2, 0, None)
    assert [(outcome.done, outcome.detail) for outcome in late.outcomes] == [(True, said)] * 2


@pytest.mark.parametrize("state", ["queued", "failed"])
def test_the_second_of_two_concurrent_moves_reports_already_done(ops: Ops, connection: Redis, state: str) -> None:
    for id_ in ("a", "b"):
        job = stock.enqueue(connection, "mail", id_)
        if state == "failed":
            stock.die(connection, job)
    first, second, other = (ops.jobs.choose("move", Selector(ids=("a", "b"))) for _ in range(3))
    assert ops.jobs.move(first, "letters").done == 2
    late = ops.jobs.move(second, "letters")
    assert (late.done, late.already, late.failed) == (0, 2, 0)
    assert {each.detail for each in late.outcomes} == {"it is already in letters"}
    elsewhere = ops.jobs.move(other, "parcels")
    assert (elsewhere.already, elsewhere.failed) == (0, 2), "it is not where it was to go"
    again = ops.jobs.move(ops.jobs.choose("move", Selector(ids=("a", "b"))), "letters")
    assert (again.done, again.already, again.failed) == (0, 2, 0)


def test_a_concurrent_different_operation_is_a_failure(ops: Ops, connection: Redis) -> None:
    for id_ in ("a", "b"):
        stock.die(connection, stock.enqueue(connection, "mail", id_))
    first, second = (ops.jobs.choose("retry", Selector(ids=("a", "b"))) for _ in range(2))
    assert ops.jobs.delete(first).done == 2
    late = ops.jobs.retry(second, first=1)
    assert (late.done, late.already, late.failed) == (0, 0, 2)
    assert {outcome.detail for outcome in late.outcomes} == {"it is not there any more"}


def test_canaries_retried_by_somebody_else_count(ops: Ops, connection: Redis) -> None:
    for id_ in ("a", "b"):
        stock.die(connection, stock.enqueue(connection, "mail", id_))
    first, second = (ops.jobs.choose("retry", Selector(ids=("a", "b"))) for _ in range(2))
    assert ops.jobs.retry(first).done == 2
    late = ops.jobs.retry(second, first=1)
    assert (late.done, late.already, late.failed) == (0, 2, 0)
