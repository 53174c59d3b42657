"""Status lines while an action runs: its progress, and the state of its canary."""

from __future__ import annotations

import threading
from typing import Any

from cli.fake_jobs import done
from qctl.models import CanaryState, Selection
from tui.driving import Driver, drive
from tui.fake import MonitorOps


def test_a_canary_is_followed_live() -> None:
    seen = threading.Event()

    def retry(chosen: Selection, *, watch: Any, **_: Any) -> Any:
        while not seen.wait(0.15):  # states that follow too soon are not shown
            watch(CanaryState(1, 1, 3, 4.0))
        return done(chosen)

    async def script(driver: Driver) -> None:
        await driver.press("4")
        await driver.until("Traceback: ...")
        await driver.press("r")
        await driver.until("Canary:")
        await driver.type("3")
        await driver.press("enter", "enter")
        await driver.until("Canary: 1 of 3 finished, 1 job runs, 1 job waits, after 4s")
        seen.set()
        await driver.until("queued again")

    drive(MonitorOps(jobs__retry=retry), script, size=(140, 40))


def test_the_jobs_that_wait_for_a_job_are_drawn_in_its_pane() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("3")
        await driver.until("└─ child  deferred")

    drive(MonitorOps(), script, size=(200, 60))
