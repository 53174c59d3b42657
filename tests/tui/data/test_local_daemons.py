"""Daemons of this machine: the last answer of systemd, or why there is none. No page waits for systemd."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from qctl.errors import QctlError, UnreachableError
from qctl.models import Daemon
from qctl.tui.data import local_daemons
from qctl.tui.data.local_daemons import LocalDaemons
from support.waiting import PATIENCE_SECONDS, eventually
from tui.driving import Driver, drive
from tui.fake import DAEMONS, MonitorOps


def test_the_logs_of_a_daemon_are_shown() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("> w1")
        await driver.until("failed")
        await driver.press("tab", "tab", "down", "l")
        await driver.until("said: daemon logs scheduler --lines 200")
        await driver.press("escape", "enter")
        await driver.until("status    no Redis")

    drive(MonitorOps(), script, run=lambda line: f"said: {line}")


def test_without_a_command_line_the_command_for_logs_is_named() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("> w1")
        await driver.press("tab", "tab", "l")
        await driver.until("the command line is disabled here: qctl daemon logs email --lines 200")

    drive(MonitorOps(), script)


def test_without_systemd_the_page_names_the_alternative() -> None:
    gone = UnreachableError("systemd does not run this machine", "`qctl up` runs everything in the foreground")

    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("systemd does not run this machine: `qctl up` runs everything in the foreground")
        assert "> w1" in driver.text

    drive(MonitorOps(daemons__list=gone), script, size=(120, 30))


def test_without_units_the_page_says_how_to_install_them() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("Install them with `qctl daemon install`")

    drive(MonitorOps(daemons__list=[]), script)


class Slow:
    """A systemd that answers when the test allows it."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.polls = 0
        self.answer: Sequence[Daemon] | Exception = DAEMONS

    def __call__(self) -> Sequence[Daemon]:
        self.polls += 1
        assert self.may.wait(PATIENCE_SECONDS)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_poll_of_systemd_does_not_block_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_daemons, "FIRST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(local_daemons, "TTL_SECONDS", 0.0)
    slow = Slow()
    ops = LocalDaemons(slow)

    def names() -> str:
        try:
            return ", ".join(daemon.name for daemon in ops.list())
        except QctlError as error:
            return error.message

    assert names() == names() == "systemd has not answered yet"
    assert slow.polls == 1
    slow.may.set()
    eventually(lambda: names() == "email, scheduler")
    slow.may.clear()
    assert names() == "email, scheduler"
    slow.answer = ZeroDivisionError("oops")
    slow.may.set()
    eventually(lambda: names() == "internal error: ZeroDivisionError: oops")


def test_answers_of_systemd_are_cached() -> None:
    slow = Slow()
    slow.may.set()
    ops = LocalDaemons(slow)
    assert [ops.list(), ops.list(), ops.list()] == [DAEMONS] * 3
    assert slow.polls == 1
