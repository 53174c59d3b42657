"""Flows: jobs that wait for each other, and groups: their states, and acts on a job with all that depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq.group import Group
from rq.job import Dependency, Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.query import flows as flows_query
from qctl.broker.redis import keys, relation_keys
from qctl.errors import NotFoundError, RefusedError
from qctl.models import Flow, Selector
from qctl.ops import Ops
from support import stock
from support.process import Program
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS
from support.workers import qctl_worker


def queue_of(connection: Redis, name: str = "mail") -> Queue:
    return Queue(name, connection=connection, serializer=JSONSerializer)


def enqueue(
    connection: Redis, job_id: str, *parents: str, function: str = "support.jobs.give", queue: str = "mail"
) -> Job:
    depends_on = Dependency(jobs=list(parents)) if parents else None
    return queue_of(connection, queue).enqueue(function, job_id=job_id, depends_on=depends_on)


def family(connection: Redis) -> None:
    """Enqueue `parent`, with `child` and its `grandchild`, and `other`, for which `both` waits besides `parent`."""
    enqueue(connection, "parent")
    enqueue(connection, "other")
    enqueue(connection, "child", "parent")
    enqueue(connection, "grandchild", "child", queue="report")
    enqueue(connection, "both", "parent", "other")


def hold(ops: Ops, connection: Redis) -> None:
    """Pause the queue `mail`, which may have had no job."""
    connection.sadd(keys.QUEUES, keys.queue("mail"))
    ops.queues.pause("mail", force=True)


def states(flow: Flow) -> dict[str, str]:
    return {job.id: job.state for job in flow.jobs}


@pytest.fixture
def worker(tmp_path: Path, redis_server: RedisServer) -> Iterator[Program]:
    """A worker of the queues `mail` and `report`."""
    program = qctl_worker(tmp_path, redis_server.url, "mail", "report")
    program.start()
    yield program
    program.end()


def test_a_flow_has_what_a_job_waits_for_and_what_waits_for_it(ops: Ops, connection: Redis) -> None:
    family(connection)
    flow = ops.flows.show("child")
    assert states(flow) == {"child": "deferred", "parent": "queued", "grandchild": "deferred"}
    assert {job.id: job.depends_on for job in flow.jobs}["grandchild"] == ["child"]
    assert (flow.ended, flow.failed, flow.is_whole) == (0, 0, True)
    assert states(ops.flows.show("parent")).keys() == {"parent", "child", "grandchild", "both"}
    assert ops.jobs.show("child").relatives == {"parent": "queued", "grandchild": "deferred"}
    with pytest.raises(NotFoundError, match="neither a job nor a group"):
        ops.flows.show("nowhere")


def test_a_circle_of_dependencies_ends(ops: Ops, connection: Redis) -> None:
    family(connection)
    connection.sadd(keys.dependents("grandchild"), "parent", "grandchild")  # only damage makes it
    connection.sadd(relation_keys.dependencies("parent"), "grandchild")
    assert states(ops.flows.show("child")).keys() == {"parent", "child", "grandchild"}
    assert [flow.id for flow in ops.flows.list().flows] == ["other"]
    assert ops.flows.cancel("parent").done == 4
    assert ops.flows.retry("parent").done == 4


def test_a_flow_that_is_too_large_is_cut_and_not_acted_on(
    ops: Ops, connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(connection, "parent")
    for n in range(12):
        enqueue(connection, f"child{n}", "parent")
    monkeypatch.setattr(flows_query, "MAX_JOBS", 10)
    flow = ops.flows.show("parent")
    assert (len(flow.jobs), flow.is_whole) == (10, False)
    monkeypatch.setattr("qctl.broker.admin.flows.MAX_JOBS", 10)
    for act in (ops.flows.cancel, ops.flows.retry):
        with pytest.raises(RefusedError, match="more than 10 jobs"):
            act("parent")
    assert stock.waiting(connection, "mail") == ["parent"]
    assert connection.zcard(keys.deferred("mail")) == 12


def test_a_cancelled_flow_is_retried_in_its_order(ops: Ops, connection: Redis) -> None:
    family(connection)
    result = ops.flows.cancel("parent")
    assert (result.done, result.failed) == (4, 0)
    assert states(ops.flows.show("parent")) == dict.fromkeys(("parent", "child", "grandchild", "both"), "canceled")
    assert stock.waiting(connection, "mail") == ["other"]
    assert ops.flows.cancel("parent").done == 0
    assert ops.flows.retry("parent").done == 4
    assert stock.waiting(connection, "mail") == ["other", "parent"]
    assert states(ops.flows.show("parent")) == {
        "parent": "queued",
        "child": "deferred",
        "grandchild": "deferred",
        "both": "deferred",
    }
    assert connection.zrange(keys.canceled("mail"), 0, -1) == []
    assert connection.zrange(keys.deferred("report"), 0, -1) == [b"grandchild"]


def test_a_retried_flow_runs_to_its_end(ops: Ops, connection: Redis, worker: Program) -> None:
    hold(ops, connection)
    family(connection)
    ops.flows.cancel("parent")
    assert ops.flows.retry("parent").done == 4
    ops.queues.resume("mail")
    for job_id in ("grandchild", "both"):
        assert ops.jobs.wait(job_id, timeout=PATIENCE_SECONDS).status == "finished"
    flow = ops.flows.show("parent")
    assert states(flow) == dict.fromkeys(("parent", "child", "grandchild", "both"), "finished")
    assert (flow.ended, flow.failed) == (4, 0)


def test_what_failed_runs_again_and_what_finished_does_not(ops: Ops, connection: Redis, worker: Program) -> None:
    hold(ops, connection)
    enqueue(connection, "parent")
    enqueue(connection, "child", "parent", function="support.jobs.fail")
    enqueue(connection, "grandchild", "child")
    ops.queues.resume("mail")
    with pytest.raises(Exception, match="failed"):
        ops.jobs.wait("child", timeout=PATIENCE_SECONDS)
    flow = ops.flows.show("parent")
    assert states(flow) == {"parent": "finished", "child": "failed", "grandchild": "deferred"}
    assert (flow.ended, flow.failed) == (2, 1)
    hold(ops, connection)
    result = ops.flows.retry("parent")
    assert [outcome.id for outcome in result.outcomes] == ["child"]
    assert stock.waiting(connection, "mail") == ["child"]
    assert ops.dead_letters.groups(None).total == 0


def test_a_running_job_of_a_canceled_flow_is_left_and_named(ops: Ops, connection: Redis) -> None:
    family(connection)
    connection.lrem(keys.queue("mail"), 0, "parent")
    connection.hset(keys.job("parent"), "status", "started")
    result = ops.flows.cancel("parent")
    assert (result.done, result.failed) == (3, 1)
    (left,) = (outcome for outcome in result.outcomes if not outcome.done)
    assert (left.id, "qctl job stop" in left.detail) == ("parent", True)


def test_groups_are_listed_with_their_progress_and_acted_on(ops: Ops, connection: Redis) -> None:
    datas = [Queue.prepare_data("support.jobs.give", job_id=f"member{n}") for n in range(3)]
    Group.create(connection, "nightly").enqueue_many(queue_of(connection), datas)
    stock.die(connection, Job.fetch("member0", connection, serializer=JSONSerializer))
    (flow,) = ops.flows.list().flows
    assert (flow.id, flow.kind, len(flow.jobs), flow.ended, flow.failed) == ("nightly", "group", 3, 1, 1)
    assert ops.flows.retry("nightly").done == 1
    assert sorted(stock.waiting(connection, "mail")) == ["member0", "member1", "member2"]
    assert ops.flows.cancel("nightly").done == 3
    assert ops.flows.show("nightly").states == {"canceled": 3}


def test_a_tree_is_listed_by_the_job_that_it_begins_with(ops: Ops, connection: Redis) -> None:
    family(connection)
    assert {flow.id for flow in ops.flows.list().flows} == {"parent", "other"}
    assert ops.flows.list(limit=1).is_whole is False
    ops.flows.cancel("parent")
    ops.flows.cancel("other")
    assert ops.flows.list().flows == []


def test_a_key_of_another_type_changes_nothing_of_its_job(ops: Ops, connection: Redis) -> None:
    family(connection)
    ops.flows.cancel("parent")
    connection.delete(keys.claims("report"))
    connection.set(keys.claims("report"), "damage")
    result = ops.flows.retry("parent")
    assert (result.done, result.failed) == (3, 1)
    assert states(ops.flows.show("parent"))["grandchild"] == "canceled"


def test_a_job_in_the_trash_stays_there(ops: Ops, connection: Redis) -> None:
    family(connection)
    ops.jobs.delete(ops.jobs.choose("delete", Selector(ids=("child",))))
    result = ops.flows.retry("parent")
    assert [(outcome.id, outcome.done) for outcome in result.outcomes] == [("child", False)]
