"""Test the child that a forking worker keeps: it runs many jobs, until it is worn or dies."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest
from redis import Redis
from rq import Callback
from rq.job import Job
from rq.queue import Queue

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker import child_process
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.settings import Settings
from support.servers import RedisServer
from support.waiting import eventually
from support.workers import qctl_worker


def pids(jobs: list[Job]) -> list[int]:
    return [job.return_value() for job in jobs]


@pytest.fixture
def fork(connection: Redis, worker_settings: Settings) -> QctlWorker:
    """A forking worker of `work`."""
    return QctlWorker(["work"], connection, worker_settings, "fork")


def test_fast_path_jobs_share_a_child(queue: Queue, fork: QctlWorker) -> None:
    jobs = [queue.enqueue("support.jobs.process") for _ in range(5)]
    fork.work(burst=True)
    assert len(set(pids(jobs))) == 1
    assert os.getpid() not in pids(jobs)


def test_child_is_replaced_after_max_jobs(queue: Queue, fork: QctlWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "MAX_JOBS", 2)
    jobs = [queue.enqueue("support.jobs.process") for _ in range(5)]
    fork.work(burst=True)
    ran = pids(jobs)
    assert ran[0] == ran[1] != ran[2] == ran[3] != ran[4]


def test_child_that_has_grown_is_replaced(queue: Queue, fork: QctlWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "MAX_GROWTH_BYTES", -(1 << 40))
    monkeypatch.setattr(child_process, "MEMORY_CHECK_JOBS", 2)
    jobs = [queue.enqueue("support.jobs.process") for _ in range(3)]
    fork.work(burst=True)
    assert len(set(pids(jobs))) == 3


def test_job_that_kills_its_child_costs_no_other_job(connection: Redis, queue: Queue, fork: QctlWorker) -> None:
    before, bad, after = (queue.enqueue(f"support.jobs.{name}") for name in ("process", "die", "process"))
    fork.work(burst=True)
    assert before.return_value() != after.return_value()
    assert connection.hexists(keys.quarantine("work"), bad.id)
    recorded = [event.event for event in events.newest(connection, 50)]
    assert recorded == [
        "started",
        "finished",
        *["started", "recovered"] * 2,
        "started",
        "quarantined",
        "started",
        "finished",
    ]
    assert connection.zcard(keys.started("work")) == connection.hlen(keys.claims("work")) == 0


def test_large_arguments_and_results_pass_whole(queue: Queue, fork: QctlWorker) -> None:
    text = "x" * (3 << 20)
    jobs = [queue.enqueue("support.jobs.give", value) for value in (text, "", text)]
    fork.work(burst=True)
    assert [job.return_value() for job in jobs] == [text, "", text]


def test_message_that_arrives_in_parts_is_read_whole() -> None:
    ours, theirs = socket.socketpair()
    messages = child_process.Messages(ours)
    child_process.Messages(theirs).send(["a", 1])
    sent = ours.recv(1000)
    ours.setblocking(False)
    for n in range(len(sent) - 1):
        theirs.send(sent[n : n + 1])
        with pytest.raises(BlockingIOError):
            messages.receive()
    theirs.send(sent[-1:])
    assert messages.receive() == ["a", 1]
    theirs.close()
    with pytest.raises(EOFError):
        messages.receive()
    ours.close()


def test_other_jobs_have_a_child_of_their_own(queue: Queue, fork: QctlWorker) -> None:
    called_back = Callback("support.jobs.called_back")
    jobs = [queue.enqueue("support.jobs.process", on_success=called) for called in (None, called_back, called_back)]
    fork.work(burst=True)
    assert len(set(pids(jobs))) == 3


@pytest.mark.kill
def test_kills_of_children_lose_and_double_no_end(
    connection: Redis, queue: Queue, redis_server: RedisServer, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    jobs = queue.enqueue_many([Queue.prepare_data("support.jobs.mark", (str(ran), n)) for n in range(6000)])
    with qctl_worker(tmp_path, redis_server.url, "work", isolation="fork") as worker:
        children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
        killed: set[str] = set()
        for _ in range(8):
            eventually(lambda: set(children.read_text().split()) - killed, what="a child")
            before = ran.stat().st_size if ran.exists() else 0
            eventually(lambda before=before: ran.exists() and ran.stat().st_size > before, what="a run")
            for child in children.read_text().split():
                killed.add(child)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
        eventually(
            lambda: connection.hlen(keys.claims("work")) == connection.llen(keys.queue("work")) == 0, what="all ends"
        )
        assert worker.stop() == 0
    quarantined = {raw.decode() for raw in connection.hkeys(keys.quarantine("work"))}
    results = {job.id: connection.xlen(keys.results(job.id)) for job in jobs}
    assert {job for job, count in results.items() if count != 1} <= quarantined
    assert {int(line) for line in ran.read_text().split()} >= {n for n, job in enumerate(jobs) if results[job.id]}
    assert connection.zcard(keys.started("work")) == connection.llen(keys.intermediate("work")) == 0
