"""Jobs that wait for jobs that will not finish: counted before an act, treated with it, found afterwards."""

from __future__ import annotations

import pytest
from redis import Redis
from rq.job import Dependency
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.maintenance.leftover_repair import LeftoverRepair
from qctl.broker.redis import keys
from qctl.models import Finding, Selector
from qctl.ops import Ops
from support import stock


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look twice without waiting in between."""
    monkeypatch.setattr("qctl.broker.query.dependents.sleep", lambda _seconds: None)


def enqueue(connection: Redis, job_id: str, *parents: str, allow_failure: bool = False) -> None:
    queue = Queue("mail", connection=connection, serializer=JSONSerializer)
    depends_on = Dependency(jobs=list(parents), allow_failure=allow_failure) if parents else None
    queue.enqueue("app.tasks.send", job_id=job_id, depends_on=depends_on)


def family(connection: Redis) -> None:
    """Enqueue `parent`, with `child` and its `grandchild`, and `other`, for which `both` waits besides `parent`."""
    enqueue(connection, "parent")
    enqueue(connection, "other")
    enqueue(connection, "child", "parent")
    enqueue(connection, "grandchild", "child")
    enqueue(connection, "both", "parent", "other")


def status(connection: Redis, job_id: str) -> str:
    return (connection.hget(keys.job(job_id), "status") or b"gone").decode()


def stranded(ops: Ops) -> Finding:
    return next(finding for finding in ops.doctor.examine().findings if finding.check == "deferred")


def test_a_selection_says_how_many_jobs_wait_for_it(ops: Ops, connection: Redis) -> None:
    family(connection)
    chosen = ops.jobs.choose("cancel", Selector(ids=("parent", "other")))
    assert (chosen.dependents, sorted(chosen.parents)) == (2, ["other", "parent"])
    assert ops.queues.dependents("mail") == 2
    assert ops.jobs.choose("cancel", Selector(ids=("grandchild",))).dependents == 0


@pytest.mark.parametrize(
    ("choice", "statuses"),
    [
        ("keep", ["deferred", "deferred", "deferred"]),
        ("release", ["queued", "deferred", "deferred"]),
        ("cancel", ["canceled", "canceled", "canceled"]),
    ],
)
def test_dependents_of_a_canceled_job_are_treated_as_chosen(
    ops: Ops, connection: Redis, choice: str, statuses: list[str]
) -> None:
    family(connection)
    chosen = ops.jobs.choose("cancel", Selector(ids=("parent",)))
    result = ops.jobs.cancel(chosen, dependents=choice)  # type: ignore[arg-type]
    assert result.dependents == 2
    assert [status(connection, id_) for id_ in ("child", "grandchild", "both")] == statuses


def test_a_released_job_runs_when_its_other_dependency_has_finished(ops: Ops, connection: Redis) -> None:
    family(connection)
    ops.jobs.cancel(ops.jobs.choose("cancel", Selector(ids=("parent",))), dependents="release")
    queue = Queue("mail", connection=connection, serializer=JSONSerializer)
    other = queue.fetch_job("other")
    assert other is not None
    other.set_status("finished")
    queue.enqueue_dependents(other)
    assert status(connection, "both") == "queued"


@pytest.mark.parametrize("purge", [False, True])
def test_clear_cancels_those_that_wait_for_what_it_removes(ops: Ops, connection: Redis, purge: bool) -> None:
    family(connection)
    result = ops.queues.clear("mail", purge=purge, dependents="cancel")
    assert (result.removed, result.dependents, result.dependents_changed) == (2, 2, 3)
    assert [status(connection, id_) for id_ in ("child", "grandchild", "both")] == ["canceled"] * 3
    assert (result.batch is None) == purge
    assert connection.exists(keys.job("parent")) == (not purge)


def test_doctor_finds_jobs_that_would_wait_for_ever(ops: Ops, connection: Redis) -> None:
    family(connection)
    assert stranded(ops).status == "ok"
    ops.jobs.cancel(ops.jobs.choose("cancel", Selector(ids=("parent",))))
    found = stranded(ops)
    assert (found.status, "child of mail: parent is canceled" in found.reason) == ("degraded", True)
    ops.queues.clear("mail", purge=True)
    assert "2 deferred jobs" in stranded(ops).reason
    released = ops.jobs.release(ops.jobs.choose("release", Selector(ids=("child", "both"))))
    assert released.done == 2
    assert stranded(ops).status == "ok"
    assert stock.waiting(connection, "mail") == ["child", "both"]


def test_a_released_job_is_not_enqueued_again_by_its_dependency(ops: Ops, connection: Redis) -> None:
    family(connection)
    ops.jobs.release(ops.jobs.choose("release", Selector(ids=("child",))))
    queue = Queue("mail", connection=connection, serializer=JSONSerializer)
    parent = queue.fetch_job("parent")
    assert parent is not None
    parent.set_status("finished")
    queue.enqueue_dependents(parent)
    assert stock.waiting(connection, "mail").count("child") == 1


def test_a_retried_job_is_not_enqueued_again_by_its_dependency(ops: Ops, connection: Redis) -> None:
    family(connection)
    ops.jobs.cancel(ops.jobs.choose("cancel", Selector(ids=("child",))))
    assert ops.jobs.retry(ops.jobs.choose("retry", Selector(ids=("child",)))).done == 1
    queue = Queue("mail", connection=connection, serializer=JSONSerializer)
    parent = queue.fetch_job("parent")
    assert parent is not None
    parent.set_status("finished")
    queue.enqueue_dependents(parent)
    assert stock.waiting(connection, "mail").count("child") == 1


def test_a_retry_of_a_deferred_job_names_the_command_that_enqueues_it(ops: Ops, connection: Redis) -> None:
    family(connection)
    (outcome,) = (
        ops.jobs.choose("retry", Selector(ids=("child",))).already
        or ops.jobs.choose("retry", Selector(ids=("child",))).missing
    )
    assert "qctl job release" in outcome.detail


@pytest.mark.parametrize("act", ["quarantine", "discard"])
def test_a_failure_that_is_allowed_is_honoured_when_the_dependency_does_not_run(
    ops: Ops, connection: Redis, act: str
) -> None:
    enqueue(connection, "parent")
    enqueue(connection, "allows", "parent", allow_failure=True)
    enqueue(connection, "waits", "parent")
    connection.lrem(keys.queue("mail"), 0, "parent")
    connection.hset(keys.job("parent"), "status", "failed")
    connection.hset(keys.quarantine("mail"), "parent", "{}")
    if act == "discard":
        ops.jobs.delete(ops.jobs.choose("discard", Selector(ids=("parent",))), verb="discard")
    LeftoverRepair(connection, "scheduler").run(["mail"])
    assert [status(connection, id_) for id_ in ("allows", "waits")] == ["queued", "deferred"]
