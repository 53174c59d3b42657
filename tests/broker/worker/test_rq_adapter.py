"""Test what a worker does with a job, inline and in a child."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError
from rq import Callback, Retry
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.webhook import Webhook

from qctl.broker.bookkeeping import dead_letter_index, events
from qctl.broker.redis import job_fields, keys
from qctl.broker.worker import current_pauses
from qctl.broker.worker.inline_runner import InlineRunner
from qctl.broker.worker.rq_adapter import Isolation, QctlWorker
from qctl.settings import Settings
from support.servers import RedisServer
from support.waiting import later


def status(connection: Redis, job: Job) -> str:
    raw = connection.hget(keys.job(job.id), "status")
    return raw.decode() if raw else "gone"


def names(connection: Redis) -> list[str]:
    return [event.event for event in events.newest(connection, 100)]


def assert_settled(connection: Redis, queue: str = "work") -> None:
    """Check that no claim, no execution and no job between two places is left."""
    assert connection.llen(keys.intermediate(queue)) == 0
    assert connection.hlen(keys.claims(queue)) == 0
    assert connection.zcard(keys.started(queue)) == 0


def test_job_runs_and_rq_reads_its_result(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give", 5)
    assert worker.work(burst=True)
    assert job.get_status() == JobStatus.FINISHED
    assert job.return_value() == 5
    assert connection.zscore(keys.finished("work"), job.id) is not None
    assert names(connection) == ["started", "finished"]
    assert_settled(connection)


def test_worker_is_idle_after_the_last_job(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    queue.enqueue("support.jobs.give", 17, result_ttl=0)
    worker.work(burst=True)
    assert connection.hget(worker.key, "state") == b"idle"


def test_failure_is_retried_after_2_4_8_seconds_and_then_a_dead_letter(
    connection: Redis, queue: Queue, worker: QctlWorker
) -> None:
    job = queue.enqueue("support.jobs.fail", "at 17", retry=Retry(max=3, interval=[2, 4, 8]))
    for delay in (2, 4, 8):
        before = time.time()
        worker_again(worker).work(burst=True)
        due = connection.zscore(keys.scheduled("work"), job.id)
        assert before + delay <= due <= time.time() + delay + 1
        assert status(connection, job) == "scheduled"
        connection.zrem(keys.scheduled("work"), job.id)
        connection.hset(keys.job(job.id), "status", "queued")
        connection.rpush(keys.queue("work"), job.id)
    worker_again(worker).work(burst=True)
    assert status(connection, job) == "failed"
    assert connection.zscore(keys.failed("work"), job.id) == dead_letter_index.NEVER_EXPIRES_TTL
    assert connection.ttl(keys.job(job.id)) == -1
    assert names(connection) == ["started", "retried"] * 3 + ["started", "dead"]
    assert_settled(connection)


def test_a_retry_is_due_by_the_clock_of_redis(
    connection: Redis, queue: Queue, worker: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_time = Redis.time
    monkeypatch.setattr(Redis, "time", lambda self: (redis_time(self)[0] + 3600, 0))
    job = queue.enqueue("support.jobs.fail", retry=Retry(max=1, interval=30))
    worker.work(burst=True)
    due = connection.zscore(keys.scheduled("work"), job.id)
    assert due - time.time() == pytest.approx(3630, abs=10)


def test_failure_that_utf_8_cannot_encode_is_a_dead_letter(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.fail", "lone \ud800")
    worker.work(burst=True)
    assert status(connection, job) == "failed"
    assert connection.zscore(keys.failed("work"), job.id) is not None


def test_rejected_job_is_a_dead_letter_at_once(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.reject", retry=Retry(max=3, interval=2))
    worker.work(burst=True)
    assert status(connection, job) == "failed"
    assert names(connection) == ["started", "dead"]


def worker_again(worker: QctlWorker) -> QctlWorker:
    """A new worker of the same kind."""
    allowed = worker.jobs.job_class.allowed
    settings_like = type(
        "S",
        (),
        {
            "allowed_jobs": allowed,
            "jobs_modules": (),
            "alert_webhooks": (),
            "job_log_lines": 100,
            "job_log_bytes": 1000,
        },
    )
    isolation = "inline" if isinstance(worker.runner, InlineRunner) else "fork"
    return QctlWorker(["work"], worker.connection, settings_like, isolation)  # type: ignore[arg-type]


def test_dead_letters_of_one_cause_share_a_fingerprint(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    jobs = [queue.enqueue("support.jobs.fail", f"no row {n}") for n in (1, 22)] + [queue.enqueue("support.jobs.fail")]
    inline.work(burst=True)
    prints = [connection.hget(keys.job(job.id), job_fields.FINGERPRINT) for job in jobs]
    assert prints[0] == prints[1] != prints[2]
    assert connection.zcard(keys.cause("work", prints[0].decode())) == 2
    cause = json.loads(connection.hget(keys.causes("work"), prints[0]))
    assert cause == {
        "function": "support.jobs.fail",
        "exception": "ValueError",
        "message": "no row *",
        "frame": "jobs.py:fail",
    }


@pytest.mark.parametrize("name", ["os.system", "eval", "builtins.eval", "support.jobs.subprocess.run", "support.jobs"])
def test_forbidden_function_is_quarantined_and_not_run(
    connection: Redis, queue: Queue, worker: QctlWorker, name: str, tmp_path: object
) -> None:
    bad = queue.enqueue(name, f"touch {tmp_path}/pwned")
    good = queue.enqueue("support.jobs.give")
    worker.work(burst=True)
    assert not (tmp_path / "pwned").exists()  # type: ignore[operator]
    assert status(connection, good) == "finished"
    if name == "support.jobs":
        assert status(connection, bad) == "failed"
    else:
        assert name in json.loads(connection.hget(keys.quarantine("work"), bad.id))["reason"]
    assert_settled(connection)


@pytest.mark.parametrize(
    "damage",
    [
        {"data": b"no json"},
        {"data": json.dumps(["support.jobs.give", None, "text", 5]).encode()},
        {"data": json.dumps(["support.jobs.give", "an object", [], {}]).encode()},
        {"retry_intervals": b"{"},
        {"created_at": b"yesterday"},
        {"timeout": b"soon"},
        {"status": b"dancing"},
    ],
    ids=lambda damage: next(iter(damage)),
)
def test_corrupt_job_is_quarantined_and_the_next_runs(
    connection: Redis, queue: Queue, inline: QctlWorker, damage: dict[str, bytes]
) -> None:
    bad, good = queue.enqueue("support.jobs.give"), queue.enqueue("support.jobs.give")
    connection.hset(keys.job(bad.id), mapping=damage)  # type: ignore[arg-type]
    inline.work(burst=True)
    assert connection.hexists(keys.quarantine("work"), bad.id)
    assert status(connection, good) == "finished"
    assert_settled(connection)


def test_pickled_payload_is_quarantined_and_not_decoded(connection: Redis, inline: QctlWorker) -> None:
    job = Queue("work", connection=connection).enqueue("support.jobs.give")
    inline.work(burst=True)
    assert "not JSON" in json.loads(connection.hget(keys.quarantine("work"), job.id))["reason"]


def test_foreign_callbacks_and_webhooks_are_left_out_and_recorded(
    connection: Redis, queue: Queue, inline: QctlWorker, caplog: pytest.LogCaptureFixture
) -> None:
    hook = Webhook("http://127.0.0.1:1/hook", "finished")
    job = queue.enqueue("support.jobs.give", on_success=Callback("os.abort"), webhooks=[hook])
    failing = queue.enqueue("support.jobs.fail", on_failure=Callback("os.abort"))
    with caplog.at_level("WARNING"):
        inline.work(burst=True)
    assert (status(connection, job), status(connection, failing)) == ("finished", "failed")
    omitted = [event.fields["reason"] for event in events.newest(connection, 50) if event.event == "omitted"]
    assert [reason.split(" was not run: ") for reason in omitted] == [
        ["success callback os.abort", "QCTL_ALLOWED_JOBS does not allow it"],
        ["webhook for finished http://127.0.0.1:1/hook", "QCTL_ALERT_WEBHOOKS does not allow it"],
        ["failure callback os.abort", "QCTL_ALLOWED_JOBS does not allow it"],
    ]
    assert connection.hget(keys.TOTALS, "omitted:work") == b"3"
    assert sum("was not run" in message for message in caplog.messages) == 3


def test_allowed_webhooks_are_sent(connection: Redis, queue: Queue, make_settings: Callable[..., Settings]) -> None:
    received: list[tuple[str, str, dict[str, object]]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append((self.path, self.headers["X-Key"], body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        settings = make_settings(QCTL_ALERT_WEBHOOKS=f"{base}/jobs", QCTL_ALLOWED_JOBS="support.jobs.*")
        hooks = [
            Webhook(f"{base}/{path}", "finished", method="POST", headers={"X-Key": "k"}) for path in ("jobs/1", "else")
        ]
        job = queue.enqueue("support.jobs.give", webhooks=hooks)
        QctlWorker(["work"], connection, settings, "inline").work(burst=True)
    finally:
        server.shutdown()
        server.server_close()
    assert status(connection, job) == "finished"
    assert [(path, key, body["job_id"]) for path, key, body in received] == [("/jobs/1", "k", job.id)]


def test_allowed_callback_runs(connection: Redis, queue: Queue, redis_server: object, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give", on_success=Callback("support.jobs.called_back"))
    inline.work(burst=True)
    assert connection.get("called back") == job.id.encode()


def test_unavailable_sink_costs_the_batch_nothing_and_pauses_the_queue(
    connection: Redis, queue: Queue, worker: QctlWorker
) -> None:
    job = queue.enqueue("support.jobs.sink_down", retry=Retry(max=3))
    later = queue.enqueue("support.jobs.give")
    worker.work(burst=True)
    assert connection.lrange(keys.queue("work"), 0, -1) == [job.id.encode(), later.id.encode()]
    assert (status(connection, job), connection.hget(keys.job(job.id), "retries_left")) == ("queued", b"3")
    pause = current_pauses.parse(connection.hgetall(keys.PAUSED), 0)["work"]
    assert "nobody listens" in pause.reason
    assert pause.until is not None
    assert names(connection) == ["started", "tripped"]
    assert_settled(connection)


def test_misconfigured_sink_pauses_the_queue_until_somebody_resumes(
    connection: Redis, queue: Queue, inline: QctlWorker
) -> None:
    queue.enqueue("support.jobs.sink_refuses")
    inline.work(burst=True)
    assert current_pauses.parse(connection.hgetall(keys.PAUSED), 0)["work"].until is None


def test_queue_name_is_quoted_in_the_advised_command(connection: Redis, worker_settings: Settings) -> None:
    Queue("a $(b)", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.sink_refuses")
    QctlWorker(["a $(b)"], connection, worker_settings, "inline").work(burst=True)
    paused = current_pauses.parse(connection.hgetall(keys.PAUSED), 0)["a $(b)"]
    assert paused.reason.endswith("then qctl resume 'a $(b)'")


def test_job_over_its_timeout_fails(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.nap", 30, job_timeout=1)
    worker.work(burst=True)
    assert status(connection, job) == "failed"
    result = job.latest_result()
    assert result is not None
    assert "JobTimeoutException" in (result.exc_string or "")


def test_job_is_not_started_once_its_claim_is_gone(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give", on_success=Callback("support.jobs.called_back"))
    claim = inline.claimant.claim(["work"], None)
    assert claim is not None
    connection.hset(keys.claims("work"), job.id, "somebody.else|1")
    inline.loop._register(lambda _: None)
    try:
        inline.loop._run_claimed(claim)
    finally:
        inline.loop._leave(is_registered=True)
    assert status(connection, job) == "queued"
    assert names(connection) == []


def test_end_is_not_written_once_the_claim_is_gone(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give_away", connection.connection_pool.connection_kwargs["path"], "work")
    inline.work(burst=True)
    assert status(connection, job) == "started"
    assert connection.hget(keys.claims("work"), job.id) == b"somebody.else|1"


def test_drain_finishes_the_running_job_and_claims_no_other(
    connection: Redis, queue: Queue, inline: QctlWorker
) -> None:
    first, second = queue.enqueue("support.jobs.nap", 1), queue.enqueue("support.jobs.give")
    with later(0.5, inline.request_drain):
        inline.work()
    assert (status(connection, first), status(connection, second)) == ("finished", "queued")
    assert connection.zscore(keys.LEASES, inline.claimant.name) is None


def test_dependents_run_after_the_job_they_wait_for(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    first = queue.enqueue("support.jobs.give", 1)
    second = queue.enqueue("support.jobs.give", 2, depends_on=first)
    worker.work(burst=True)
    assert (status(connection, first), status(connection, second)) == ("finished", "finished")


def test_batch_drops_its_items_when_they_are_written(
    connection: Redis, inline: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qctl.broker.worker.guarded_job.BATCH_HANDLERS", frozenset({"support.jobs.give"}))
    monkeypatch.setattr("qctl.broker.worker.end_transaction.BATCH_HANDLERS", frozenset({"support.jobs.give"}))
    monkeypatch.setattr("qctl.broker.worker.fast_path.BATCH_HANDLERS", frozenset({"support.jobs.give"}))
    connection.hset(keys.BREAKERS, "work", 4)
    job = Queue("work", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give", [1, 2, 3])
    inline.work(burst=True)
    stored = Job.fetch(job.id, connection=connection, serializer=JSONSerializer)
    assert stored.args == [[]]
    assert stored.return_value() == [1, 2, 3]
    assert not connection.hexists(keys.BREAKERS, "work")


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_full_redis_costs_no_job_and_no_worker(
    own_redis: RedisServer, worker_settings: Settings, isolation: Isolation
) -> None:
    with own_redis.connect() as client:
        queue = Queue("work", connection=client, serializer=JSONSerializer)
        running = queue.enqueue("support.jobs.fill_redis", own_redis.url, retry=Retry(max=3))
        waiting = queue.enqueue("support.jobs.give")
        with later(2.0, lambda: client.config_set("maxmemory", 0)):
            QctlWorker(["work"], client, worker_settings, isolation).work(burst=True)
        assert [status(client, job) for job in (running, waiting)] == ["finished", "finished"]
        assert names(client) == ["started", "finished"] * 2, "and each ran once"


@pytest.mark.parametrize(
    "key", [keys.intermediate, keys.claims, keys.started], ids=["intermediate", "claims", "started"]
)
def test_queue_with_a_key_of_another_type_is_skipped(
    connection: Redis, queue: Queue, worker_settings: Settings, key: Callable[[str], str]
) -> None:
    stuck = queue.enqueue("support.jobs.give")
    good = Queue("other", connection=connection, serializer=JSONSerializer).enqueue("support.jobs.give")
    connection.set(key("work"), "text")
    QctlWorker(["work", "other"], connection, worker_settings, "inline").work(burst=True)
    assert status(connection, good) == "finished"
    assert connection.lrange(keys.queue("work"), 0, -1) == [stuck.id.encode()]


def test_registration_that_breaks_off_is_repeated(
    connection: Redis, queue: Queue, inline: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue.enqueue("support.jobs.give")
    broken = [ConnectionError("the reply was lost")]
    register = inline.register_birth

    def register_birth() -> None:
        register()
        if broken:
            raise broken.pop()

    monkeypatch.setattr(inline, "register_birth", register_birth)
    inline.work(burst=True)
    assert status(connection, job) == "finished"


def test_child_without_its_parent_runs_nothing(
    connection: Redis, queue: Queue, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"unix://{connection.connection_pool.connection_kwargs['path']}"
    job = queue.enqueue("support.jobs.note", url, "ran", "once")
    monkeypatch.setattr("qctl.broker.worker.fork_runner.os.getppid", lambda: 1)
    QctlWorker(["work"], connection, worker_settings, "fork").work(burst=True, max_jobs=1)
    assert status(connection, job) == "queued"
    assert not connection.exists("ran:started")


def lose_a_reply(monkeypatch: pytest.MonkeyPatch, to: str) -> None:
    """Break the connection once, after Redis has done a transaction that contains this word."""
    execute = Pipeline._execute_transaction
    left = [1]

    def broken(pipe: Pipeline, connection: object, commands: list[object], raise_on_error: bool) -> object:
        watching = pipe.watching
        replies = execute(pipe, connection, commands, raise_on_error)
        if left and to in repr([getattr(command, "args", command) for command in commands]):
            left.pop()
            pipe.watching = watching
            raise ConnectionError("the reply was lost")
        return replies

    monkeypatch.setattr(Pipeline, "_execute_transaction", broken)


def test_success_is_written_once_if_the_reply_is_lost(
    connection: Redis, queue: Queue, worker: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue.enqueue("support.jobs.give", 5)
    lose_a_reply(monkeypatch, "finished")
    worker.work(burst=True)
    assert names(connection) == ["started", "finished"]
    assert len(job.results()) == 1
    assert_settled(connection)


def test_start_with_a_lost_reply_leaves_no_record(
    connection: Redis, queue: Queue, worker: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [queue.enqueue("support.jobs.give", n) for n in range(2)]
    lose_a_reply(monkeypatch, keys.started("work"))
    worker.work(burst=True)
    assert [status(connection, job) for job in jobs] == ["finished", "finished"]
    assert_settled(connection)


def test_path_of_the_socket_may_have_a_space(tmp_path: Path, worker_settings: Settings) -> None:
    folder = tmp_path / "my home"
    folder.mkdir()
    with RedisServer(folder) as server, server.connect() as client:
        job = Queue("work", connection=client, serializer=JSONSerializer).enqueue("support.jobs.give")
        QctlWorker(["work"], client, worker_settings, "inline").work(burst=True)
        assert status(client, job) == "finished"


def test_job_that_cannot_be_started_is_quarantined(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    bad, good = queue.enqueue("support.jobs.give"), queue.enqueue("support.jobs.give")
    connection.hset(keys.job(bad.id), "meta", json.dumps({"trace_id": "\ud800"}))
    worker.work(burst=True, max_jobs=2)
    assert connection.hexists(keys.quarantine("work"), bad.id)
    assert status(connection, good) == "finished"
    assert_settled(connection)


@pytest.mark.parametrize("error", [ConnectionError("away"), ValueError("I/O operation on closed file")])
def test_command_listener_survives_every_error(
    error: Exception, inline: QctlWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("qctl.broker.worker.rq_adapter.time.sleep", waits.append)
    inline._pubsub_exception_handler(error)
    assert waits == [2.0]


# --- whoever watches the worker ----------------------------------------------------------------------------------


def test_job_without_timeout_may_take_for_ever(queue: Queue, inline: QctlWorker) -> None:
    queue.enqueue("support.jobs.nap", 1.6, job_timeout=-1)
    allowed: list[float] = []
    inline.work(burst=True, allow=allowed.append)
    assert [seconds > 1e8 for seconds in allowed] == [True]


def test_worker_beats_while_a_job_runs_in_a_child(queue: Queue, connection: Redis, worker_settings: Settings) -> None:
    queue.enqueue("support.jobs.nap", 2.5)
    worker = QctlWorker(["work"], connection, worker_settings, "fork")
    worker.job_monitoring_interval = 1
    allowed: list[float] = []
    beats: list[None] = []
    worker.work(max_jobs=1, beat=lambda: beats.append(None), allow=allowed.append)
    assert len(beats) > 2  # one of them before the job
    assert allowed == []


def test_worker_beats_while_an_end_waits_for_redis(own_redis: RedisServer, worker_settings: Settings) -> None:
    queue = Queue("work", connection=own_redis.connect(), serializer=JSONSerializer)
    job = queue.enqueue("support.jobs.stop_redis", own_redis.url)
    worker = QctlWorker(["work"], Redis.from_url(own_redis.url), worker_settings, "inline")
    seen = 0

    def beat() -> None:
        nonlocal seen
        seen += not own_redis.running
        if seen == 3:
            own_redis.start()

    worker.work(max_jobs=1, beat=beat)
    assert seen == 3
    assert own_redis.connect().hget(keys.job(job.id), "status") == b"failed"


def test_allowed_jobs_may_change_between_two_jobs(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    first, second = (queue.enqueue("support.jobs.give", n) for n in range(2))
    turns = 0

    def beat() -> None:
        nonlocal turns
        turns += 1
        if turns == 2:
            worker.allow_jobs(["other.*"])

    worker.work(burst=True, beat=beat)
    assert status(connection, first) == "finished"
    assert connection.hexists(keys.quarantine("work"), second.id)
