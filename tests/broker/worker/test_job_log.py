"""Test what is kept of each run of a job: its lines, and the attempts of which RQ keeps no result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Retry
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue

from qctl.broker.query import job_detail, job_runs
from qctl.broker.redis import keys
from qctl.broker.redis.job_fields import LOG_PREFIX, RUN_PREFIX
from qctl.broker.worker import job_log
from qctl.broker.worker.recovery import Recoverer
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.settings import Settings
from support.servers import RedisServer
from support.waiting import eventually
from support.workers import qctl_worker


def lines(connection: Redis, job_id: str, run: int = -1) -> list[tuple[str, str]]:
    return [(line.level, line.text) for line in job_runs.read_logs(connection, job_id).runs[run].lines]


def outcomes(connection: Redis, job_id: str) -> list[tuple[str, str, int]]:
    detail = job_detail.read(connection, job_id, ["work"])
    assert detail is not None
    return [(attempt.outcome, attempt.error, attempt.logged) for attempt in detail.attempts]


def fields_of_runs(connection: Redis, job_id: str) -> list[str]:
    names = [name.decode() for name in connection.hkeys(keys.job(job_id))]
    return sorted(name for name in names if name.startswith((LOG_PREFIX, RUN_PREFIX)))


def test_logged_and_printed_lines_are_kept_with_the_job(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.say", "one", "two\nthree", result_ttl=100)
    worker.work(burst=True)
    expected = [("warning", text) for text in ("one", "two", "three")] + [("stdout", "two"), ("stdout", "three")]
    assert lines(connection, job.id) == expected
    assert outcomes(connection, job.id) == [("successful", "", 5)]
    assert 0 < connection.ttl(keys.job(job.id)) <= 100


def test_job_that_logs_nothing_has_no_field(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give", 5)
    worker.work(burst=True)
    assert fields_of_runs(connection, job.id) == []


def test_lines_of_a_fast_path_job_cost_no_command_of_their_own(
    connection: Redis, queue: Queue, worker_settings: Settings
) -> None:
    def commands(function: str, *args: str) -> int:
        for _ in range(5):
            queue.enqueue(function, *args)
        connection.config_resetstat()
        QctlWorker(["work"], connection, worker_settings, "inline").work(burst=True)
        stats = connection.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval", "hset"))

    scripts = commands("support.jobs.give")
    logged = commands("support.jobs.say", "x")
    assert logged == scripts + 5  # the HSET of each log, in the script that writes the end


def test_each_failed_attempt_keeps_its_own_error_and_lines(
    connection: Redis, queue: Queue, worker_settings: Settings, worker: QctlWorker
) -> None:
    job = queue.enqueue("support.jobs.say", "first", error="broken", retry=Retry(max=1))
    worker.work(burst=True)
    assert outcomes(connection, job.id) == [("failed", "ValueError: broken", 2), ("failed", "ValueError: broken", 2)]
    detail = job_detail.read(connection, job.id, ["work"])
    assert detail is not None
    first = detail.attempts[0]
    assert "Traceback" in first.traceback
    assert first.worker == worker.name
    assert first.started_at is not None
    assert first.ended_at is not None
    assert first.started_at <= first.ended_at
    assert lines(connection, job.id, 0) == lines(connection, job.id, 1) == [("warning", "first"), ("stdout", "first")]


def test_job_that_was_tried_before_is_still_a_fast_path_job(
    connection: Redis, queue: Queue, inline: QctlWorker
) -> None:
    job = queue.enqueue("support.jobs.say", "again", error="broken", retry=Retry(max=1))
    inline.work(burst=True, max_jobs=1)
    assert fields_of_runs(connection, job.id) != []
    claim = inline.claimant.claim_many(["work"], None, max_jobs=lambda _: 1)[0]
    assert claim.execution_id != ""


def test_old_lines_and_old_runs_are_dropped(
    connection: Redis, queue: Queue, make_settings: Callable[..., Settings]
) -> None:
    settings = make_settings(QCTL_ALLOWED_JOBS="support.jobs.*", QCTL_JOB_LOG_LINES="3", QCTL_JOB_LOG_BYTES="1000")
    job = queue.enqueue("support.jobs.say", *map(str, range(9)), error="broken", retry=Retry(max=12))
    QctlWorker(["work"], connection, settings, "inline").work(burst=True)
    assert lines(connection, job.id) == [("warning", "7"), ("warning", "8"), ("stdout", "8")]
    assert job_runs.read_logs(connection, job.id).runs[-1].total == 10
    assert len([name for name in fields_of_runs(connection, job.id) if name.startswith(LOG_PREFIX)]) == 10
    large = queue.enqueue("support.jobs.say", "x" * 900, "y" * 900, "z")
    QctlWorker(["work"], connection, settings, "inline").work(burst=True)
    assert lines(connection, large.id) == [("warning", "y" * 900), ("warning", "z"), ("stdout", "z")]


def test_nothing_is_kept_if_the_setting_is_0(
    connection: Redis, queue: Queue, make_settings: Callable[..., Settings]
) -> None:
    settings = make_settings(QCTL_ALLOWED_JOBS="support.jobs.*", QCTL_JOB_LOG_LINES="0")
    job = queue.enqueue("support.jobs.say", "one")
    QctlWorker(["work"], connection, settings, "inline").work(burst=True)
    assert fields_of_runs(connection, job.id) == []


def test_passwords_are_masked_before_they_are_written(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.say", "mysql://app:secret@db/x")
    inline.work(burst=True)
    raw = b"".join(connection.hmget(keys.job(job.id), fields_of_runs(connection, job.id)))
    assert b"secret" not in raw
    assert "mysql://app:" in lines(connection, job.id)[0][1]


def test_text_that_utf_8_cannot_encode_is_escaped() -> None:
    collected = job_log.JobLog(10, 1000)
    job, execution = Job("j", connection=Redis()), Execution("e", "j", Redis())
    collected.begin(job, execution, "w")
    collected.add("info", "lone \ud800")
    row = collected.row()
    assert row is not None
    assert json.loads(row.text)["lines"][0][2] == r"lone \ud800"


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_lines_of_a_running_job_can_be_read(
    isolation: str, redis_server: RedisServer, connection: Redis, queue: Queue, tmp_path: Path
) -> None:
    job = queue.enqueue("support.jobs.say_and_wait", redis_server.url, "go")
    with qctl_worker(tmp_path, redis_server.url, "work", isolation=isolation):
        eventually(lambda: fields_of_runs(connection, job.id))
        assert outcomes(connection, job.id) == [("running", "", 1)]
        connection.rpush("go", "1")
        eventually(lambda: job.get_status(refresh=True) == "finished")
    assert outcomes(connection, job.id) == [("successful", "", 1)]
    assert lines(connection, job.id) == [("error", "began")]


def test_run_whose_worker_was_killed_is_an_attempt_with_its_lines(
    redis_server: RedisServer, connection: Redis, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qctl.broker.worker.recovery.CONFIRMATION_SECONDS", 0.0)
    job = queue.enqueue("support.jobs.say_and_die")
    with qctl_worker(tmp_path, redis_server.url, "work") as process:
        eventually(lambda: not process.running)
    connection.delete(keys.LEASES)
    assert Recoverer(connection, "test", ["work"]).run() == 1
    assert outcomes(connection, job.id) == [("interrupted", "", 1)]
    assert lines(connection, job.id) == [("error", "the last words")]


def test_lines_do_not_bring_a_deleted_job_back(connection: Redis) -> None:
    row = job_log.LogRow(keys.job("gone"), f"{LOG_PREFIX}2026-11-30T00:00:00.000000Z", b"{}")
    job_log.write(connection, row)
    assert not connection.exists(keys.job("gone"))


def test_hostile_fields_are_read(connection: Redis) -> None:
    at = "2026-11-30T00:00:00.000000Z"
    lists = [[1, "info", "x"], ["no", 2], 3, [1e300, "info", "far"]]
    connection.hset(
        keys.job("bad"),
        mapping={
            "status": "queued",
            "origin": "work",
            f"{LOG_PREFIX}{at}": json.dumps({"total": -5, "lines": lists}),
            f"{LOG_PREFIX}x": "[" * 5000,
            f"{RUN_PREFIX}y": '{"ended": 1e400, "error": 7, "outcome": null}',
        },
    )
    runs = job_runs.read_logs(connection, "bad").runs
    assert sorted(len(run.lines) for run in runs) == [0, 0, 2]
    assert job_detail.read(connection, "bad", ["work"]) is not None
