"""Links from numbers to rows, and ways out of the monitor: files, the clipboard, logs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from cli.fake import NOW
from qctl.models import Finding, Health
from tui.driving import Driver, drive
from tui.fake import MonitorOps


def test_every_number_of_the_overview_leads_to_the_rows_it_counts() -> None:
    ops = MonitorOps()

    def last_selector() -> Any:
        return ops.calls_of("jobs__list")[-1][0][0]

    async def script(driver: Driver) -> None:
        await driver.until("quarantine")
        await driver.press("right", "enter")
        await driver.until("only email queued")
        await driver.until(lambda: ops.calls_of("jobs__list"))
        assert (last_selector().queue, last_selector().states) == ("email", ("queued",))
        await driver.press("escape")
        await driver.until("[1 Overview]")
        await driver.press("right", "right", "right", "enter")
        await driver.until("[4 Dead letters]")
        await driver.until("only email")
        await driver.until(lambda: (("email",), {}) in ops.calls_of("dead_letters__groups"))
        await driver.press("4")
        await driver.until(lambda: "only email" not in driver.lines[0])
        await driver.press("1", "left", "enter")  # what was chosen last is still chosen: one before that
        await driver.until("only email scheduled")
        await driver.press("2")
        await driver.until("[2 Queues]")
        await driver.press("left", "enter")
        await driver.until("[6 Workers]")
        await driver.until(lambda: ops.calls_of("workers__list")[-1] == (("email",), {}))

    drive(ops, script, size=(240, 40))


def test_the_tiles_lead_to_the_pages_with_more() -> None:
    async def script(driver: Driver) -> None:
        for title, shown in (("Errors", "[4 Dead letters]"), ("Oldest", "[2 Queues]"), ("In ", "[8 Metrics]")):
            await driver.press("1")
            await driver.until("quarantine")
            await driver._pilot.click(offset=(driver.lines[2].index(title) + 1, 3))
            await driver.until(shown)

    drive(MonitorOps(), script, size=(120, 40))


def test_a_problem_offers_the_command_that_mends_it() -> None:
    async def script(driver: Driver) -> None:
        await driver.until("quarantine")
        await driver.press("f")
        await driver.until("choose a problem first")
        await driver.press("shift+tab", "f")
        await driver.until("dlq list")
        await driver.press("enter")
        await driver.until("said: dlq list")

    drive(MonitorOps(), script, run=lambda line: f"said: {line}")


def test_a_paused_queue_is_resumed_from_the_problems() -> None:
    paused = Finding("paused", "ok", "queue email is paused", "qctl resume email", "email", NOW, "notice")
    ops = MonitorOps(health__check=Health("ok", [paused, Finding("redis", "ok", "Redis answers")]))

    async def script(driver: Driver) -> None:
        await driver.until("queue email is paused")
        await driver.until("1 check ok")
        await driver.press("shift+tab", "f")
        await driver.until("Resume email")
        await driver.press("escape", "p")
        await driver.until("Resume email")
        await driver.press("escape", "enter")
        await driver.until("> ■  email")
        await driver.until("[2 Queues]")

    drive(ops, script)


def test_no_problem_is_one_line() -> None:
    ops = MonitorOps(health__check=Health("ok", [Finding("redis", "ok", "Redis answers")]))

    async def script(driver: Driver) -> None:
        await driver.until("none: 1 check ok")
        assert sum("Problems" in line for line in driver.lines) == 1
        first = next(number for number, line in enumerate(driver.lines) if "Problems" in line)
        assert "Queues by trouble" in driver.lines[first + 3]

    drive(ops, script, size=(120, 40))


def test_numbers_of_a_pipeline_lead_to_its_batches_and_rejects() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("7")
        await driver.until("InfluxDB does not answer")
        await driver.press("enter")
        await driver.until("qctl resume sensor-data")
        await driver.until("SESSIONS LOST")
        await driver.press("escape", "right", "enter")
        await driver.until("only sensor-data queued")
        await driver.press("7", "right", "enter")
        await driver.until("[4 Dead letters]")
        await driver.until("only sensor-data")

    drive(ops, script, size=(160, 40))


def test_a_click_opens_a_number_or_sorts_by_a_title() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        at = driver.lines[3].index("DEAD")
        await driver._pilot.click(offset=(at + 2, 3))
        await driver.until("DEAD▾")
        await driver._pilot.click(offset=(at + 2, 3))
        await driver.until("DEAD▴")
        await driver._pilot.click(offset=(driver.lines[3].index("WAITING") + 2, 4), times=2)
        await driver.until("[3 Jobs]")
        await driver.until("queued")

    drive(ops, script)


def test_export_writes_the_visible_rows_to_a_new_file(tmp_path: Path) -> None:
    async def script(driver: Driver) -> None:
        await driver.press("2", "slash")
        await driver.until("sensor-data")
        await driver.type("e")
        await driver.press("enter")
        for name, shown in (
            ("out.csv", "3 rows written to"),
            ("out.csv", "is not overwritten"),
            ("o.json", "3 rows"),
        ):
            await driver.press("w", "ctrl+u")
            driver.app.query_one("#prompt").value = str(tmp_path / name)  # type: ignore[attr-defined]
            await driver.press("enter")
            await driver.until(shown)
        await driver.press("w", "escape")

    drive(MonitorOps(), script, size=(200, 24))
    rows = list(csv.reader((tmp_path / "out.csv").read_text().splitlines()))
    assert rows[0][:3] == ["QUEUE", "WAITING", "RUNNING"]
    assert [row[:2] for row in rows[1:]] == [["email", "4"], ["report", "1204"], ["sensor-data", "0"]]
    assert [row["name"] for row in json.loads((tmp_path / "o.json").read_text())] == ["email", "report", "sensor-data"]


def test_ids_are_copied_and_logs_name_the_command_to_run() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("3")
        await driver.until("job-2")
        await driver.press("space", "space", "Y")
        await driver.until("copied if the terminal allows it: job-1")
        assert driver.app.clipboard == "job-1\njob-2"
        await driver.press("l")
        await driver.until("journalctl -u 'qctl-*' --since today | grep trace-1")
        assert "no such host" in driver.text
        await driver.press("escape", "5")
        await driver.until("nightly")
        await driver.press("enter")
        await driver.until("next runs")

    drive(MonitorOps(), script)
