"""The daemons beside the workers: as systemd told them last, or why there are none. No screen waits for systemd."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from qctl.errors import QctlError, UnreachableError
from qctl.models import Daemon
from qctl.tui.data import local_daemons
from qctl.tui.data.local_daemons import LocalDaemons
from support.waiting import eventually
from tui.driving import Driver, drive
from tui.fake import DAEMONS, MonitorOps


def test_daemons_stand_below_the_workers_and_their_logs_are_shown() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("> w1")
        await driver.until("failed")
        await driver.press("tab", "down", "l")
        await driver.until("said: daemon logs scheduler --lines 200")
        await driver.press("escape", "enter")
        await driver.until('"unit": "qctl-scheduler.service"')

    drive(MonitorOps(), script, run=lambda line: f"said: {line}")


def test_without_a_command_line_it_is_said_what_would_show_the_logs() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("> w1")
        await driver.press("tab", "l")
        await driver.until("the command line is disabled here: qctl daemon logs email --lines 200")

    drive(MonitorOps(), script)


def test_without_systemd_a_line_says_so_and_what_runs_everything() -> None:
    gone = UnreachableError("systemd does not run this machine", "`qctl up` runs everything in the foreground")

    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("systemd does not run this machine: `qctl up` runs everything in the foreground")
        assert "> w1" in driver.text

    drive(MonitorOps(daemons__list=gone), script, size=(120, 30))


def test_where_there_are_no_units_it_is_said_how_to_get_them() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("Install them with `qctl daemon install`")

    drive(MonitorOps(daemons__list=[]), script)


class Slow:
    """A systemd that answers when it is let."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.asked = 0
        self.answer: Sequence[Daemon] | Exception = DAEMONS

    def __call__(self) -> Sequence[Daemon]:
        self.asked += 1
        assert self.may.wait(20)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_nobody_waits_for_systemd_and_what_it_said_is_shown_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_daemons, "FIRST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(local_daemons, "TTL_SECONDS", 0.0)
    slow = Slow()
    ops = LocalDaemons(slow)

    def told() -> str:
        try:
            return ", ".join(daemon.name for daemon in ops.list())
        except QctlError as error:
            return error.message

    assert told() == told() == "systemd has not answered yet"
    assert slow.asked == 1
    slow.may.set()
    eventually(lambda: told() == "email, scheduler", 10.0)
    slow.may.clear()
    assert told() == "email, scheduler"
    slow.answer = ZeroDivisionError("oops")
    slow.may.set()
    eventually(lambda: told() == "internal error: ZeroDivisionError: oops", 10.0)


def test_systemd_is_not_asked_at_every_reading() -> None:
    slow = Slow()
    slow.may.set()
    ops = LocalDaemons(slow)
    assert [ops.list(), ops.list(), ops.list()] == [DAEMONS] * 3
    assert slow.asked == 1
