"""Test fast-path jobs: they leave the records of RQ's own way, for one round trip each, and no end is written twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError
from rq import Callback, Repeat, Retry, SimpleWorker
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import Worker

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker.claim_connection import ClaimConnection
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.fast_path import FastPathJob
from qctl.broker.worker.recovery import recover
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.settings import Settings
from support.waiting import eventually


def hash_of(connection: Redis, job: Job) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = connection.hgetall(keys.job(job.id))
    return found


@pytest.mark.parametrize("value", [5, None, "text ü \x00", [{"a": 1.5}], {}])
def test_fast_path_leaves_the_same_keys_as_rqs_own_worker(
    connection: Redis, worker_settings: Settings, value: object
) -> None:
    mine, theirs = (Queue(name, connection=connection, serializer=JSONSerializer) for name in ("mine", "theirs"))
    jobs = [queue.enqueue("support.jobs.give", value, result_ttl=900, meta={"n": 1}) for queue in (mine, theirs)]
    QctlWorker(["mine"], connection, worker_settings, "inline").work(burst=True)
    SimpleWorker([theirs], connection=connection, serializer=JSONSerializer).work(burst=True)
    ours, stock = (hash_of(connection, job) for job in jobs)
    assert ours.keys() == stock.keys()
    moments = {b"created_at", b"enqueued_at", b"started_at", b"ended_at", b"last_heartbeat"}
    differ = {*moments, b"worker_name", b"origin"}
    assert {k: v for k, v in ours.items() if k not in differ} == {k: v for k, v in stock.items() if k not in differ}
    assert all(len(ours[field]) == len(stock[field]) for field in moments)
    results = [connection.xrange(keys.results(job.id))[0][1] for job in jobs]
    assert results[0].keys() == results[1].keys()
    assert results[0].get(b"return_value") == results[1].get(b"return_value")
    assert [job.return_value() for job in jobs] == [value, value]
    for key in (keys.job, keys.results):
        assert abs(connection.ttl(key(jobs[0].id)) - connection.ttl(key(jobs[1].id))) <= 2
    scores = [
        connection.zscore(keys.finished(name), job.id) for name, job in zip(("mine", "theirs"), jobs, strict=True)
    ]
    assert abs(scores[0] - scores[1]) <= 2
    left = [key for key in connection.scan_iter("rq:*") if b"execution" in key or b"wip" in key]
    assert left == []


def test_fast_path_job_costs_one_round_trip(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(50)]
    connection.config_resetstat()
    inline.work(burst=True)
    sent = connection.info("commandstats")
    scripts = sent["cmdstat_evalsha"]["calls"] + sent.get("cmdstat_eval", {"calls": 0})["calls"]
    assert scripts <= 50 + 10, "one a job at most, the last claim, and the lease's"
    assert "cmdstat_multi" not in sent or sent["cmdstat_multi"]["calls"] < 10
    recorded = [(e.fields["job"], e.event) for e in events.newest(connection, 200)]
    assert sorted(recorded) == sorted((job.id, event) for job in jobs for event in ("started", "finished"))


@pytest.mark.parametrize(
    "options",
    [
        {"on_success": Callback("support.jobs.called_back")},
        {"repeat": Repeat(times=1, interval=60)},
        {"result_ttl": 0},
        {"result_ttl": -1},
        {"job_timeout": -1},
    ],
    ids=lambda options: "-".join(map(str, next(iter(options.items())))).split("(")[0].split("<")[0].strip(),
)
def test_other_jobs_go_rqs_own_way(
    connection: Redis, queue: Queue, inline: QctlWorker, options: dict[str, Any]
) -> None:
    queue.enqueue("support.jobs.give", 1, **options)
    claim = inline.claimant.claim(["work"], None)
    assert claim is not None
    assert not claim.execution_id
    assert connection.hget(keys.job(claim.job_id), "status") == b"queued"
    assert connection.lrange(keys.intermediate("work"), 0, -1) == [claim.job_id.encode()]


def test_job_with_retries_takes_the_fast_path_until_it_fails(
    connection: Redis, queue: Queue, inline: QctlWorker
) -> None:
    queue.enqueue("support.jobs.give", 1, retry=Retry(max=3, interval=[2, 4]), meta={"trace_id": "t"})
    claim = inline.claimant.claim(["work"], None)
    assert claim is not None
    assert claim.execution_id
    assert events.newest(connection, 1)[0].fields["trace"] == "t"
    assert connection.llen(keys.intermediate("work")) == 0
    assert connection.zcard(keys.started("work")) == 1
    assert inline.claimant.put_back("work", claim.job_id)
    assert connection.zcard(keys.started("work")) == 0


def test_recovered_run_leaves_no_record(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give", 1)
    inline.claimant.claim(["work"], None)
    claim = inline.claimant.claim_of("work", job.id)
    assert claim is not None
    assert recover(connection, "work", job.id, claim, by="test", own=True) == "recovered"
    assert connection.zcard(keys.started("work")) == 0
    assert connection.lrange(keys.queue("work"), 0, -1) == [job.id.encode()]


def test_dependent_that_is_added_during_the_run_is_run(
    connection: Redis, queue: Queue, worker_settings: Settings
) -> None:
    first = queue.enqueue("support.jobs.nap", 0.5)
    inline = QctlWorker(["work"], connection, worker_settings, "inline")
    late: list[Job] = []
    timer = threading.Timer(0.25, lambda: late.append(queue.enqueue("support.jobs.give", 2, depends_on=first)))
    timer.start()
    inline.work(burst=True)
    timer.join()
    inline = QctlWorker(["work"], connection, worker_settings, "inline")
    inline.work(burst=True)
    assert [hash_of(connection, job)[b"status"] for job in (first, *late)] == [b"finished"] * 2


def test_long_run_is_recorded_as_rq_does(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.nap", 1.5)
    seen: list[tuple[str | None, int]] = []

    def inspect() -> None:
        eventually(lambda: connection.scard(keys.worker_executions(inline.name)) == 1, what="the record")
        stock = next(iter(Worker.all(connection=connection)))
        executions: list[Execution] = Job.fetch(job.id, connection=connection).get_executions()
        seen.append((stock.get_current_job_id(), len(executions)))

    thread = threading.Thread(target=inspect)
    thread.start()
    inline.work(burst=True)
    thread.join()
    assert seen == [(job.id, 1)]
    assert not list(connection.scan_iter("rq:execution*"))
    assert connection.exists(keys.worker_executions(inline.name)) == 0
    assert connection.zcard(keys.started("work")) == 0


@pytest.mark.parametrize("when", [1, 2, 4])
def test_each_job_runs_and_ends_once_whichever_reply_is_lost(
    connection: Redis, queue: Queue, inline: QctlWorker, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(3)]
    read, calls = ClaimConnection.read, [0]

    def lossy(line: ClaimConnection) -> Any:
        reply = read(line)
        calls[0] += 1
        if calls[0] == when:
            raise ConnectionError("the reply was lost")
        return reply

    monkeypatch.setattr(ClaimConnection, "read", lossy)
    inline.work(burst=True)
    assert [hash_of(connection, job)[b"status"] for job in jobs] == [b"finished"] * 3
    assert [len(job.results()) for job in jobs] == [1, 1, 1]
    ended = [e.fields["job"] for e in events.newest(connection, 50) if e.event == "finished"]
    assert sorted(ended) == sorted(job.id for job in jobs)
    assert connection.hlen(keys.claims("work")) == connection.zcard(keys.started("work")) == 0


def test_last_end_is_written_before_the_worker_leaves(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give", 1)
    inline.work(burst=True, max_jobs=1)
    assert hash_of(connection, job)[b"status"] == b"finished"
    assert connection.hget(keys.worker(inline.name), "successful_job_count") == b"1"


def test_other_attributes_are_parsed_when_they_are_read(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give", 1, meta={"n": 1}, description="what it is", retry=Retry(max=2))
    claim = inline.claimant.claim(["work"], None)
    assert claim is not None
    parsed = FastPathJob(claim, inline.name, connection)
    parsed.meta["n"] = 2
    assert (parsed.description, parsed.retries_left, parsed.created_at) == ("what it is", 2, job.created_at)
    assert (parsed.meta, parsed.get_status(refresh=False), parsed.worker_name) == (
        {"n": 2},
        "started",
        inline.name,
    )
    with pytest.raises(AttributeError):
        parsed.nonsense  # noqa: B018


@pytest.mark.parametrize("key", [keys.finished, keys.recoveries], ids=["finished", "recoveries"])
def test_job_ends_although_a_key_has_another_type(
    connection: Redis, queue: Queue, inline: QctlWorker, key: Callable[[str], str]
) -> None:
    connection.set(key("work"), "text")
    job = queue.enqueue("support.jobs.give", 1)
    inline.work(burst=True)
    assert hash_of(connection, job)[b"status"] == b"finished"
    assert connection.hlen(keys.claims("work")) == 0


def test_claimant_without_fast_path_starts_nothing(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    queue.enqueue("support.jobs.give", 1)
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert not claim.execution_id
