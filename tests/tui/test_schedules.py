"""The Schedules screen: schedules apart from delayed jobs, the history of each, and acts on them."""

from __future__ import annotations

from qctl.tui.widgets.grid import Grid
from tui.driving import Driver, drive
from tui.fake import MonitorOps


def test_schedules_and_delayed_jobs_are_apart() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("5")
        await driver.until("Delayed jobs 1")
        page = driver.app._page
        rows = {grid.id: [row.name for row in grid.rows] for grid in page.query(Grid)}
        assert rows == {"schedules": ["nightly", "hourly", "legacy"], "delayed": ["job-7"]}

    drive(MonitorOps(), script)


def test_the_last_runs_are_marked_and_described() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("5")
        await driver.until("●●✖○●▲●")
        await driver.press("enter")
        await driver.until("last runs")
        for words in ("failed in 34s", "1 run missed: no scheduler ran", "before the last run had ended", "run time"):
            assert words in driver.text, words

    drive(MonitorOps(), script, size=(110, 50))


def test_the_next_run_is_skipped_with_a_key() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("5")
        await driver.until("nightly")
        await driver.press("n")
        await driver.until("qctl schedule skip nightly")
        await driver.press("left", "enter")
        await driver.until("run skipped")

    drive(ops, script)
    assert ops.calls_of("schedules__skip") == [(("nightly",), {})]


def test_a_paused_schedule_and_a_job_have_no_run_to_skip() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("5")
        await driver.until("hourly")
        await driver.press("down", "n")
        await driver.until("hourly has no next run: it is paused")
        await driver.press("tab", "n")
        await driver.until("job-7 is a job that runs at one time")

    drive(MonitorOps(), script)


def test_a_schedule_is_added_in_a_dialog() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("5")
        await driver.until("nightly")
        await driver.press("a")
        await driver.until("name the schedule and its job")
        await driver.type("mine")
        await driver.press("enter")
        await driver.type("stock-check")
        await driver.press("enter")
        await driver.until("give the times")
        await driver.type("boom")
        await driver.until("'boom' is not a duration")
        await driver.press(*["backspace"] * 4)
        await driver.type("5m")
        await driver.until("Next runs:")
        await driver.until("qctl schedule add mine stock-check --every 5m")
        await driver.press("enter")
        await driver.type("businessId=7")
        await driver.press(*["enter"] * 5)
        await driver.until("mine is added")

    drive(ops, script)
    ((arguments, options),) = ops.calls_of("schedules__add")
    assert arguments == ("mine", "stock-check", ["businessId=7"], None)
    assert (options["every"], options["cron"], options["overlap"]) == (300, None, "allow")


def test_a_schedule_is_changed_in_a_dialog() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("5")
        await driver.until("nightly")
        await driver.press("e")
        await driver.until("nothing has changed")
        await driver.until("Europe/Berlin")
        await driver.press("end", *["backspace"] * 11)
        await driver.type("5 4 * * *")
        await driver.until("qctl schedule edit nightly --cron '5 4 * * *'")
        await driver.press("tab", "tab", "end", *["backspace"] * 5)
        await driver.type("skip")
        await driver.until("--overlap skip")
        await driver.press("tab", "tab", "tab", "enter")
        await driver.until("nightly is changed")

    drive(ops, script)
    ((arguments, options),) = ops.calls_of("schedules__edit")
    assert arguments == ("nightly", (), None)
    assert options == {"cron": "5 4 * * *", "every": None, "timezone": "Europe/Berlin", "overlap": "skip"}
