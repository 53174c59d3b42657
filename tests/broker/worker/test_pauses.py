"""Test pauses: no job of a paused queue starts after `pause` has returned, and none is lost or run twice."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker import current_pauses, pauses
from qctl.broker.worker.claim_request import ClaimRequests
from qctl.broker.worker.claims import Claimant
from qctl.errors import WaitTimeoutError
from support.process import Program
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually, later
from support.workers import qctl_worker, stock_worker


def test_pause_records_author_time_reason_and_end(connection: Redis) -> None:
    paused = pauses.pause(connection, "work", actor="ann@ops", reason="deploy \x1b[31m", seconds=60)
    read = current_pauses.parse(connection.hgetall(keys.PAUSED), int(time.time() * 1000))["work"]
    assert read == paused.pause
    assert (read.by, read.reason, paused.changed) == ("ann@ops", "deploy \x1b[31m", True)
    assert read.until is not None
    assert (read.until - read.at).total_seconds() == 60
    assert events.newest(connection, 1)[0].fields["reason"] == "deploy \x1b[31m"


def test_second_pause_without_a_reason_keeps_the_first(connection: Redis) -> None:
    first = pauses.pause(connection, "work", actor="ann", reason="deploy")
    second = pauses.pause(connection, "work", actor="bob")
    assert (second.changed, second.pause) == (False, first.pause)
    third = pauses.pause(connection, "work", actor="bob", reason="fire")
    assert (third.changed, third.pause.by) == (True, "bob")


def test_pause_without_duration_replaces_one_that_ends(connection: Redis) -> None:
    pauses.pause(connection, "work", actor="ann", reason="deploy", seconds=60)
    longer = pauses.pause(connection, "work", actor="bob").pause
    assert (longer.until, longer.by, longer.reason) == (None, "bob", "deploy")


def test_shorter_pause_of_another_operator_is_ignored(connection: Redis) -> None:
    first = pauses.pause(connection, "work", actor="ann", reason="deploy")
    second = pauses.pause(connection, "work", actor="bob", reason="fire", seconds=1)
    assert (second.changed, second.pause) == (False, first.pause)
    own = pauses.pause(connection, "work", actor="ann", seconds=60)
    assert (own.changed, own.pause.until is None, own.pause.reason) == (True, False, "deploy")
    assert not pauses.pause(connection, "work", actor="bob", reason="fire", seconds=1).changed
    longer = pauses.pause(connection, "work", actor="bob", reason="fire", seconds=120)
    assert (longer.changed, longer.pause.by) == (True, "bob")


def test_resume_removes_the_pause_once(connection: Redis) -> None:
    pauses.pause(connection, "work", actor="ann")
    assert pauses.resume(connection, "work", actor="bob")
    assert not pauses.resume(connection, "work", actor="bob")
    assert [e.event for e in events.newest(connection, 5)] == ["paused", "resumed"]


def test_expired_pauses_are_removed_and_others_stay(connection: Redis) -> None:
    pauses.pause(connection, "short", actor="ann", seconds=0.01)
    pauses.pause(connection, "long", actor="ann")
    eventually(lambda: pauses.end_expired(connection) == ["short"], what="the end of the short pause")
    assert connection.hkeys(keys.PAUSED) == [b"long"]


def test_wait_lasts_until_claimed_jobs_have_gone_back(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    job = queue.enqueue("f")
    claimant.claim(["work"], None)
    paused = pauses.pause(connection, "work", actor="me")
    assert paused.claims == [("work", job.id)]
    with pytest.raises(WaitTimeoutError, match=job.id):
        pauses.wait_for_claims(connection, paused, 0.1)
    with later(0.2, lambda: claimant.put_back("work", job.id)):
        assert pauses.wait_for_claims(connection, paused, PATIENCE_SECONDS) >= 0.1


def test_wait_ignores_claims_of_dead_workers(connection: Redis, queue: Queue) -> None:
    queue.enqueue("f")
    dead = Claimant(connection)
    dead.claim(["work"], None)
    connection.zadd(keys.LEASES, {dead.name: 1})
    paused = pauses.pause(connection, "work", actor="me")
    assert pauses.wait_for_claims(connection, paused, PATIENCE_SECONDS) < PATIENCE_SECONDS


def test_wait_includes_the_reply_to_the_worker_of_a_started_job(
    connection: Redis, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "REPLY_SECONDS", 2 * PATIENCE_SECONDS)
    job = queue.enqueue("f")
    ClaimRequests(connection, "somebody.1.a", fast_path=True).send(["work"], [1], lease_seconds=15.0)
    paused = pauses.pause(connection, "work", actor="me")
    assert paused.claims == []
    with later(0.3, lambda: connection.hdel(keys.claims("work"), job.id)):
        assert 0.2 < pauses.wait_for_claims(connection, paused, PATIENCE_SECONDS) < PATIENCE_SECONDS
    assert pauses.wait_for_claims(connection, paused, PATIENCE_SECONDS) < PATIENCE_SECONDS


def _workers(kind: str, folder: Path, server: RedisServer) -> list[Program]:
    def name(n: int) -> str:
        return f"{kind}{n}"

    if kind == "inline":
        return [qctl_worker(folder, server.url, "work", name=name(n)) for n in range(4)]
    if kind == "fork":
        return [qctl_worker(folder, server.url, "work", isolation="fork", name=name(n)) for n in range(4)]
    if kind == "many queues":
        return [qctl_worker(folder, server.url, "first", "work", "last", name=name(n)) for n in range(4)]
    if kind == "stock":
        return [stock_worker(folder, server.tcp_url, "work", name=name(n)) for n in range(4)]
    return [stock_worker(folder, server.tcp_url, "first", "work", name=name(n)) for n in range(4)]


@pytest.mark.kill
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("kind", "cycles"), [("inline", 200), ("many queues", 60), ("fork", 30), ("stock", 25), ("stock, many queues", 15)]
)
def test_no_job_starts_after_pause_returned_and_each_runs_once(
    connection: Redis, redis_server: RedisServer, tmp_path: Path, kind: str, cycles: int, long_run: bool
) -> None:
    producer = Queue("work", connection=redis_server.connect(), serializer=JSONSerializer)
    starts = _Starts(connection, kind)
    stop = threading.Event()
    sent: list[str] = []

    def produce() -> None:
        while not stop.is_set():
            sent.append(producer.enqueue("support.jobs.note", redis_server.url, "ran", str(len(sent))).id)
            stop.wait(0.003 if kind in ("inline", "many queues") else 0.06)

    with ExitStack() as running:
        for worker in _workers(kind, tmp_path, redis_server):
            running.enter_context(worker)
        thread = threading.Thread(target=produce)
        thread.start()
        try:
            for cycle in range(200 if long_run else cycles):
                paused = pauses.pause(connection, "work", actor="test")
                pauses.wait_for_claims(connection, paused, 20)
                before = starts.count()
                time.sleep(0.03)
                assert starts.count() == before, f"cycle {cycle}"
                pauses.resume(connection, "work", actor="test")
                time.sleep(0.01)
        finally:
            stop.set()
            thread.join()
        eventually(lambda: connection.llen("ran") >= len(sent), 120, "the end of all jobs")
        eventually(lambda: connection.llen(keys.intermediate("work")) == 0, what="no job between two places")
    ran = [int(raw) for raw in connection.lrange("ran", 0, -1)]
    assert sorted(ran) == list(range(len(sent)))
    assert connection.llen("ran:started") == len(sent)


class _Starts:
    """Counts jobs that have started: by events for qctl's workers, by the jobs' status for stock ones."""

    def __init__(self, connection: Redis, kind: str) -> None:
        self._redis = connection
        self._stock = kind.startswith("stock")
        self._last: bytes | str = "0-0"
        self._count = 0

    def count(self) -> int:
        if self._stock:
            found = [
                self._redis.hget(key, "status") for key in self._redis.scan_iter(f"{keys.JOB_PREFIX}*", count=1000)
            ]
            return sum(status in (b"started", b"finished", b"failed") for status in found)
        for _, entries in self._redis.xread({keys.EVENTS: self._last}) or []:
            self._last = entries[-1][0]
            self._count += sum(fields[b"event"] == b"started" for _, fields in entries)
        return self._count
