"""Log lines: text or JSON, inert, without secrets, and RQ's among them."""

from __future__ import annotations

import json
import logging
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from importlib.util import find_spec
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue

import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl import logs
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import SettingsError
from qctl.settings import Settings
from qctl.settings.all_settings import DEBUG_AREAS

log = logging.getLogger("qctl.tests")


@pytest.fixture
def set_up() -> Iterator[Callable[..., None]]:
    """`logs.setup` for a service `bridge`, with settings by name. Logging is as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(**names: str) -> None:
        logs.setup("bridge", Settings.load(environ=names))

    yield run
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def test_json_has_the_keys_of_the_seed(set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    set_up()
    before = datetime.now(timezone.utc).replace(microsecond=0)
    log.info("took %d", 3, extra={"event": "started", "jobId": "j1", "traceId": "t1", "userId": 7})
    log.warning("bare", extra={"event": None})
    first, second = (json.loads(line) for line in lines(capsys))
    assert before <= datetime.fromisoformat(first.pop("timestamp").replace("Z", "+00:00"))
    assert first == {
        "level": "info",
        "service": "bridge",
        "message": "took 3",
        "event": "started",
        "jobId": "j1",
        "traceId": "t1",
        "userId": "7",
    }
    assert set(second) == {"timestamp", "level", "service", "message"}


def test_text_is_one_line_a_fact(set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LOG_FORMAT="text")
    log.warning("first\nsecond", extra={"jobId": "j1", "event": "two words"})
    (line,) = lines(capsys)
    time, rest = line.split(" ", 1)
    assert datetime.strptime(time, "%H:%M:%S")
    assert rest == r'warning first\nsecond event="two words" jobId=j1'


@pytest.mark.parametrize("form", ["text", "json"])
def test_hostile_text_and_secrets_do_not_get_out(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str], form: str
) -> None:
    set_up(LOG_FORMAT=form)
    hostile = "\x1b]0;x\x07 \u202e \udc80 redis://:hunter2@h password=hunter2"
    try:
        raise ValueError(hostile)
    except ValueError:
        log.exception("bad %s", hostile, extra={"jobId": hostile})
    shown = "\n".join(lines(capsys))
    assert shown.isascii()
    assert "hunter2" not in shown
    assert "\x1b" not in shown
    assert r"x1b]0;x\\x07 \\u202e".replace(r"\\", "\\" * (2 if form == "json" else 1)) in shown
    assert "ValueError" in shown
    assert "test_logs.py" in shown


def test_an_exception_is_one_json_line(set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    set_up()
    try:
        raise KeyError("why")
    except KeyError:
        log.exception("failed")
    (line,) = lines(capsys)
    assert json.loads(line)["message"] == "failed"
    assert json.loads(line)["exception"].endswith("KeyError: 'why'")


def test_the_level_holds(set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LOG_LEVEL="warning")
    log.info("not this")
    log.error("but this")
    assert ["but this" in line for line in lines(capsys)] == [True]


def test_repeated_message_of_asyncio_is_logged_once(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process without file handles repeats it a thousand times a second."""
    set_up(LOG_FORMAT="text")
    set_up(LOG_FORMAT="text")
    asyncio_log = logging.getLogger("asyncio")
    for number in range(1000):
        asyncio_log.error("socket.accept() out of system resource\nsocket: <%d>", number)
    assert len(capsys.readouterr().err.splitlines()) == 1
    monkeypatch.setattr("qctl.logs.time.monotonic", lambda at=time.monotonic: at() + 60)
    asyncio_log.error("socket.accept() out of system resource\nsocket: <7>")
    asyncio_log.error("something else")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("socket.accept() out of system resource (and 999 times before)")
    assert second.endswith("something else")


def test_death_of_a_child_is_not_logged_as_a_failure(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """qctl logs what follows from it: recovered, quarantined, or a dead letter."""
    set_up()
    cause = "Work-horse terminated unexpectedly; waitpid returned 9 (signal 9); "
    logging.getLogger("rq.worker").warning("Worker %s: job %s failed (%s)", "w", "j", cause)
    assert capsys.readouterr().err == ""


def test_a_second_setup_takes_the_place_of_the_first(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    set_up(LOG_FORMAT="json")
    set_up(LOG_FORMAT="text")
    log.info("once")
    assert [line.endswith("info    once") for line in lines(capsys)] == [True]


@pytest.mark.parametrize(("level", "heard"), [("info", ["warned"]), ("debug", ["messages", "warned"])])
def test_rq_is_heard_once_and_by_its_warnings(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str], level: str, heard: list[str]
) -> None:
    from rq.logutils import setup_loghandlers

    rq = logging.getLogger("rq.worker")
    rq.addHandler(logging.StreamHandler())
    rq.propagate = False
    set_up(LOG_LEVEL=level)
    setup_loghandlers("INFO")  # as a worker does when it begins
    rq.info("messages")
    rq.warning("warned")
    assert [json.loads(line)["message"] for line in lines(capsys)] == heard


def test_auto_is_text_on_a_terminal_and_json_elsewhere() -> None:
    code = """
import logging
from qctl import logs
from qctl.settings import Settings
logs.setup("bridge", Settings.load(environ={}))
logging.warning("here")
"""
    piped = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=True)
    assert json.loads(piped.stderr)["message"] == "here"
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    assert os.read(ours, 1000).decode().rstrip().endswith("warning here")
    os.close(ours)


