"""A daemon as several processes: their ends, signals, readiness and watchdog, as a supervisor sees them."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from support.process import Program
from support.supervisor import Supervisor
from support.waiting import eventually

HEAD = """
import os, sys, time
from qctl import daemon
from qctl.pool import fixed

def serve(context):
    print(f"process {context.place.number} of {context.place.count} is {os.getpid()}", flush=True)
"""

TAIL = """
daemon.main("qctl-test", lambda context: fixed.serve(context, "qctl-test", serve))
"""

UNTIL_STOPPED = """
    while not context.stop.wait(0.02):
        context.beat("busy")
    print(f"process {context.place.number} drained", flush=True)
"""


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Program]:
    """Makes a daemon of two processes whose `serve` has this body."""

    def make(body: str, **env: str) -> Program:
        command = [sys.executable, "-c", HEAD + body + TAIL]
        env = {"QCTL_HOME": str(tmp_path), "LOG_FORMAT": "text", "QCTL_WORKERS": "2", **env}
        return Program("daemon", command, tmp_path, env=env, says="process 2 of 2")

    return make


def pids(program: Program, number: int) -> list[int]:
    """Pids of the runs of a process, in order."""
    return [int(pid) for pid in re.findall(rf"process {number} of 2 is (\d+)", program.output)]


def test_a_stop_drains_every_process_once(make: Callable[..., Program]) -> None:
    program = make(UNTIL_STOPPED)
    program.start()
    eventually(lambda: pids(program, 1) and pids(program, 2), what="both processes")
    assert program.stop() == 0
    assert {program.output.count(f"process {number} drained") for number in (1, 2)} == {1}


def test_a_second_stop_ends_them_at_once(make: Callable[..., Program]) -> None:
    with make("\n    while True:\n        time.sleep(0.02)\n") as program:
        eventually(lambda: pids(program, 1) and pids(program, 2), what="both processes")
        program.send(signal.SIGTERM)
        eventually(lambda: program.output.count("draining") == 3, what="the drain of all")
        program.send(signal.SIGTERM)
        assert program.wait() == 128 + signal.SIGTERM


def test_a_process_that_was_killed_starts_again(make: Callable[..., Program]) -> None:
    with make(UNTIL_STOPPED) as program:
        eventually(lambda: pids(program, 1) and pids(program, 2), what="both processes")
        os.kill(pids(program, 2)[0], signal.SIGKILL)
        eventually(lambda: len(pids(program, 2)) == 2, what="the second run of the second process")
        assert len(pids(program, 1)) == 1


def test_a_process_that_starts_again_keeps_its_place_when_another_has_ended(make: Callable[..., Program]) -> None:
    body = """
    if context.place.number == 2:
        return
"""
    with make(body + UNTIL_STOPPED) as program:
        eventually(lambda: pids(program, 1) and pids(program, 2), what="both processes")
        eventually(lambda: not Path(f"/proc/{pids(program, 2)[0]}").exists(), what="the end of the second")
        os.kill(pids(program, 1)[0], signal.SIGKILL)
        eventually(lambda: len(pids(program, 1)) == 2, what="the second run of the first process")
        assert len(pids(program, 2)) == 1


def test_all_end_with_the_first(make: Callable[..., Program]) -> None:
    with make(UNTIL_STOPPED) as program:
        eventually(lambda: pids(program, 1) and pids(program, 2), what="both processes")
        children = pids(program, 1) + pids(program, 2)
        program.send(signal.SIGKILL)
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), what="their end")


def test_settings_that_cannot_work_end_all(make: Callable[..., Program]) -> None:
    body = """
    from qctl.errors import SettingsError
    if context.place.number == 2:
        raise SettingsError("A_SETTING", "is wrong")
    while not context.stop.wait(0.02):
        context.beat("busy")
    print("first drained", flush=True)
"""
    program = make(body)
    program.launch()
    assert program.wait() == 2
    assert "A_SETTING" in program.output


def test_nothing_to_do_is_a_success(make: Callable[..., Program]) -> None:
    program = make("\n    context.nothing_to_do('X is false')\n")
    program.launch()
    assert program.wait() == 0


def test_a_supervisor_hears_one_daemon_that_is_ready_when_each_is(make: Callable[..., Program], tmp_path: Path) -> None:
    body = (
        """
    while context.place.number == 2 and not os.path.exists("go"):
        context.beat(ready=False)
        time.sleep(0.02)
"""
        + UNTIL_STOPPED
    )
    with (
        closing(Supervisor(f"@{tmp_path}/supervisor")) as supervisor,
        make(body, NOTIFY_SOCKET=supervisor.address) as program,
    ):
        while (heard := supervisor.receive())[-1] != "STATUS=1 of 2 processes ready":
            assert "READY=1" not in heard
        (tmp_path / "go").touch()
        while "READY=1" not in (heard := supervisor.receive()):
            assert heard[-1] == "STATUS=1 of 2 processes ready"
        assert heard == ["WATCHDOG=1", "READY=1", "STATUS=2 of 2 processes ready"]
        program.send(signal.SIGTERM)
        while "STOPPING=1" not in supervisor.receive():
            pass
        assert program.wait() == 0


def test_a_supervisor_never_hears_that_a_daemon_with_refused_settings_is_ready(
    make: Callable[..., Program], tmp_path: Path
) -> None:
    body = """
    from qctl.errors import SettingsError
    if context.place.number == 2:
        raise SettingsError("A_SETTING", "is wrong")
    while not context.stop.wait(0.02):
        context.beat(ready=False)
"""
    with closing(Supervisor(f"@{tmp_path}/supervisor")) as supervisor:
        program = make(body, NOTIFY_SOCKET=supervisor.address)
        program.launch()
        assert program.wait() == 2
        heard: list[str] = []
        with suppress(TimeoutError):
            while True:
                heard += supervisor.receive(within=0.1)
    assert "WATCHDOG=1" in heard
    assert "READY=1" not in heard


def test_a_process_that_hangs_is_aborted_and_starts_again(make: Callable[..., Program], tmp_path: Path) -> None:
    body = (
        """
    context.beat("ready")
    if context.place.number == 2 and not os.path.exists("hung"):
        open("hung", "w").close()
        time.sleep(600)
"""
        + UNTIL_STOPPED
    )
    with make(body, NOTIFY_SOCKET="@nobody-listens-here", WATCHDOG_USEC="3000000") as program:
        eventually(lambda: len(pids(program, 2)) >= 2, what="the second run of the process that hung")
        assert f"process hangs: pid={pids(program, 2)[0]}" in program.output
