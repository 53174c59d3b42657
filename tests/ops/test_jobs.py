"""Jobs through `Ops`: show, choose, retry with a canary, wait, stop while they run, edit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl import conditions
from qctl.broker.admin import bulk, retry_jobs
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker import stop_job
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import JobFailedError, NotFoundError, RefusedError, UsageError, WaitTimeoutError
from qctl.models import BulkResult, CanaryState, Selector
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.process import Program
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually
from support.workers import qctl_worker, stock_worker


@pytest.fixture
def work(connection: Redis) -> Queue:
    """The queue `work`, with JSON payloads."""
    return Queue("work", connection=connection, serializer=JSONSerializer)


@pytest.fixture
def dead(connection: Redis) -> list[str]:
    """Create four dead letters in three queues, oldest first."""
    for n, queue in enumerate(("mail", "mail.high", "files", "mail")):
        stock.die(connection, stock.enqueue(connection, queue, f"d{n}"), ttl=1000 + n)
        connection.hset(keys.job(f"d{n}"), "ended_at", f"2026-01-01T00:00:0{n}.000000Z")
    return ["d0", "d1", "d2", "d3"]


def again(ops: Ops, selector: Selector = Selector(), **more: object) -> BulkResult:  # noqa: B008 - it is frozen
    return ops.jobs.retry(ops.jobs.choose("retry", selector), **more)  # type: ignore[arg-type]


def scripts_run(connection: Redis) -> int:
    """Return the number of scripts that Redis has run."""
    return int(connection.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])


# --- choosing and retrying ----------------------------------------------------------------------------------


def test_retries_by_id(ops: Ops, dead: list[str]) -> None:
    result = again(ops, Selector(ids=("d2", "x", "d0", "d2")))
    assert (result.done, result.failed, result.missing) == (2, 1, 1)
    assert {outcome.id for outcome in result.outcomes if outcome.done} == {"d0", "d2"}
    assert ops.dead_letters.count() == 2


def test_retries_all_of_a_pattern_from_the_top(ops: Ops, connection: Redis, dead: list[str]) -> None:
    """Retry all failed jobs of several queues at once, without a round trip for each."""
    steps: list[tuple[int, int | None]] = []
    again(ops, Selector(ids=()))
    before = scripts_run(connection)
    assert again(ops, Selector(queue="mail*"), progress=lambda *now: steps.append(now)).done == 3
    assert steps[-1] == (3, 3)
    assert [letter.id for letter in ops.dead_letters.list().letters] == ["d2"]
    assert sorted(stock.waiting(connection, "mail")) == ["d0", "d3"]
    assert scripts_run(connection) - before <= 4


def test_choosing_changes_nothing(ops: Ops, dead: list[str]) -> None:
    chosen = ops.jobs.choose("retry", Selector())
    assert (chosen.count, chosen.queues) == (4, ["files", "mail", "mail.high"])
    assert ops.dead_letters.count() == 4


@pytest.mark.parametrize(
    ("act", "selector"),
    [
        ("retry", Selector(states=("queued",))),
        ("cancel", Selector(states=("finished",))),
        ("discard", Selector(states=("queued",))),
        ("move", Selector(states=("started",))),
        ("retry", Selector(ids=("a",), queue="mail")),
        ("retry", Selector(limit=-1)),
    ],
)
def test_invalid_selectors_are_usage_errors(ops: Ops, act: str, selector: Selector) -> None:
    with pytest.raises(UsageError):
        ops.jobs.choose(act, selector)  # type: ignore[arg-type]


def test_unknown_queues_and_causes_are_not_found(ops: Ops, dead: list[str]) -> None:
    with pytest.raises(NotFoundError) as caught:
        ops.jobs.choose("retry", Selector(queue="mial"))
    assert "mail" in caught.value.close
    with pytest.raises(NotFoundError, match="no dead letter has the cause"):
        ops.jobs.choose("retry", Selector(fingerprint="0" * 12))


def test_jobs_of_one_cause_are_selected(ops: Ops, connection: Redis, dead: list[str]) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "other"), "Traceback\nKeyError: 1")
    cause = next(cause for cause in ops.dead_letters.groups().causes if cause.exception == "ValueError")
    assert again(ops, Selector(fingerprint=cause.fingerprint)).done == 4
    assert [letter.id for letter in ops.dead_letters.list().letters] == ["other"]


def test_a_condition_and_a_time_window_select_jobs(ops: Ops, connection: Redis, dead: list[str]) -> None:
    stock.enqueue(connection, "mail", "w1")
    connection.hset(keys.job("d3"), "meta", '{"owner": "ada"}')

    def found(text: str | None = None, **more: float) -> list[str]:
        selector = Selector(where=conditions.parse(text) if text else None, **more)  # type: ignore[arg-type]
        assert [part for part in ops.jobs.choose("export", selector).chosen if not part.ids] == []
        return [row.id for row in ops.jobs.list(selector).rows]

    second = datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()
    assert set(found(since=second + 1, until=second + 3)) == {"d1", "d2"}
    assert found("owner=ada") == ["d3"]
    assert set(found("queue=mail* and state=dead")) == {"d0", "d1", "d3"}
    assert found("age<1h and state=waiting") == ["w1"]
    assert set(found("age>1h and not id=d0")) == {"d1", "d2", "d3"}
    chosen = ops.jobs.choose("retry", Selector(where=conditions.parse("owner=ada or id=d0")))
    assert sorted(id_ for part in chosen.chosen for id_ in part.ids) == [b"d0", b"d3"]
    assert again(ops, Selector(where=conditions.parse("id=d0"))).done == 1


def test_an_interrupt_between_steps_reaches_the_caller(ops: Ops, connection: Redis) -> None:
    ids = stock.fill(connection, "mail", retry_jobs.Retry.jobs_per_call + 1)
    connection.delete(keys.queue("mail"))
    for id_ in ids:
        connection.hset(keys.job(id_), "status", "failed")
    connection.zadd(keys.failed("mail"), dict.fromkeys(ids, -1))

    def interrupt(_done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again(ops, progress=interrupt)
    assert ops.dead_letters.count() == 1


def test_a_purge_leaves_nothing_in_the_trash(ops: Ops, connection: Redis, dead: list[str]) -> None:
    result = ops.jobs.delete(ops.jobs.choose("discard", Selector()), verb="discard", purge=True)
    assert (result.done, result.batch, ops.trash.list()) == (4, None, [])
    assert connection.exists(*(keys.job(id_) for id_ in dead)) == 0


# --- canaries -----------------------------------------------------------------------------------------------


@pytest.fixture
def letters(connection: Redis, work: Queue) -> Callable[[str, int], None]:
    """Create dead letters of `support.jobs.<name>`."""

    def make(name: str, count: int) -> None:
        for n in range(count):
            job = work.create_job(f"support.jobs.{name}", job_id=f"{name}{n}")
            job.save()
            connection.sadd(keys.QUEUES, keys.queue("work"))
            stock.die(connection, job, ttl=1000 + n)

    return make


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    """Processes that are terminated after the test."""
    started: list[Program] = []
    yield started
    for program in started:
        program.end()


@pytest.fixture
def worker(tmp_path: Path, redis_server: RedisServer, programs: list[Program]) -> Program:
    """A worker of the queue `work`."""
    programs.append(qctl_worker(tmp_path, redis_server.url, "work"))
    programs[0].start()
    return programs[0]


def test_other_jobs_follow_a_successful_canary(ops: Ops, letters: Callable[[str, int], None], worker: Program) -> None:
    letters("give", 5)
    result = again(ops, first=2, timeout=PATIENCE_SECONDS)
    assert (result.done, result.halted) == (5, None)
    assert ops.dead_letters.count() == 0


def test_other_jobs_are_not_retried_after_a_failed_canary(
    ops: Ops, connection: Redis, letters: Callable[[str, int], None], worker: Program
) -> None:
    letters("fail", 5)
    result = again(ops, first=1, timeout=PATIENCE_SECONDS)
    assert result.done == 1
    assert isinstance(result.halted, JobFailedError)
    assert "the other 4 jobs were not retried" in result.halted.message
    assert "canary job fail0 failed again with 'ValueError" in result.halted.message
    assert ops.dead_letters.count() == 5
    assert [event.event for event in events.newest(connection, 100)].count("requeued") == 1


def test_canaries_are_reported_while_they_are_awaited(ops: Ops, letters: Callable[[str, int], None]) -> None:
    letters("give", 3)
    seen: list[CanaryState] = []
    again(ops, first=2, timeout=0.7, watch=seen.append)
    assert {(state.finished, state.running, state.total) for state in seen} == {(0, 0, 2)}
    assert all(state.seconds > 0 for state in seen)


def test_first_failed_canary_ends_the_wait_for_the_others(
    ops: Ops, connection: Redis, letters: Callable[[str, int], None], worker: Program
) -> None:
    letters("fail", 1)
    idle = Queue("idle", connection=connection, serializer=JSONSerializer)  # without a worker: its canary never ends
    stock.die(connection, idle.enqueue("support.jobs.give", job_id="give0"))
    result = again(ops, first=2, timeout=10 * PATIENCE_SECONDS)
    assert isinstance(result.halted, JobFailedError)


def test_canary_on_a_paused_queue_is_refused_at_once(ops: Ops, letters: Callable[[str, int], None]) -> None:
    letters("give", 3)
    ops.queues.pause("work")
    with pytest.raises(RefusedError, match=r"is paused by .* a canary would not run") as refused:
        again(ops, first=1, timeout=PATIENCE_SECONDS)
    assert refused.value.hint == "resume with: qctl resume work"
    assert ops.dead_letters.count() == 3


def test_other_jobs_are_not_retried_without_a_running_worker(ops: Ops, letters: Callable[[str, int], None]) -> None:
    letters("give", 3)
    result = again(ops, first=1, timeout=0.2)
    assert isinstance(result.halted, WaitTimeoutError)
    assert "is queued after 0.2 s" in result.halted.message
    assert ops.dead_letters.count() == 2


# --- one job ------------------------------------------------------------------------------------------------


def test_a_job_is_shown_with_all_its_data_without_its_queue(ops: Ops, connection: Redis, work: Queue) -> None:
    """People need to see how often and when a job will be retried."""
    first = work.enqueue("support.jobs.give", "ada", job_id="first", meta={"trace_id": "t1", "owner": "ada"})
    work.enqueue("support.jobs.give", job_id="second", depends_on=first)
    connection.hset(keys.job("first"), mapping={"retries_left": 2, "retry_intervals": "[2, 4]"})
    shown = ops.jobs.show("first")
    assert (shown.queue, shown.state, shown.position) == ("work", "queued", 0)
    assert (shown.trace, shown.owner, shown.dependents) == ("t1", "ada", ["second"])
    assert (shown.retries_left, shown.retry_intervals) == (2, [2, 4])
    assert '"ada"' in (shown.payload.text or "")
    after = ops.jobs.show("second")
    assert (after.state, after.dependencies) == ("deferred", ["first"])


def test_attempts_and_events_of_a_job_that_ran(
    ops: Ops, connection: Redis, work: Queue, make_settings: Callable[..., Settings]
) -> None:
    work.enqueue("support.jobs.fail", "boom", job_id="j")
    work.enqueue("support.jobs.give", {"n": 7}, job_id="k")
    QctlWorker(["work"], connection, make_settings(QCTL_ALLOWED_JOBS="support.jobs.*"), "inline").work(burst=True)
    shown = ops.jobs.show("j")
    assert (shown.state, shown.error) == ("failed", "ValueError: boom")
    assert [(attempt.outcome, attempt.error) for attempt in shown.attempts] == [("failed", "ValueError: boom")]
    assert [event.event for event in shown.timeline] == ["started", "dead"]
    assert shown.fingerprint == ops.dead_letters.groups().causes[0].fingerprint
    assert ops.jobs.show("k").attempts[0].value == '{\n  "n": 7\n}'


def test_a_job_with_a_creation_event_has_complete_events(ops: Ops, connection: Redis) -> None:
    new = ops.jobs.enqueue("stock-check", {})
    assert ops.jobs.show(new).events_whole
    connection.xtrim(keys.EVENTS, maxlen=0)
    events.record(connection, "started", queue="inventory", job=new)
    assert not ops.jobs.show(new).events_whole


@pytest.mark.parametrize("name", ["data", "meta", "exc_info", "result", "dependency_ids", "retry_intervals"])
def test_a_damaged_job_is_shown(ops: Ops, connection: Redis, name: str) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    connection.hset(keys.job("d"), name, b"\xff\x80{[")
    connection.xadd(keys.results("d"), {"type": "x", "exc_string": "%", "execution_started_at": "soon"})
    assert ops.jobs.show("d").state == "failed"


def test_a_job_in_the_trash_says_so(ops: Ops, connection: Redis, dead: list[str]) -> None:
    result = ops.jobs.delete(ops.jobs.choose("delete", Selector(ids=("d0",))))
    shown = ops.jobs.show("d0")
    assert (shown.state, shown.trash) == (None, result.batch)
    assert shown.note == f"it is in trash batch {result.batch}"


def test_a_mistyped_id_gets_suggestions(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "6f1c0a52-93f1-4d0e")
    for typed in ("6f1c0", "6f1c0a52-93f1-4d0f"):
        with pytest.raises(NotFoundError) as caught:
            ops.jobs.show(typed)
        assert caught.value.close == ("6f1c0a52-93f1-4d0e",)


def test_wait_returns_when_the_job_has_finished(ops: Ops, connection: Redis, work: Queue, worker: Program) -> None:
    for name in ("give", "fail"):
        work.enqueue(f"support.jobs.{name}", "x", job_id=name)
    ended = ops.jobs.wait("give", timeout=PATIENCE_SECONDS)
    assert (ended.status, ended.value) == ("finished", '"x"')
    with pytest.raises(JobFailedError, match="job fail failed"):
        ops.jobs.wait("fail", timeout=PATIENCE_SECONDS)
    Queue("nobody", connection=connection).enqueue("support.jobs.give", job_id="off").cancel()
    with pytest.raises(JobFailedError, match="was canceled"):
        ops.jobs.wait("off", timeout=1.0)
    with pytest.raises(NotFoundError):
        ops.jobs.wait("nope", timeout=1.0)
    stock.enqueue(connection, "nobody", "waits")
    with pytest.raises(WaitTimeoutError, match="is queued after"):
        ops.jobs.wait("waits", timeout=0.1)


# --- stopping -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_a_running_job_is_stopped_and_its_worker_goes_on(
    isolation: str,
    ops: Ops,
    connection: Redis,
    work: Queue,
    tmp_path: Path,
    redis_server: RedisServer,
    programs: list[Program],
) -> None:
    programs.append(qctl_worker(tmp_path, redis_server.url, "work", isolation=isolation))
    programs[0].start()
    work.enqueue("support.jobs.nap", 60.0, job_id="long", retry=None)
    connection.hset(keys.job("long"), mapping={"retries_left": 3})
    eventually(lambda: connection.hget(keys.job("long"), "status") == b"started", what="the start")
    ended = ops.jobs.stop("long", timeout=PATIENCE_SECONDS)
    assert (ended.status, ended.queue) == ("stopped", "work")
    shown = ops.jobs.show("long")
    assert (shown.state, shown.status, shown.retries_left) == ("failed", "stopped", 3)
    assert "stopping" in [event.event for event in shown.timeline]
    work.enqueue("support.jobs.give", "x", job_id="next")
    assert ops.jobs.wait("next", timeout=PATIENCE_SECONDS).status == "finished"
    assert connection.hlen(keys.claims("work")) == 0
    assert again(ops, Selector(ids=("long",))).done == 1


def test_a_stop_command_is_repeated_if_the_job_still_runs(
    ops: Ops,
    connection: Redis,
    work: Queue,
    tmp_path: Path,
    redis_server: RedisServer,
    programs: list[Program],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    programs.append(qctl_worker(tmp_path, redis_server.url, "work"))
    programs[0].start()
    work.enqueue("support.jobs.nap", 60.0, job_id="long")
    eventually(lambda: connection.hget(keys.job("long"), "status") == b"started", what="the start")
    send_stop, commands = stop_job.send_stop, []

    def lost(*words: Any) -> bool:
        commands.append(words)
        return len(commands) == 1 or send_stop(*words)

    monkeypatch.setattr(stop_job, "send_stop", lost)
    assert ops.jobs.stop("long", timeout=PATIENCE_SECONDS).status == "stopped"
    assert len(commands) > 1


def test_a_job_that_does_not_run_is_not_stopped(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "waits")
    with pytest.raises(RefusedError, match="cannot stop a job in state queued") as caught:
        ops.jobs.stop("waits")
    assert caught.value.hint == "qctl job cancel waits"


def test_a_worker_that_does_not_listen_is_reported(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "runs")
    connection.lpop(keys.queue("mail"))
    connection.hset(keys.job("runs"), mapping={"status": "started", "worker_name": "gone"})
    connection.zadd(keys.started("mail"), {"runs:0123456789abcdef": 4_000_000_000})
    with pytest.raises(RefusedError, match="worker 'gone' does not listen"):
        ops.jobs.stop("runs")


def test_a_worker_that_ignores_the_stop_command_is_reported(
    ops: Ops, connection: Redis, work: Queue, tmp_path: Path, redis_server: RedisServer, programs: list[Program]
) -> None:
    command = stock_worker(tmp_path, redis_server.url, "work")
    command.command += ["--worker-class", "rq.SimpleWorker"]
    programs.append(command)
    command.start()
    work.enqueue("support.jobs.nap", 60.0, job_id="long")
    eventually(lambda: connection.hget(keys.job("long"), "status") == b"started", what="the start")
    with pytest.raises(WaitTimeoutError, match="ignores the stop command"):
        ops.jobs.stop("long", timeout=0.5)


def test_a_late_stop_command_does_not_stop_another_job(
    connection: Redis, work: Queue, make_settings: Callable[..., Settings]
) -> None:
    inline = QctlWorker(["work"], connection, make_settings(QCTL_ALLOWED_JOBS="support.jobs.*"), "inline")
    inline._stopped_job_id = "earlier"
    inline.kill_horse()
    assert inline._stopped_job_id is None
    work.enqueue("support.jobs.give", job_id="j")
    assert inline.work(burst=True)
    assert Job.fetch("j", connection=connection, serializer=JSONSerializer).is_finished


# --- editing, making ----------------------------------------------------------------------------------------


def test_a_payload_is_edited_and_runs(
    ops: Ops, connection: Redis, work: Queue, make_settings: Callable[..., Settings]
) -> None:
    """People fix the payload, then retry."""
    stock.die(connection, work.enqueue("support.jobs.give", "exmaple", job_id="j"))
    edited = ops.jobs.edit(ops.jobs.editable("j"), '{"args": ["example"]}')
    assert edited.changed
    assert again(ops, Selector(ids=("j",))).done == 1
    QctlWorker(["work"], connection, make_settings(QCTL_ALLOWED_JOBS="support.jobs.*"), "inline").work(burst=True)
    assert ops.jobs.wait("j", timeout=1.0).value == '"example"'
    with pytest.raises(RefusedError, match="it has finished"):
        ops.jobs.revert(ops.jobs.editable("j"))


def test_a_job_of_the_catalog_is_enqueued(ops: Ops, connection: Redis) -> None:
    job_id = ops.jobs.enqueue("welcome-email", {"userEmail": "a@b.c", "userName": "Ada"}, owner="ada")
    shown = ops.jobs.show(job_id)
    assert (shown.queue, shown.state, shown.owner) == ("email", "queued", "ada")
    with pytest.raises(NotFoundError) as caught:
        ops.jobs.enqueue("welcome-mail", {})
    assert "welcome-email" in caught.value.close
    with pytest.raises(UsageError):
        ops.jobs.enqueue("welcome-email", {"userEmail": 7})


def test_a_bulk_operation_lists_the_first_outcomes_and_counts_all(
    ops: Ops, connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_LISTED_OUTCOMES", 10)
    stock.fill(connection, "mail", 500)
    result = ops.jobs.cancel(ops.jobs.choose("cancel", Selector(queue="mail")))
    assert (result.done, len(result.outcomes)) == (500, 10)


def test_a_job_is_shown_though_the_event_stream_has_another_type(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "one")
    connection.delete(keys.EVENTS)
    connection.set(keys.EVENTS, "somebody's")
    seen = ops.jobs.show("one")
    assert (seen.state, seen.timeline, seen.events_whole) == ("queued", [], False)


def test_arguments_of_a_command_line_have_the_types_that_the_job_declares(ops: Ops) -> None:
    job_id = ops.jobs.enqueue("welcome-email", {"userEmail": "x"}, ["userEmail=a@b.c", "userName=7"])
    assert json.loads(ops.jobs.editable(job_id).text)["kwargs"] == {"userEmail": "a@b.c", "userName": "7"}
    with pytest.raises(UsageError, match="is not name=value"):
        ops.jobs.enqueue("welcome-email", {}, ["userName"])


def test_import_again_changes_nothing_and_succeeds(ops: Ops, connection: Redis) -> None:
    stock.die(connection, stock.enqueue(connection, "mail", "d", json=True))
    lines: list[str] = []
    ops.transfer.export(ops.jobs.choose("export", Selector(queue="mail")), lines.append)
    exported = "".join(lines).encode().splitlines()
    connection.flushall()
    assert (ops.transfer.import_(exported).taken, ops.transfer.import_(exported).taken) == (1, 0)
    again = ops.transfer.import_(exported)
    assert (again.existing, again.refused, again.lines) == (1, 0, [])