def test_every_line_names_what_it_is_about(set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    set_up()
    with logs.log_context(jobId="j-1", traceId="t\x1b", userId=None):
        logging.getLogger("some.library").info("one")
        log.info("two", extra={"event": "finish", "traceId": "mine"})
    log.info("three")
    first, second, third = (json.loads(line) for line in lines(capsys))
    assert (first["jobId"], first["traceId"]) == ("j-1", r"t\x1b")
    assert "userId" not in first
    assert (second["jobId"], second["traceId"], second["event"]) == ("j-1", "mine", "finish")
    assert "jobId" not in third


def test_frequent_events_are_the_lines_that_logging_writes(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    events = logs.FrequentEvents(log)
    for log_format in ("json", "text"):
        set_up(LOG_FORMAT=log_format)
        with logs.log_context(jobId="j-1", traceId="t\x1b", userId=None):
            log.info("job %s\x1b at redis://:secret@h", "j-1", extra={"event": "start"})
            events.log(logging.INFO, "job j-1\x1b at redis://:secret@h", event="start")
        usual, frequent = lines(capsys)
        assert "secret" not in frequent
        assert "\x1b" not in frequent
        if log_format == "json":
            first, second = json.loads(usual), json.loads(frequent)
            assert {**first, "timestamp": ""} == {**second, "timestamp": ""}
            assert list(first) == list(second)
        else:
            assert usual.partition(" ")[2] == frequent.partition(" ")[2]


def test_frequent_events_obey_levels(set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    events = logs.FrequentEvents(log)
    set_up(LOG_LEVEL="warning")
    events.log(logging.INFO, "hidden", event="start")
    set_up(LOG_FORMAT="text")
    events.log(logging.DEBUG, "hidden", event="start")
    events.log(logging.INFO, "shown", event="start")
    assert [line.partition("info")[2].strip() for line in lines(capsys)] == ["shown event=start"]


def test_frequent_events_reach_other_handlers_and_filters(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    events, records = logs.FrequentEvents(log), SimpleQueue[logging.LogRecord]()
    set_up()
    handler, root = QueueHandler(records), logging.getLogger()
    root.addHandler(handler)
    events.log(logging.INFO, "100 % of it", event="start")
    root.removeHandler(handler)
    record = records.get_nowait()
    assert (record.getMessage(), record.__dict__["event"]) == ("100 % of it", "start")
    assert records.empty()
    assert json.loads(*lines(capsys))["message"] == "100 % of it"
    log.addFilter(refuse := lambda _: False)
    events.log(logging.INFO, "filtered", event="start")
    log.removeFilter(refuse)
    assert lines(capsys) == []


def test_frequent_events_make_no_record_for_a_handler_that_ignores_them(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    class Ignoring(logs.PartialHandler):
        ignored_loggers = (log.name,)

        def emit(self, record: logging.LogRecord) -> None:
            raise AssertionError(record)

    set_up()
    handler, root = Ignoring(), logging.getLogger()
    root.addHandler(handler)
    try:
        logs.FrequentEvents(log).log(logging.INFO, "of a job", event="start")
    finally:
        root.removeHandler(handler)
    assert json.loads(*lines(capsys))["message"] == "of a job"


def test_debug_of_one_area_alone(set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    set_up(LOG_LEVEL="warning", QCTL_DEBUG="mqtt, CLAIM")
    for name in (
        "qctl.sources.mqtt_bridge",
        "qctl.broker.worker.claims",
        "rq.worker",
        "qctl.sinks.mysql",
        "qctl.tests",
    ):
        logging.getLogger(name).debug("of %s", name)
    messages = [json.loads(line)["message"] for line in lines(capsys)]
    assert messages == ["of qctl.sources.mqtt_bridge", "of qctl.broker.worker.claims", "of rq.worker"]
    set_up(LOG_LEVEL="warning")
    logging.getLogger("qctl.sources.mqtt_bridge").debug("no more")
    assert lines(capsys) == []


@pytest.mark.parametrize("area", DEBUG_AREAS)
def test_every_area_has_something_to_tell(area: str) -> None:
    specs = [find_spec(name) for name in logs.AREAS[area] if name.startswith("qctl.")]
    files: list[Path] = []
    for place in [Path(spec.origin) for spec in specs if spec and spec.origin]:
        files += place.parent.rglob("*.py") if place.stem == "__init__" else [place]
    assert any("log.debug(" in file.read_text() for file in files)


def test_the_way_of_a_job_is_told_without_its_payload(
    connection: Redis, make_settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    queue = Queue("work", connection=connection, serializer=JSONSerializer)
    job = queue.enqueue("support.jobs.give", "s3cret")
    QctlWorker(["work"], connection, make_settings(QCTL_ALLOWED_JOBS="support.jobs.*"), "inline").work(burst=True)
    assert f"job {job.id} of work is claimed" in caplog.text
    assert "s3cret" not in caplog.text


def test_every_area_is_of_modules_that_there_are() -> None:
    assert set(logs.AREAS) == set(DEBUG_AREAS)
    ours = {name for names in logs.AREAS.values() for name in names if name.startswith("qctl.")}
    assert not [name for name in ours if find_spec(name) is None]
    with pytest.raises(SettingsError, match="'mqt', which is not one of"):
        Settings.load(environ={"QCTL_DEBUG": "mqt"})
