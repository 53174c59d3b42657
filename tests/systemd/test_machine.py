"""The units at home: in a machine of its own whose systemd starts, watches, ends and reloads the daemons."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.machine import Machine, NoMachineError, booted
from support.waiting import eventually

SETTINGS = "REDIS_URL=redis://127.0.0.1:6379/0\nMQTT_ENABLED=false\nQCTL_ALLOWED_JOBS=support.jobs.*\n"

WANTED = (
    *("qctl-scheduler", "qctl-socket-batcher", "qctl-mqtt-bridge", "qctl-worker@email", "qctl-worker@file"),
    "qctl-gateway",
)
"""Two workers stand for all of them."""

INSTALL = """
from pathlib import Path
from qctl.systemd import Installation, units
units.ENABLED_UNITS = ("qctl.target", "qctl-cleanup.timer", *(f"{unit}.service" for unit in %r))
Installation(programs=Path("/usr/local/bin")).install()
"""


ENQUEUE = """
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
redis = Redis("127.0.0.1")
queue = Queue("{queue}", connection=redis, serializer=JSONSerializer)
queue.enqueue("support.jobs.note", "redis://127.0.0.1", "{note}", "it", {seconds}, job_id="{note}")
"""

ENQUEUE_DEAF = """
from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer
queue = Queue("email", connection=Redis("127.0.0.1"), serializer=JSONSerializer)
queue.enqueue("support.jobs.deaf", job_id="deaf", job_timeout=2)
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """One in which everything of qctl runs. A machine that cannot boot another is no fault of qctl's, in CI too."""
    try:
        with booted(tmp_path) as it:
            it.run("qctl-python", stdin=INSTALL % (WANTED,))
            it.write("/etc/qctl/.env", SETTINGS)
            it.write("/run/systemd/system/qctl-scheduler.service.d/short.conf", "[Service]\nWatchdogSec=8\n")
            it.write("/run/systemd/system/qctl-worker@email.service.d/short.conf", "[Service]\nWatchdogSec=10\n")
            it.run("systemctl", "daemon-reload")
            it.run("qctl", "daemon", "start", "--all", "--timeout", "40s", check=False)
            yield it
    except NoMachineError as error:
        pytest.skip(f"no container with systemd: {error}")


def returns(machine: Machine, unit: str, before: str) -> bool:
    """True if a unit is active again as another process."""
    return machine.show(unit, "ActiveState") == "active" and machine.show(unit, "MainPID") not in ("0", before)


def status(machine: Machine, job: str) -> str:
    """The status of a job."""
    return machine.run("redis-cli", "hget", f"rq:job:{job}", "status")


def wait_for(machine: Machine, unit: str, state: str) -> None:
    """Wait until a unit is in a state, such as active: systemd passes through others, however short."""
    try:
        eventually(lambda: machine.show(unit, "ActiveState") == state, what=f"{unit} {state}", every=0.2)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{machine.run('journalctl', '-u', unit, '--no-pager')}") from None


def wait_for_line(machine: Machine, unit: str, text: str) -> None:
    """Wait until the journal of a unit has a text: it may come after the state that it tells of."""
    eventually(lambda: text in machine.run("journalctl", "--no-pager", "-u", unit), what=repr(text), every=0.2)


def they_are_ready_under_their_restrictions(machine: Machine) -> None:
    for unit in set(WANTED) - {"qctl-mqtt-bridge"}:
        wait_for(machine, unit, "active")
        assert machine.run("stat", "-c", "%U", f"/proc/{machine.show(unit, 'MainPID')}") == "qctl"
        assert machine.show(unit, "NRestarts") == "0" or unit == "qctl-scheduler"


def they_are_listed(machine: Machine) -> None:
    found = json.loads(machine.run("qctl", "daemon", "list", "--json"))["daemons"]
    known = {one["name"]: one for one in found}
    assert {"scheduler", "socket-batcher", "mqtt-bridge", "email", "file", "cleanup", "check"} <= set(known)
    assert known["email"]["active"] == "active"
    assert known["email"]["enabled"] == "enabled"
    assert machine.run("stat", "-c", "%a %U %G", "/etc/qctl/.env") == "640 root qctl"
    wait_for_line(machine, "qctl-worker@email", "takes jobs from")
    assert "takes jobs from" in machine.run("qctl", "daemon", "logs", "email")


def a_queue_is_scaled(machine: Machine) -> None:
    machine.run("qctl", "daemon", "scale", "email", "2")
    wait_for_line(machine, "qctl-worker@email:2", "takes jobs from email.high, email, email.low")
    machine.run("systemctl", "stop", "qctl-worker@email")
    wait_for(machine, "qctl-worker@email:2", "inactive")
    machine.run("systemctl", "start", "qctl-worker@email")
    wait_for(machine, "qctl-worker@email:2", "active")
    machine.run("qctl", "daemon", "scale", "email", "1")
    wait_for(machine, "qctl-worker@email:2", "inactive")
    wait_for(machine, "qctl-worker@email", "active")


def one_that_is_switched_off_ends_well_and_stays_away(machine: Machine) -> None:
    wait_for(machine, "qctl-mqtt-bridge", "inactive")
    assert machine.show("qctl-mqtt-bridge", "Result") == "success"


def one_that_hangs_is_started_again(machine: Machine) -> None:
    before = machine.show("qctl-scheduler", "MainPID")
    machine.run("sh", "-c", f"kill -STOP {before}")
    eventually(lambda: returns(machine, "qctl-scheduler", before), what="the watchdog", every=0.2)
    wait_for_line(machine, "qctl-scheduler", "Watchdog timeout")


