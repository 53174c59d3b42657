"""The run loop of daemons, as processes: signals, exit codes, and what a supervisor hears."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from qctl.daemon import Context
from qctl.settings import Settings
from support.process import Program
from support.supervisor import Supervisor
from support.waiting import PATIENCE_SECONDS, eventually

HEAD = """
import sys, time
from qctl import daemon
from qctl.errors import RefusedError, SettingsError

class AbortedError(BaseException):
    pass

def abort():
    raise AbortedError

def serve(context):
    print("serving", flush=True)
"""

TAIL = """
daemon.main("qctl-test", serve, "A daemon for tests.")
"""

UNTIL_STOPPED = """
    while not context.stop.wait(0.02):
        context.beat("busy")
    print("drained", flush=True)
"""

STUCK = """
    while True:
        time.sleep(0.02)
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Program]:
    """Makes a daemon whose `serve` has this body."""

    def make(body: str, *arguments: str, says: str = "serving", **env: str) -> Program:
        command = [sys.executable, "-c", HEAD + body + TAIL, *arguments]
        env = {"QCTL_HOME": str(tmp_path), "LOG_FORMAT": "text", **env}
        return Program("daemon", command, tmp_path, env=env, says=says)

    return make


Make = Callable[..., Program]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_drains(make: Make, number: signal.Signals) -> None:
    with make(UNTIL_STOPPED) as daemon:
        daemon.send(number)
        assert daemon.wait() == 0
    assert f"draining: signal={number.name}" in daemon.output
    assert "drained" in daemon.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_it_at_once(make: Make, number: signal.Signals) -> None:
    with make(STUCK) as daemon:
        daemon.send(signal.SIGTERM)
        eventually(lambda: "draining" in daemon.output, what="the drain")
        daemon.send(number)
        assert daemon.wait() == 128 + number


def test_sighup_reads_again_what_to_log(make: Make, tmp_path: Path) -> None:
    with make(UNTIL_STOPPED) as daemon:
        (tmp_path / ".env").write_text("LOG_LEVEL=warning\nQCTL_DEBUG=mqtt,claim\n")
        daemon.send(signal.SIGHUP)
        eventually(lambda: "settings reloaded: log_level=warning debug=mqtt,claim" in daemon.output, what="the reload")
        (tmp_path / ".env").write_text("LOG_LEVEL=loud\n")
        daemon.send(signal.SIGHUP)
        eventually(lambda: "settings not changed: LOG_LEVEL: 'loud' is not one of" in daemon.output, what="the refusal")
        assert daemon.stop() == 0


def test_sighup_takes_over_what_the_work_can_and_names_the_rest(make: Make, tmp_path: Path) -> None:
    body = (
        """
    context.on_reload(["QCTL_ALLOWED_JOBS"], lambda settings: print("may run", *settings.allowed_jobs, flush=True))
"""
        + UNTIL_STOPPED
    )
    with make(body) as daemon:
        (tmp_path / ".env").write_text("QCTL_ALLOWED_JOBS=shop.*\nMQTT_PASSWORD=s3cret\nMQTT_USERNAME=us\nPORT=4000\n")
        daemon.send(signal.SIGHUP)
        eventually(lambda: "settings that apply after a restart: MQTT_PASSWORD, MQTT_USERNAME, PORT" in daemon.output)
        assert daemon.stop() == 0
    assert "may run shop.*" in daemon.output
    assert "settings applied: QCTL_ALLOWED_JOBS" in daemon.output
    assert "s3cret" not in daemon.output


def test_work_may_end_itself_at_the_second_signal(make: Make) -> None:
    body = """
    context.on_abort(abort)
    try:
        while True:
            time.sleep(0.02)
    except AbortedError:
        print("gave back what it held", flush=True)
"""
    with make(body) as daemon:
        daemon.send(signal.SIGTERM)
        eventually(lambda: "draining" in daemon.output, what="the drain")
        daemon.send(signal.SIGTERM)
        assert daemon.wait() == 143
    assert "gave back what it held" in daemon.output


def test_a_callback_stops_work_that_does_not_look(make: Make) -> None:
    body = """
    go_on = [True]
    context.on_stop(go_on.clear)
    while go_on:
        time.sleep(0.02)
"""
    with make(body) as daemon:
        assert daemon.stop() == 0


def test_an_unexpected_exception_is_logged_with_its_traceback(make: Make) -> None:
    with make("    raise ZeroDivisionError('by nobody')", says="") as daemon:
        assert daemon.wait() == 70
    assert "Traceback" in daemon.output
    assert "ZeroDivisionError: by nobody" in daemon.output


def test_an_expected_end_is_one_line(make: Make) -> None:
    with make("    raise RefusedError('not today')", says="") as daemon:
        assert daemon.wait() == 1
    assert "not today" in daemon.output
    assert "Traceback" not in daemon.output


