"""Test prefetch: only short jobs, and none is kept waiting, lost, or started in a paused queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from redis import Redis
from redis.exceptions import ConnectionError
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker import claim_loop, pauses, recovery
from qctl.broker.worker import prefetch as prefetch_module
from qctl.broker.worker.child_process import ChildProcess
from qctl.broker.worker.claim_connection import ClaimConnection
from qctl.broker.worker.claim_request import Claim, ClaimRequests
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.fork_runner import ForkRunner
from qctl.broker.worker.prefetch import (
    MAX_CLAIM_AGE_SECONDS,
    MAX_PREFETCH_JOBS,
    MAX_WAIT_SECONDS,
    SHORT_JOB_SECONDS,
    TRUSTED_RUNS,
    Prefetch,
    PrefetchLimits,
)
from qctl.broker.worker.recovery import Recoverer
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.broker.worker.stop_job import AbortedError, JobStopper
from qctl.settings import Settings
from support.servers import RedisServer
from support.waiting import eventually
from support.workers import qctl_worker


def status(connection: Redis, job: Job) -> str:
    raw = connection.hget(keys.job(job.id), "status")
    return raw.decode() if raw else "gone"


def names(raws: list[bytes]) -> list[str]:
    return [raw.decode() for raw in raws]


def assert_settled(connection: Redis, queue: str = "work") -> None:
    """Check that no claim and no record of a run is left."""
    assert connection.lrange(keys.intermediate(queue), 0, -1) == []
    assert connection.hgetall(keys.claims(queue)) == {}
    assert connection.zrange(keys.started(queue), 0, -1) == []


def trust(worker: QctlWorker) -> QctlWorker:
    """Let a worker expect short jobs of `work`."""
    for _ in range(2 * TRUSTED_RUNS):
        worker.loop.limits.note_run("work", 0.0)
    return worker


@pytest.fixture
def trusting_inline(inline: QctlWorker) -> QctlWorker:
    """An inline worker that has run only short jobs of `work`."""
    return trust(inline)


@pytest.fixture
def trusting(worker: QctlWorker) -> Iterator[QctlWorker]:
    """A worker of both kinds that has run only short jobs of `work`."""
    if isinstance(worker.runner, ForkRunner):
        worker.runner._open_child()  # to fork it may take longer than prefetched jobs wait
    yield trust(worker)
    worker.runner.close()


# --- how many -----------------------------------------------------------------------------------------------


def limits_after(*runs: float) -> PrefetchLimits:
    limits = PrefetchLimits(MAX_PREFETCH_JOBS)
    for seconds in runs:
        limits.note_run("work", seconds)
    return limits


def test_only_short_jobs_are_claimed_together() -> None:
    assert limits_after(*[0.0001] * (TRUSTED_RUNS - 1)).limit("work") == 1
    limits = limits_after(*[0.0001] * TRUSTED_RUNS)
    assert (limits.limit("work"), limits.limit("other")) == (MAX_PREFETCH_JOBS, 1)
    limits.note_run("work", 2 * SHORT_JOB_SECONDS)
    assert limits.limit("work") == 1, "one that took a little longer costs some trust"
    limits = limits_after(*[0.0001] * 3 * TRUSTED_RUNS, 2 * SHORT_JOB_SECONDS)
    assert limits.limit("work") > 1, "and there was more than enough"
    limits.note_run("work", 2 * MAX_WAIT_SECONDS)
    assert limits.limit("work") == 1, "and one that keeps others waiting all of it"


@pytest.mark.parametrize(("milliseconds", "jobs"), [(0.5, 8), (0.9, 5), (1.2, 4), (2.4, 2), (2.6, 1), (6.0, 1)])
def test_as_many_jobs_are_claimed_as_fit_the_time_of_a_group(milliseconds: float, jobs: int) -> None:
    assert limits_after(*[milliseconds / 1000] * 2 * TRUSTED_RUNS).limit("work") == jobs


def test_jobs_that_became_longer_are_claimed_in_smaller_groups() -> None:
    limits = limits_after(*[0.0001] * 2 * TRUSTED_RUNS)
    seen = []
    for _ in range(40):
        limits.note_run("work", 0.002)
        seen.append(limits.limit("work"))
    assert seen[0] == MAX_PREFETCH_JOBS
    assert seen[-1] == 2
    assert seen == sorted(seen, reverse=True)


@pytest.fixture
def prefetch(connection: Redis, claimant: Claimant) -> Prefetch:
    """The prefetch of a claimant."""
    return Prefetch(connection, claimant)


def test_a_claim_that_waited_too_long_is_not_begun(
    prefetch: Prefetch, claimant: Claimant, monkeypatch: pytest.MonkeyPatch
) -> None:
    returned: list[str] = []
    monkeypatch.setattr(claimant, "give_back", lambda _, job_id: returned.append(job_id))
    claim = Claim("work", "a", {}, execution_id="e", prefetched=True)
    first = claim._replace(job_id="first", prefetched=False)
    prefetch.fill([first, claim, claim._replace(job_id="b")], time.monotonic())
    assert prefetch.next() == first
    time.sleep(2 * MAX_WAIT_SECONDS)
    assert prefetch.next() is None
    prefetch.give_back()
    assert returned == ["b", "a"]
    prefetch.fill([claim._replace(prefetched=False)], time.monotonic() - 2 * MAX_CLAIM_AGE_SECONDS)
    assert prefetch.next() is None, "its lease may have run out since it was requested"


def test_relief_that_fails_is_tried_again_later(
    prefetch: Prefetch, claimant: Claimant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def refuse(_queue: str, job_id: str) -> None:
        tries.append(job_id)
        raise ConnectionError

    monkeypatch.setattr(claimant, "give_back", refuse)
    monkeypatch.setattr(prefetch_module, "RELIEF_RETRY_SECONDS", 0.5)
    prefetch.fill([Claim("work", "a", {}, execution_id="e", prefetched=True)], time.monotonic())
    time.sleep(2 * MAX_WAIT_SECONDS)
    with pytest.raises(ConnectionError):
        prefetch.relieve(Mock())
    prefetch.relieve(Mock())
    assert tries == ["a"], "the second is too soon"
    time.sleep(0.6)
    with pytest.raises(ConnectionError):
        prefetch.relieve(Mock())
    assert tries == ["a", "a"]


def test_a_slow_round_trip_gives_nothing_back(prefetch: Prefetch) -> None:
    claim = Claim("work", "a", {}, execution_id="e", prefetched=True)

    def begun() -> bool:
        prefetch.drop_claims()
        prefetch.fill([claim], time.monotonic() - 2 * MAX_WAIT_SECONDS)
        return prefetch.next() is not None

    eventually(begun, what="a job that was prefetched a moment ago")


# --- the worker ---------------------------------------------------------------------------------------------


def test_short_jobs_take_few_requests_and_leave_the_same_keys(
    connection: Redis, queue: Queue, trusting: QctlWorker
) -> None:
    jobs = [queue.enqueue("support.jobs.give", n, meta={"trace_id": f"t{n}"}) for n in range(40)]
    connection.config_resetstat()
    trusting.work(burst=True)
    assert connection.info("commandstats")["cmdstat_lpop"]["calls"] >= 1, "some were claimed together"
    for n, job in enumerate(jobs):
        found = connection.hgetall(keys.job(job.id))
        assert (found[b"status"], found[b"worker_name"]) == (b"finished", trusting.name.encode())
        assert found[b"enqueued_at"] <= found[b"started_at"] <= found[b"ended_at"] == found[b"last_heartbeat"]
        assert [result.return_value for result in job.results()] == [n]
        assert 0 < connection.ttl(keys.job(job.id)) <= 500
    recorded = [(e.event, e.fields["job"], e.fields["trace"]) for e in events.newest(connection, 200)]
    assert sorted(recorded) == sorted(
        (what, j.id, f"t{n}") for n, j in enumerate(jobs) for what in ("started", "finished")
    )
    assert connection.hget(keys.TOTALS, "finished:work") == b"40"
    times = [connection.hgetall(key) for key in connection.scan_iter(keys.durations("work", 0)[:-1] + "*")]
    runs = [int(count) for each in times for field, count in each.items() if field.startswith(b"r")]
    assert (sum(runs), sum(int(n) for each in times for n in each.values())) == (40, 80)
    assert connection.hget(keys.worker(trusting.name), "successful_job_count") == b"40"
    assert_settled(connection)


def test_prefetched_jobs_run_whatever_ends_one_of_them(connection: Redis, queue: Queue, trusting: QctlWorker) -> None:
    good = [queue.enqueue("support.jobs.give", n) for n in range(2)]
    failed, barred = queue.enqueue("support.jobs.fail"), queue.enqueue("os.getpid")
    good += [queue.enqueue("support.jobs.give", n) for n in range(2)]
    trusting.work(burst=True)
    assert [status(connection, job) for job in good] == ["finished"] * 4
    assert status(connection, failed) == "failed"
    assert connection.hexists(keys.quarantine("work"), barred.id)
    assert_settled(connection)


def test_worker_asks_for_the_next_jobs_before_it_runs_those_it_has(
    connection: Redis, queue: Queue, trusting: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, claimed = trusting.runner.run, []

    def count_claims(job: Job, *args: Any) -> Any:
        claims = keys.claims("work")
        if job.id == jobs[0].id:
            eventually(lambda: connection.hlen(claims) > MAX_PREFETCH_JOBS, what="the jobs behind these")
        claimed.append(connection.hlen(claims))
        return run(job, *args)

    monkeypatch.setattr(trusting.runner, "run", count_claims)
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(5 * MAX_PREFETCH_JOBS)]
    trusting.work(burst=True)
    assert claimed[0] == max(claimed) == 2 * MAX_PREFETCH_JOBS
    assert [len(job.results()) for job in jobs] == [1] * len(jobs)
    assert_settled(connection)


def test_end_that_a_request_sent_ahead_refuses_is_written_by_rq(
    connection: Redis, queue: Queue, trusting: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(3 * MAX_PREFETCH_JOBS)]
    run, dependents = trusting.runner.run, []

    def add_dependent(job: Job, *args: Any) -> Any:
        if job.id == jobs[1].id:
            dependents.append(queue.enqueue("support.jobs.give", depends_on=jobs[0]))
        return run(job, *args)

    monkeypatch.setattr(trusting.runner, "run", add_dependent)
    trusting.work(burst=True)
    assert [len(job.results()) for job in (*jobs, *dependents)] == [1] * (len(jobs) + 1)
    assert_settled(connection)


def test_claims_of_a_lost_reply_that_the_lease_thread_read_come_back_at_once(
    connection: Redis, queue: Queue, trusting: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(2 * MAX_PREFETCH_JOBS)]
    run, read, lost = trusting.runner.run, ClaimConnection.read, []

    def lose_reply(line: ClaimConnection) -> Any:
        reply = read(line)
        if threading.current_thread().name == "qctl-lease" and not lost:
            lost.append(reply)
            raise ConnectionError("the reply was lost")
        return reply

    def wait_for_loss(job: Job, *args: Any) -> Any:
        if job.id == jobs[0].id:
            eventually(lambda: lost, what="the reply that the lease thread reads")
        return run(job, *args)

    monkeypatch.setattr(ClaimConnection, "read", lose_reply)
    monkeypatch.setattr(trusting.runner, "run", wait_for_loss)
    trusting.work(burst=True)
    assert [len(job.results()) for job in jobs] == [1] * len(jobs)
    assert_settled(connection)


def test_long_job_keeps_no_prefetched_job_waiting(connection: Redis, queue: Queue, trusting: QctlWorker) -> None:
    jobs = [queue.enqueue("support.jobs.give", 0), queue.enqueue("support.jobs.nap", 20)]
    jobs += [queue.enqueue("support.jobs.give", n) for n in range(2 * MAX_PREFETCH_JOBS)]
    seen: list[bool] = []

    def inspect() -> None:
        try:
            behind = [job.id for job in jobs[2:]]
            eventually(lambda: names(connection.lrange(keys.queue("work"), 0, -1)) == behind, what="those behind it")
            eventually(lambda: status(connection, jobs[0]) == "finished", what="the end of the one before it")
            eventually(lambda: connection.llen(keys.intermediate("work")) == 0, what="the record of its run")
            eventually(lambda: connection.scard(keys.worker_executions(trusting.name)) == 1, what="its execution")
            seen.append([status(connection, job) for job in jobs] == ["finished", "started"] + ["queued"] * len(behind))
            paused = pauses.pause(connection, "work", actor="me")
            seen.append(pauses.wait_for_claims(connection, paused, 5) < 5)
        finally:
            trusting.request_drain()
            trusting._stopped_job_id = jobs[1].id
            trusting.kill_horse()

    thread = threading.Thread(target=inspect)
    thread.start()
    trusting.work()
    thread.join()
    assert seen == [True, True]
    assert_settled(connection)


def test_first_prefetch_shortens_the_poll_interval(
    connection: Redis, queue: Queue, trusting: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_loop, "POLL_SECONDS", 60.0)
    give_back = trusting.claimant.give_back
    jobs = [queue.enqueue("support.jobs.nap", 1)] + [queue.enqueue("support.jobs.give", n) for n in range(2)]
    returned: list[tuple[str, str]] = []

    def note(queue: str, job_id: str) -> bool:
        returned.append((threading.current_thread().name, job_id))
        return give_back(queue, job_id)

    monkeypatch.setattr(trusting.claimant, "give_back", note)
    trusting.work(burst=True)
    assert returned == [("qctl-lease", job.id) for job in jobs[:0:-1]], "while the first ran"


def test_failed_give_back_is_repeated_while_the_job_runs(
    connection: Redis, queue: Queue, trusting: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [queue.enqueue("support.jobs.nap", 30)] + [queue.enqueue("support.jobs.give", n) for n in range(4)]
    give_back, calls = trusting.claimant.give_back, [0]

    def lossy(queue: str, job_id: str) -> bool:
        calls[0] += 1
        returned = calls[0] == 2 or give_back(queue, job_id)
        if calls[0] in (2, 4):
            raise ConnectionError("the request was lost" if calls[0] == 2 else "the reply was lost")
        return returned

    def inspect() -> None:
        try:
            behind = [job.id for job in jobs[1:]]
            eventually(lambda: names(connection.lrange(keys.queue("work"), 0, -1)) == behind, what="those behind it")
            eventually(lambda: connection.llen(keys.intermediate("work")) == 0, what="the record of its run")
        finally:
            trusting.request_drain()
            trusting._stopped_job_id = jobs[0].id
            trusting.kill_horse()

    monkeypatch.setattr(trusting.claimant, "give_back", lossy)
    thread = threading.Thread(target=inspect)
    thread.start()
    trusting.work()
    thread.join()
    assert status(connection, jobs[0]) == "stopped"
    assert [status(connection, job) for job in jobs[1:]] == ["queued"] * 4
    assert_settled(connection)


def test_broken_sink_is_tried_once_and_the_order_stays(connection: Redis, queue: Queue, trusting: QctlWorker) -> None:
    jobs = [queue.enqueue("support.jobs.give", 0)] + [queue.enqueue("support.jobs.sink_down") for _ in range(4)]
    trusting.work(burst=True)
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == [job.id for job in jobs[1:]]
    assert connection.hget(keys.BREAKERS, "work") == b"1"
    assert_settled(connection)


def test_aborted_job_stays_before_the_prefetched_ones(
    connection: Redis, queue: Queue, trusting_inline: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(5)]

    def abort(job_id: str) -> AbstractContextManager[None]:
        if job_id == jobs[1].id:
            raise AbortedError
        return nullcontext()

    stopper = JobStopper()
    monkeypatch.setattr(stopper, "running", abort)
    monkeypatch.setattr(trusting_inline.runner, "_stopper", stopper)
    trusting_inline.work(burst=True)
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == [job.id for job in jobs[1:]]
    assert_settled(connection)


def test_job_aborted_in_a_child_stays_before_the_prefetched_ones(
    connection: Redis, queue: Queue, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetch_module, "MAX_WAIT_SECONDS", 60.0)
    fork = trust(QctlWorker(["work"], connection, worker_settings, "fork"))
    jobs = [queue.enqueue("support.jobs.nap", 30)] + [queue.enqueue("support.jobs.give", n) for n in range(3)]
    receive = ChildProcess.receive

    def abort(child: ChildProcess) -> tuple[bool, Any]:
        receive(child)
        raise AbortedError

    monkeypatch.setattr(ChildProcess, "receive", abort)
    fork.work(burst=True)
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == [job.id for job in jobs]
    assert_settled(connection)


def test_job_that_kills_its_child_costs_no_prefetched_job(
    connection: Redis, queue: Queue, worker_settings: Settings
) -> None:
    fork = trust(QctlWorker(["work"], connection, worker_settings, "fork"))
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(3)]
    killer = queue.enqueue("support.jobs.die")
    jobs += [queue.enqueue("support.jobs.give", n) for n in range(3, 6)]
    fork.work(burst=True)
    assert [[result.return_value for result in job.results()] for job in jobs] == [[n] for n in range(6)]
    assert names(connection.hkeys(keys.quarantine("work"))) == [killer.id]
    assert connection.hlen(keys.recoveries("work")) == 0
    assert_settled(connection)


def test_stop_that_comes_late_kills_no_other_job(
    connection: Redis, queue: Queue, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork = trust(QctlWorker(["work"], connection, worker_settings, "fork"))
    jobs = [queue.enqueue("support.jobs.process") for _ in range(3)]
    receive = ChildProcess.receive

    def stop(job_id: str) -> None:
        """As the thread that listens for commands does it."""
        fork._stopped_job_id = job_id
        thread = threading.Thread(target=fork.kill_horse)
        thread.start()
        thread.join()

    def receive_and_stop(child: ChildProcess) -> tuple[bool, Any]:
        answer = receive(child)
        running = fork.get_current_job_id()
        if running == jobs[0].id:
            stop(running)  # it has answered, so the child dies under no job
        elif running == jobs[1].id:
            stop("ended long ago")
        return answer

    monkeypatch.setattr(ChildProcess, "receive", receive_and_stop)
    fork.work(burst=True)
    first, *others = [[result.return_value for result in job.results()] for job in jobs]
    assert others == [others[0], others[0]] != [first, first], "the killed child was replaced, the other went on"
    assert connection.hlen(keys.recoveries("work")) == 0
    assert fork._stopped_job_id is None


def test_stop_that_comes_late_does_not_stop_the_next_run_of_the_job(
    connection: Redis, queue: Queue, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork = trust(QctlWorker(["work"], connection, worker_settings, "fork"))
    receive = ChildProcess.receive

    def receive_and_stop(child: ChildProcess) -> tuple[bool, Any]:
        answer = receive(child)
        fork._stopped_job_id = fork.get_current_job_id()
        return answer

    for patch in (receive_and_stop, receive):
        monkeypatch.setattr(ChildProcess, "receive", patch)
        job = queue.enqueue("support.jobs.give", 1, job_id="again")
        fork.work(burst=True)
        assert job.get_status(refresh=True) == "finished"


def test_job_with_a_ttl_is_not_prefetched(connection: Redis, queue: Queue, trusting: QctlWorker) -> None:
    jobs = [queue.enqueue("support.jobs.give", n, ttl=60 if n == 2 else None) for n in range(4)]
    trusting.work(burst=True, max_jobs=1)
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == [job.id for job in jobs[1:]]
    assert 0 < connection.ttl(keys.job(jobs[2].id)) <= 60


def test_prefetched_jobs_of_two_dead_workers_go_back_in_order(
    connection: Redis, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 0.0)
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(20)]
    for name in ("one.1.a", "two.2.b"):
        assert (
            len(ClaimRequests(connection, name, fast_path=True).send(["work"], [MAX_PREFETCH_JOBS])[0])
            == MAX_PREFETCH_JOBS
        )
    assert Recoverer(connection, "test").run() == 2 * MAX_PREFETCH_JOBS
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == [job.id for job in jobs]


def test_prefetched_jobs_go_back_when_the_worker_leaves(connection: Redis, queue: Queue, trusting: QctlWorker) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(6)]
    trusting.work(burst=True, max_jobs=2)
    assert [status(connection, job) for job in jobs] == ["finished"] * 2 + ["queued"] * 4
    # A job that took long, as a new child may, sends those behind it back: then fewer are claimed the next time.
    last = {event.fields["job"]: event.event for event in events.newest(connection, 100) if "job" in event.fields}
    assert [last[job.id] for job in jobs[2:]] == ["returned"] * 4, "because their start was an event"
    assert names(connection.lrange(keys.queue("work"), 0, -1)) == [job.id for job in jobs[2:]]
    assert_settled(connection)


@pytest.mark.parametrize("when", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("done", [True, False], ids=["reply", "request"])
def test_each_prefetched_job_runs_and_ends_once_whatever_is_lost(
    connection: Redis, queue: Queue, trusting: QctlWorker, monkeypatch: pytest.MonkeyPatch, when: int, done: bool
) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(30)]
    send, read, calls = ClaimConnection.send, ClaimConnection.read, [0]

    def lossy_send(line: ClaimConnection, *args: Any) -> None:
        calls[0] += 1
        if calls[0] == when and not done:
            raise ConnectionError("the request was lost")
        send(line, *args)

    def lossy_read(line: ClaimConnection) -> Any:
        reply = read(line)
        if calls[0] == when:
            calls[0] += 1
            raise ConnectionError("the reply was lost")
        return reply

    monkeypatch.setattr(ClaimConnection, "send", lossy_send)
    monkeypatch.setattr(ClaimConnection, "read", lossy_read)
    trusting.work(burst=True)
    assert [len(job.results()) for job in jobs] == [1] * 30
    ended = [e.fields["job"] for e in events.newest(connection, 100) if e.event == "finished"]
    assert sorted(ended) == sorted(job.id for job in jobs)
    assert_settled(connection)


# --- other processes ----------------------------------------------------------------------------------------


@pytest.mark.kill
def test_kill_9_with_prefetched_jobs_loses_nothing(
    connection: Redis,
    queue: Queue,
    redis_server: RedisServer,
    tmp_path: Path,
    worker_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 0.0)
    ran = tmp_path / "ran"
    jobs = queue.enqueue_many([Queue.prepare_data("support.jobs.mark", (str(ran), n)) for n in range(3000)])
    kills, held = 4, []
    for kill in range(kills):
        with qctl_worker(tmp_path, redis_server.url, "work", name=f"victim{kill}") as victim:
            before = len(lines(ran))
            eventually(lambda before=before: len(lines(ran)) > before + 150, what="many runs")
            victim.kill()
        left = names(connection.hkeys(keys.claims("work")))
        assert len(left) <= 2 * MAX_PREFETCH_JOBS
        held.append(len(left))
        places = [n for n, job in enumerate(jobs) if job.id in left]
        connection.delete(keys.LEASES)
        assert Recoverer(connection, "test").run() == len(left)
        waiting = names(connection.lrange(keys.queue("work"), 0, len(left) - 1))
        assert waiting == [jobs[n].id for n in places], "in the order they had"
        assert_settled(connection)
    assert max(held) > 1
    QctlWorker(["work"], connection, worker_settings, "inline").work(burst=True)
    found = lines(ran)
    assert set(found) == set(range(3000))
    assert len(found) <= 3000 + kills * MAX_PREFETCH_JOBS
    assert {status(connection, job) for job in jobs} == {"finished"}
    assert connection.hlen(keys.quarantine("work")) == 0
    assert_settled(connection)


def lines(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.kill
def test_job_that_kills_its_workers_takes_no_other_into_quarantine(
    connection: Redis, queue: Queue, redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 0.0)
    ran = str(tmp_path / "ran")
    queue.enqueue_many([Queue.prepare_data("support.jobs.mark", (ran, n)) for n in range(60)])
    killer = queue.enqueue("support.jobs.die")
    queue.enqueue_many([Queue.prepare_data("support.jobs.mark", (ran, n)) for n in range(60, 80)])
    held = []
    for _ in range(recovery.MAX_DEATHS):
        victim = qctl_worker(tmp_path, redis_server.url, "work")
        victim.launch()
        victim.wait()
        held.append(connection.hlen(keys.claims("work")))
        connection.delete(keys.LEASES)
        Recoverer(connection, "test").run()
    assert 1 <= held[0] <= 2 * MAX_PREFETCH_JOBS
    assert held[1:] == [1, 1]
    assert names(connection.hkeys(keys.quarantine("work"))) == [killer.id]
    with qctl_worker(tmp_path, redis_server.url, "work"):
        eventually(lambda: connection.zcard(keys.finished("work")) == 80, what="the end of all others")
    assert connection.hlen(keys.recoveries("work")) == 0


@pytest.mark.kill
def test_worker_that_slept_does_not_begin_recovered_jobs(
    connection: Redis,
    queue: Queue,
    redis_server: RedisServer,
    tmp_path: Path,
    worker_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 0.0)
    ran = tmp_path / "ran"
    queue.enqueue_many([Queue.prepare_data("support.jobs.mark", (str(ran), n)) for n in range(1500)])
    with qctl_worker(tmp_path, redis_server.url, "work") as sleeper:
        eventually(lambda: len(lines(ran)) > 100, what="many runs")
        sleeper.freeze()
        frozen = time.monotonic()
        connection.delete(keys.LEASES)
        Recoverer(connection, "test").run()
        QctlWorker(["work"], connection, worker_settings, "inline").work(burst=True)
        before = lines(ran)
        eventually(
            lambda: time.monotonic() - frozen > MAX_CLAIM_AGE_SECONDS, what="a sleep in which a lease may run out"
        )
        sleeper.thaw()
        assert sleeper.stop() == 0
    assert len(lines(ran)) - len(before) <= 1, "the one that was about to begin"
    assert set(before) == set(range(1500))
    assert connection.zcard(keys.finished("work")) == 1500
    assert_settled(connection)


@pytest.mark.kill
def test_only_the_running_jobs_continue_after_pause_returned(
    connection: Redis, redis_server: RedisServer, tmp_path: Path, long_run: bool
) -> None:
    ran, stop = tmp_path / "ran", threading.Event()
    producer = Queue("work", connection=redis_server.connect(), serializer=JSONSerializer)
    sent = [0]

    def produce() -> None:
        while not stop.is_set():
            if connection.llen(keys.queue("work")) < 200:
                many = [Queue.prepare_data("support.jobs.mark", (str(ran), sent[0] + n)) for n in range(100)]
                producer.enqueue_many(many)
                sent[0] += 100
            stop.wait(0.01)

    def size() -> int:
        return len(lines(ran))

    with (
        qctl_worker(tmp_path, redis_server.url, "work", name="one"),
        qctl_worker(tmp_path, redis_server.url, "first", "work", name="two"),
    ):
        thread = threading.Thread(target=produce)
        thread.start()
        try:
            eventually(lambda: connection.llen(keys.intermediate("work")) > 1, what="prefetched jobs")
            for cycle in range(200 if long_run else 15):
                pauses.wait_for_claims(connection, pauses.pause(connection, "work", actor="test"), 20)
                before = size()
                assert connection.llen(keys.intermediate("work")) == 0
                time.sleep(0.03)
                assert size() - before <= 2, f"cycle {cycle}: each worker had one that had started"
                pauses.resume(connection, "work", actor="test")
                eventually(lambda before=before: size() > before + 2, what="more runs")
        finally:
            stop.set()
            thread.join()
        pauses.resume(connection, "work", actor="test")
        eventually(lambda: connection.zcard(keys.finished("work")) == sent[0], what="the end of all")
    assert sorted(lines(ran)) == list(range(sent[0])), "each ran once"
    assert_settled(connection)
