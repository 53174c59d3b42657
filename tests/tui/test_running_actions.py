"""Status lines while an action runs: its progress, and the state of its canary."""

from __future__ import annotations

import threading
from typing import Any

from textual.widgets import ProgressBar

from cli.fake_jobs import done
from qctl.models import CanaryState, Selection
from qctl.tui.widgets.progress_dialog import ProgressDialog
from tui.driving import Driver, drive
from tui.fake import MonitorOps


async def retry_with_canary(driver: Driver) -> None:
    """Retry the first cause, three letters of it first."""
    await driver.press("4")
    await driver.until("Traceback: ...")
    await driver.press("r")
    await driver.until("Canary:")
    await driver.type("3")
    await driver.press("enter", "enter")


def watched(seen: threading.Event) -> Any:
    """A retry whose canary runs until the event is set."""

    def retry(chosen: Selection, *, watch: Any, **_: Any) -> Any:
        while not seen.wait(0.15):  # states that follow too soon are not shown
            watch(CanaryState(1, 1, 3, 4.0))
        return done(chosen)

    return retry


STATE = "Canary: 1 of 3 finished, 1 job runs, 1 job waits, after 4s"


def test_a_canary_is_followed_live_in_its_dialog() -> None:
    seen = threading.Event()

    async def script(driver: Driver) -> None:
        await retry_with_canary(driver)
        await driver.until(STATE)
        assert isinstance(driver.app.screen, ProgressDialog)
        (bar,) = driver.app.screen.query(ProgressBar)
        assert (bar.progress, bar.total) == (1, 3)
        assert "--canary 3" in driver.text
        seen.set()
        await driver.until("queued again")
        assert not bar.display
        await driver.press("enter")
        await driver.until(lambda: not isinstance(driver.app.screen, ProgressDialog))
        assert "queued again" in driver.lines[-2]

    drive(MonitorOps(jobs__retry=watched(seen)), script, size=(140, 40))


def test_a_closed_dialog_leaves_the_canary_to_the_status_line() -> None:
    seen = threading.Event()

    async def script(driver: Driver) -> None:
        await retry_with_canary(driver)
        await driver.until(lambda: isinstance(driver.app.screen, ProgressDialog))
        await driver.press("escape")
        await driver.until(lambda: STATE in driver.lines[-2])
        seen.set()
        await driver.until("queued again")

    drive(MonitorOps(jobs__retry=watched(seen)), script, size=(140, 40))


def test_the_dialog_stops_the_canary() -> None:
    async def script(driver: Driver) -> None:
        await retry_with_canary(driver)
        await driver.until(STATE)
        await driver.press("x")
        await driver.until("not done: stopped: Canary: 1 of 3")

    drive(MonitorOps(jobs__retry=watched(threading.Event())), script, size=(140, 40))


def test_the_jobs_that_wait_for_a_job_are_drawn_in_its_pane() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("3")
        await driver.until("└─ child  deferred")

    drive(MonitorOps(), script, size=(200, 60))