@pytest.mark.parametrize("body", [UNTIL_STOPPED, "    raise SettingsError('REDIS_PORT', 'is bad')"])
def test_a_bad_setting_is_one_line_that_names_it(make: Make, body: str) -> None:
    wrong = {"REDIS_PORT": "many"} if body is UNTIL_STOPPED else {}
    with make(body, says="", **wrong) as daemon:
        assert daemon.wait() == 2
    said = daemon.output.replace("serving\n", "")
    assert said.startswith("qctl-test: REDIS_PORT: ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(("argument", "code", "text"), [("--help", 0, "A daemon for tests."), ("--wat", 2, "--wat")])
def test_its_command_line(make: Make, argument: str, code: int, text: str) -> None:
    with make(UNTIL_STOPPED, argument, says="") as daemon:
        assert daemon.wait() == code
    assert text in daemon.output
    assert "serving" not in daemon.output


# --- the supervisor ----------------------------------------------------------------------------------------------


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor with a socket of either kind."""
    path = tmp_path / "notify"
    ears = Supervisor(str(path) if request.param == "path" else f"@{path}")
    yield ears
    ears.close()


def test_a_supervisor_hears_of_start_life_and_end(make: Make, supervisor: Supervisor) -> None:
    with make(UNTIL_STOPPED, NOTIFY_SOCKET=supervisor.address, WATCHDOG_USEC="300000") as daemon:
        assert supervisor.receive() == ["WATCHDOG=1", "READY=1", "STATUS=busy"]
        assert supervisor.receive() == ["WATCHDOG=1", "STATUS=busy"]
        assert daemon.stop() == 0
        heard = []
        while "STOPPING=1" not in heard:
            heard = supervisor.receive()


def test_a_stuck_daemon_is_silent(make: Make, supervisor: Supervisor) -> None:
    body = "    context.beat()\n" + STUCK
    with make(body, NOTIFY_SOCKET=supervisor.address, WATCHDOG_USEC="300000"):
        assert "READY=1" in supervisor.receive()
        with pytest.raises(TimeoutError):
            supervisor.receive(within=1.0)


def test_a_daemon_that_is_not_ready_asks_for_more_time(
    settings: Settings, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", supervisor.address)
    with closing(Context(settings)) as context:
        context.beat("waiting for Redis", ready=False)
        assert supervisor.receive() == ["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=60000000", "STATUS=waiting for Redis"]
        context.beat("a\x1b[31m\nb")
    assert supervisor.receive() == ["WATCHDOG=1", "READY=1", r"STATUS=a\x1b[31m\nb"]


def test_a_supervisor_is_asked_for_time_and_told_when_it_is_no_longer_needed(
    settings: Settings, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", supervisor.address)
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    with closing(Context(settings)) as context:
        context.beat()
        context.allow(90)
        context.beat()
        context.beat()
    heard = [supervisor.receive() for _ in range(3)]
    assert heard == [["WATCHDOG=1", "READY=1"], ["WATCHDOG_USEC=150000000"], ["WATCHDOG=1", "WATCHDOG_USEC=60000000"]]
    with pytest.raises(TimeoutError):
        supervisor.receive(within=0.1)


def test_a_supervisor_that_does_not_watch_is_not_asked_for_time(
    settings: Settings, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", supervisor.address)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    with closing(Context(settings)) as context:
        context.allow(90)
    with pytest.raises(TimeoutError):
        supervisor.receive(within=0.1)


def test_a_daemon_that_is_ended_for_hanging_says_where_it_hung(make: Make) -> None:
    with make("    def wait_for_nobody():\n        time.sleep(600)\n    wait_for_nobody()\n") as daemon:
        daemon.send(signal.SIGABRT)
        assert daemon.wait() == -signal.SIGABRT
    assert "in wait_for_nobody" in daemon.output


def test_a_supervisor_that_is_gone_stops_nobody(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    with closing(Context(settings)) as context:
        context.beat("busy")


def test_stopping_while_it_waits_for_the_stop_event_never_hangs(make: Make) -> None:
    """A handler that sets the event itself deadlocks where the main thread holds the event's lock just then."""
    body = """
    while not context.stop.wait(0):
        pass
"""
    for _ in range(5):
        with make(body) as daemon:
            assert daemon.stop() == 0


def test_the_stop_event_is_set_before_the_callbacks(settings: Settings) -> None:
    context = Context(settings)
    seen: list[bool] = []
    context.on_stop(lambda: seen.append(context.stop.is_set()))
    worker = threading.Thread(target=context._drain, args=("SIGTERM",))
    worker.start()
    worker.join(PATIENCE_SECONDS)
    context.on_stop(lambda: seen.append(True))
    assert seen == [True, True]