def a_worker_is_left_alone_while_its_job_takes_longer_than_the_watchdog(machine: Machine) -> None:
    before = machine.show("qctl-worker@email", "MainPID")
    machine.run("qctl-python", stdin=ENQUEUE.format(queue="email", note="slow", seconds=13))
    eventually(lambda: status(machine, "slow") == "finished", what="its end", every=0.2)
    journal = machine.run("journalctl", "--no-pager", "-u", "qctl-worker@email")
    assert machine.show("qctl-worker@email", "MainPID") == before, journal
    eventually(
        lambda: machine.show("qctl-worker@email", "WatchdogUSec") == "10s", what="the watchdog as ever", every=0.2
    )


def a_worker_whose_job_ignores_its_time_is_started_again(machine: Machine) -> None:
    before = machine.show("qctl-worker@email", "MainPID")
    machine.run("qctl-python", stdin=ENQUEUE_DEAF)
    eventually(lambda: returns(machine, "qctl-worker@email", before), what="the watchdog", every=0.2)
    wait_for_line(machine, "qctl-worker@email", "Watchdog timeout")
    wait_for_line(machine, "qctl-worker@email", "in deaf")
    machine.run("redis-cli", "del", "rq:job:deaf")


def a_worker_that_hangs_without_a_job_is_started_again(machine: Machine) -> None:
    before = machine.show("qctl-worker@email", "MainPID")
    machine.run("sh", "-c", f"kill -STOP {before}")
    eventually(lambda: returns(machine, "qctl-worker@email", before), what="the watchdog", every=0.2)


def one_that_is_killed_returns(machine: Machine) -> None:
    before = machine.show("qctl-worker@file", "MainPID")
    machine.run("sh", "-c", f"kill -9 {before}")
    eventually(lambda: returns(machine, "qctl-worker@file", before), what="its return", every=0.2)


def the_doctor_sees_one_that_does_not_run(machine: Machine) -> None:
    def units() -> list[str]:
        said = json.loads(machine.run("env", "--chdir=/etc/qctl", "qctl", "doctor", "--json", check=False))
        return [one["reason"] for one in said["findings"] if one["check"] == "units"]

    eventually(lambda: [text.endswith("units run") for text in units()] == [True], what="all units run", every=0.2)
    machine.run("systemctl", "stop", "qctl-worker@file")
    stopped = ["file is enabled but not running: somebody stopped it"]
    eventually(lambda: units() == stopped, what=stopped[0], every=0.2)
    machine.run("systemctl", "start", "qctl-worker@file")
    wait_for(machine, "qctl-worker@file", "active")


def stop_finishes_the_running_job(machine: Machine) -> None:
    machine.run("qctl-python", stdin=ENQUEUE.format(queue="email", note="long", seconds=2))
    eventually(lambda: status(machine, "long") == "started", what="its start", every=0.1)
    machine.run("qctl", "daemon", "stop", "email")
    assert status(machine, "long") == "finished"
    wait_for(machine, "qctl-worker@email", "inactive")
    assert machine.show("qctl-worker@email", "Result") == "success"


def a_job_in_a_child_runs_under_the_restrictions(machine: Machine) -> None:
    machine.run("qctl-python", stdin=ENQUEUE.format(queue="file", note="child", seconds=0))
    eventually(lambda: status(machine, "child") == "finished", what="the job", every=0.1)


def reload_reads_again_what_to_log(machine: Machine) -> None:
    machine.write("/etc/qctl/.env", f"{SETTINGS}LOG_LEVEL=debug\nQCTL_DEBUG=schedule\n")
    before = machine.show("qctl-scheduler", "MainPID")
    machine.run("systemctl", "reload", "qctl-scheduler")
    wait_for_line(machine, "qctl-scheduler", "settings reloaded: log_level=debug debug=schedule")
    assert machine.show("qctl-scheduler", "MainPID") == before
    wait_for_line(machine, "qctl-scheduler", '"level": "warning"')


def housekeeping_and_check_run_by_the_clock(machine: Machine) -> None:
    machine.run("systemctl", "start", "qctl-cleanup.service")
    assert machine.show("qctl-cleanup.service", "Result") == "success"
    machine.run("systemctl", "start", "qctl-check.service", check=False)
    assert machine.show("qctl-check.service", "ExecMainStatus") in ("0", "1", "2")
    assert machine.show("qctl-cleanup.timer", "ActiveState") == "active"


@pytest.mark.timeout(1200)  # the first one makes a Debian
def test_a_life_under_systemd(machine: Machine) -> None:
    """One machine, one step after the other: booting it takes longer than any of them."""
    they_are_ready_under_their_restrictions(machine)
    they_are_listed(machine)
    a_queue_is_scaled(machine)
    one_that_is_switched_off_ends_well_and_stays_away(machine)
    one_that_hangs_is_started_again(machine)
    a_worker_is_left_alone_while_its_job_takes_longer_than_the_watchdog(machine)
    a_worker_whose_job_ignores_its_time_is_started_again(machine)
    a_worker_that_hangs_without_a_job_is_started_again(machine)
    one_that_is_killed_returns(machine)
    the_doctor_sees_one_that_does_not_run(machine)
    stop_finishes_the_running_job(machine)
    a_job_in_a_child_runs_under_the_restrictions(machine)
    reload_reads_again_what_to_log(machine)
    housekeeping_and_check_run_by_the_clock(machine)
