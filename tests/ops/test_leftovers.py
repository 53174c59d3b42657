"""Leftovers of dead stock workers and lost data: found, counted apart, repaired, and reached by every command."""

from __future__ import annotations

import time

import pytest
from redis import Redis
from rq.job import Dependency, Job, Retry
from rq.queue import Queue
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from qctl.broker.maintenance.leftover_repair import LeftoverRepair
from qctl.broker.query.job_summary import GONE
from qctl.broker.redis import keys, relation_keys
from qctl.errors import RefusedError
from qctl.models import Finding, QueueStats, Selector
from qctl.ops import Ops
from support import stock

RUN = "0123456789abcdef0123456789abcdef"
LONG_AGO = "2026-01-01T00:00:00.000000Z"
LATER = 4_000_000_000


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look twice for unstarted jobs without waiting in between."""
    monkeypatch.setattr("qctl.broker.query.leftovers.sleep", lambda _seconds: None)


def start(connection: Redis, job_id: str, *, ends: float = 1, member: str = "", **options: object) -> Job:
    """Enqueue a job and leave it as a worker does that is killed while it runs."""
    job = stock.enqueue(connection, "mail", job_id, json=True, **options)
    connection.lrem(keys.queue("mail"), 0, job_id)
    connection.hset(keys.job(job_id), mapping={"status": "started", "worker_name": "killed", "started_at": LONG_AGO})
    connection.zadd(keys.started("mail"), {member or f"{job_id}:{RUN}": ends})
    return job


def status(connection: Redis, job_id: str) -> str:
    return (connection.hget(keys.job(job_id), "status") or b"gone").decode()


def findings(ops: Ops, check: str) -> list[Finding]:
    return [finding for finding in ops.health.check().findings if finding.check == check]


def counts(ops: Ops) -> QueueStats:
    return next(queue for queue in ops.stats.read().queues if queue.name == "mail")


# --- abandoned jobs ------------------------------------------------------------------------------------------


def test_an_abandoned_job_is_named_and_is_not_counted_as_running(ops: Ops, connection: Redis) -> None:
    start(connection, "left")
    assert (counts(ops).running, counts(ops).abandoned, counts(ops).ghosts) == (0, 1, 0)
    (finding,) = findings(ops, "leftovers")
    assert (finding.status, "left" in finding.reason, "--repair" in (finding.fix or "")) == ("degraded", True, True)
    assert "nothing runs it" in ops.jobs.show("left").note


def test_an_abandoned_job_without_retries_becomes_a_dead_letter_that_rq_can_read(ops: Ops, connection: Redis) -> None:
    start(connection, "left")
    done = ops.doctor.repair()
    assert (done.abandoned, done.dead) == (1, 1)
    assert ops.dead_letters.show("left").letter.error.startswith("AbandonedJobError")
    assert connection.zcard(keys.started("mail")) == 0
    assert FailedJobRegistry("mail", connection=connection).get_job_ids() == ["left"]
    result = Job.fetch("left", connection=connection, serializer=JSONSerializer).latest_result()
    assert result is not None
    assert "AbandonedJobError" in str(result.exc_string)
    assert ops.doctor.repair().abandoned == 0


@pytest.mark.parametrize(("interval", "state"), [(0, "queued"), ([30, 60], "scheduled")])
def test_an_abandoned_job_with_retries_is_tried_again(
    ops: Ops, connection: Redis, interval: int | list[int], state: str
) -> None:
    start(connection, "left", retry=Retry(max=2, interval=interval))
    done = ops.doctor.repair()
    assert (done.abandoned, done.dead) == (1, 0)
    assert (status(connection, "left"), ops.jobs.show("left").state) == (state, state)
    assert connection.hget(keys.job("left"), "retries_left") == b"1"


def test_a_member_of_rq_1_is_repaired_too_and_its_id_may_hold_colons(
    ops: Ops, connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq.job.validate_job_id", lambda _id: None)
    start(connection, "user:7", member="user:7")
    assert ops.doctor.repair().dead == 1
    assert ops.dead_letters.show("user:7").letter.queue == "mail"


def test_a_run_that_never_began_puts_its_job_back(ops: Ops, connection: Redis) -> None:
    start(connection, "left")
    connection.hset(keys.job("left"), "status", "queued")
    ops.doctor.repair()
    assert stock.waiting(connection, "mail") == ["left"]
    assert ops.doctor.repair().abandoned == 0


def test_a_job_with_a_lease_or_a_claim_is_left_alone(ops: Ops, connection: Redis) -> None:
    start(connection, "runs", ends=LATER)
    start(connection, "ours")
    connection.hset(keys.claims("mail"), "ours", "worker|1")
    connection.zadd(keys.LEASES, {"worker": (time.time() + 10) * 1000})
    assert ops.doctor.repair().abandoned == 0
    assert [status(connection, id_) for id_ in ("runs", "ours")] == ["started", "started"]
    assert counts(ops).running == 2


# --- claims of dead workers of qctl ---------------------------------------------------------------------------


@pytest.fixture
def claimed(connection: Redis) -> None:
    """A started job whose claimant died a minute ago, while nothing ran that recovers its jobs."""
    start(connection, "ours")
    connection.hset(keys.claims("mail"), "ours", "host.1.ab|1")
    connection.zadd(keys.LEASES, {"host.1.ab": (time.time() - 60) * 1000})


@pytest.mark.usefixtures("claimed")
def test_a_claim_that_nobody_recovers_is_named_and_returned_to_its_queue(ops: Ops, connection: Redis) -> None:
    assert (counts(ops).running, counts(ops).abandoned) == (0, 1)
    (finding,) = findings(ops, "leftovers")
    assert (finding.status, "no scheduler returns them" in finding.reason) == ("degraded", True)
    assert "nothing runs it" in ops.jobs.show("ours").note
    done = ops.doctor.repair()
    assert (done.recovered, done.abandoned) == (1, 0)
    assert stock.waiting(connection, "mail") == ["ours"]
    assert not connection.exists(keys.claims("mail"))
    assert counts(ops).running == 0


@pytest.mark.usefixtures("claimed")
@pytest.mark.parametrize(("act", "after"), [("cancel", "canceled"), ("retry", "queued"), ("stop", "failed")])
def test_acts_reach_a_job_that_nobody_recovers(ops: Ops, connection: Redis, act: str, after: str) -> None:
    if act == "stop":
        assert ops.jobs.stop("ours").was_abandoned
    else:
        assert getattr(ops.jobs, act)(ops.jobs.choose(act, Selector(ids=("ours",)))).done == 1
    assert status(connection, "ours") == after
    assert not connection.exists(keys.claims("mail"), keys.started("mail"))


@pytest.mark.usefixtures("claimed")
def test_a_queue_of_claims_that_nobody_recovers_is_drained_and_deleted(ops: Ops, connection: Redis) -> None:
    assert ops.queues.drain("mail", timeout=10).seconds < 10
    assert ops.queues.delete("mail").removed == 1


def test_stop_with_force_ends_a_claimed_job_as_soon_as_the_lease_is_over(ops: Ops, connection: Redis) -> None:
    start(connection, "ours", ends=LATER)
    connection.hset(keys.claims("mail"), "ours", "host.1.ab|1")
    connection.zadd(keys.LEASES, {"host.1.ab": (time.time() + 10) * 1000})
    with pytest.raises(RefusedError, match="a worker of qctl has it"):
        ops.jobs.stop("ours", force=True)
    connection.zadd(keys.LEASES, {"host.1.ab": (time.time() - 1) * 1000})
    assert ops.jobs.stop("ours", force=True).was_abandoned
    assert status(connection, "ours") == "failed"


def test_a_ghost_says_that_its_data_is_gone(ops: Ops, connection: Redis) -> None:
    connection.zadd(keys.failed("mail"), {"ghost": LATER})
    connection.sadd(keys.QUEUES, keys.queue("mail"))
    assert [letter.error for letter in ops.dead_letters.list().letters] == [GONE]
    assert [row.error for row in ops.jobs.list(Selector()).rows] == [GONE]
    (reason,) = ops.explain.job("ghost").reasons
    assert reason.fix == "qctl doctor --repair"


def test_the_scheduler_repairs_leftovers(ops: Ops, connection: Redis) -> None:
    start(connection, "left")
    connection.zadd(keys.deferred("mail"), {"ghost": 1})
    LeftoverRepair(connection, "scheduler").run(["mail"])
    assert status(connection, "left") == "failed"
    assert connection.exists(keys.deferred("mail")) == 0


def test_every_command_reaches_an_abandoned_job(ops: Ops, connection: Redis) -> None:
    for name in ("retried", "canceled", "deleted", "stopped"):
        start(connection, name)
    assert ops.jobs.retry(ops.jobs.choose("retry", Selector(ids=("retried",)))).done == 1
    assert ops.jobs.cancel(ops.jobs.choose("cancel", Selector(ids=("canceled",)))).done == 1
    assert ops.jobs.delete(ops.jobs.choose("delete", Selector(ids=("deleted",)))).done == 1
    stopped = ops.jobs.stop("stopped")
    assert (stopped.was_abandoned, stopped.status) == (True, "failed")
    assert [status(connection, id_) for id_ in ("retried", "canceled", "stopped")] == ["queued", "canceled", "failed"]
    assert connection.zcard(keys.started("mail")) == 0


def test_stop_ends_a_job_of_a_silent_worker_only_with_force(ops: Ops, connection: Redis) -> None:
    start(connection, "left", ends=LATER)
    with pytest.raises(RefusedError, match="does not listen") as refused:
        ops.jobs.stop("left")
    assert "--force" in (refused.value.hint or "")
    assert ops.jobs.stop("left", force=True).was_abandoned
    assert status(connection, "left") == "failed"


# --- unstarted, ended and ready jobs -------------------------------------------------------------------------


def test_a_job_that_was_never_started_goes_back_to_the_head_of_its_queue(ops: Ops, connection: Redis) -> None:
    for name in ("taken", "waits"):
        stock.enqueue(connection, "mail", name, json=True)
    connection.hset(keys.job("taken"), mapping={"created_at": LONG_AGO, "enqueued_at": LONG_AGO})
    connection.lmove(keys.queue("mail"), keys.intermediate("mail"), "LEFT", "RIGHT")
    assert "never started" in findings(ops, "leftovers")[0].reason
    assert ops.doctor.repair().unstarted == 1
    assert stock.waiting(connection, "mail") == ["taken", "waits"]


def test_the_scheduler_gives_a_stock_worker_a_minute_to_start_a_job(
    connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock.enqueue(connection, "mail", "taken", json=True)
    connection.hset(keys.job("taken"), mapping={"created_at": LONG_AGO, "enqueued_at": LONG_AGO})
    connection.lmove(keys.queue("mail"), keys.intermediate("mail"), "LEFT", "RIGHT")
    keeper = LeftoverRepair(connection, "scheduler")
    keeper.run(["mail"])
    assert stock.waiting(connection, "mail") == []
    monkeypatch.setattr("qctl.broker.maintenance.leftover_repair.UNSTARTED_SECONDS", 0.0)
    keeper.run(["mail"])
    assert stock.waiting(connection, "mail") == ["taken"]


def test_a_finished_job_with_an_entry_of_its_run_stops_nothing(ops: Ops, connection: Redis) -> None:
    job = start(connection, "done")
    job.set_status("finished")
    assert counts(ops).running == 0
    assert "RQ counts them as running" in findings(ops, "leftovers")[0].reason
    assert ops.queues.drain("mail", timeout=1).seconds < 1
    assert ops.queues.delete("mail").removed == 0


def test_a_ready_job_is_counted_and_enqueued(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "child", json=True)
    connection.lrem(keys.queue("mail"), 0, "child")
    connection.hset(keys.job("child"), "status", "ready_to_enqueue")
    connection.zadd(relation_keys.ready("mail"), {"child": 1})
    assert counts(ops).deferred == 1
    assert "dependencies are met" in findings(ops, "leftovers")[0].reason
    assert ops.doctor.repair().ready == 1
    assert stock.waiting(connection, "mail") == ["child"]


# --- ghosts --------------------------------------------------------------------------------------------------


def haunt(connection: Redis) -> None:
    """Put an id without a hash into every location."""
    connection.sadd(keys.QUEUES, keys.queue("mail"))
    connection.rpush(keys.queue("mail"), "lost")
    connection.zadd(keys.failed("mail"), {"expired": 1, "evicted": -1})
    connection.zadd(keys.started("mail"), {f"ran:{RUN}": 1})
    for registry in (keys.scheduled, keys.deferred, keys.finished, keys.canceled):
        connection.zadd(registry("mail"), {"lost": LATER})
    connection.hset(keys.quarantine("mail"), "lost", "{}")


def test_ghosts_are_counted_apart_and_named(ops: Ops, connection: Redis) -> None:
    haunt(connection)
    row = counts(ops)
    assert (row.running, row.scheduled, row.deferred, row.finished, row.dead) == (0, 0, 0, 0, 0)
    assert row.ghosts == 7
    assert findings(ops, "ghosts")[0].status == "degraded"
    ghosts = next(one for one in ops.doctor.examine().findings if one.check == "ghosts" and "entries" in one.reason)
    assert "mail" in ghosts.reason


def test_a_repair_removes_ghosts_and_nothing_else(ops: Ops, connection: Redis) -> None:
    haunt(connection)
    stock.die(connection, stock.enqueue(connection, "mail", "dead", json=True))
    assert ops.doctor.repair().ghosts == 9
    assert (counts(ops).ghosts, counts(ops).dead) == (0, 1)
    assert connection.keys("rq:wip:*") == []
    assert ops.doctor.repair().ghosts == 0


def test_a_queue_of_ghosts_can_be_deleted(ops: Ops, connection: Redis) -> None:
    haunt(connection)
    ops.queues.delete("mail")
    assert "mail" not in [queue.name for queue in ops.stats.read().queues]


def test_a_queue_that_rq_does_not_list_is_found_and_listed_again(ops: Ops, connection: Redis) -> None:
    start(connection, "left")
    connection.srem(keys.QUEUES, keys.queue("mail"))
    found = next(one for one in ops.doctor.examine().findings if one.check == "unlisted queues")
    assert (found.status, "mail" in found.reason) == ("degraded", True)
    assert ops.doctor.repair().queues == 1
    assert status(connection, "left") == "failed"


def test_dependents_of_an_abandoned_job_that_allow_its_failure_are_enqueued(ops: Ops, connection: Redis) -> None:
    start(connection, "left")
    queue = Queue("mail", connection=connection, serializer=JSONSerializer)
    for name, allowed in (("goes-on", True), ("waits", False)):
        queue.enqueue("app.tasks.send", job_id=name, depends_on=Dependency(jobs=["left"], allow_failure=allowed))
    ops.doctor.repair()
    assert [status(connection, name) for name in ("goes-on", "waits")] == ["queued", "deferred"]
