"""The Audit screen: who did what, with which outcome."""

from __future__ import annotations

from datetime import timedelta

from cli.fake import NOW
from qctl.models import AuditEntry
from tui.driving import Driver, drive
from tui.fake import MonitorOps

ENTRIES = [
    AuditEntry(NOW - timedelta(hours=1), "ann@host", "qctl pause", "qctl pause email", "done", via="tui"),
    AuditEntry(NOW, "ops@host", "qctl retry", "qctl retry --all", "partial", "2 jobs failed", 4.0, "cli", count=1204),
]


def test_changes_are_listed_newest_first_and_filtered() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("L")
        await driver.until("qctl pause email")
        lines = [line for line in driver.lines if "@host" in line]
        assert ["ops@host" in line for line in lines] == [True, False]
        assert "partial" in lines[0]
        assert "1204" in lines[0]
        await driver.press("slash", "a", "n", "n", "enter")
        await driver.until(lambda: "ops@host" not in driver.text)
        assert "ann@host" in driver.text

    drive(MonitorOps(audit__list=ENTRIES), script)


def test_enter_shows_a_change_in_full() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("L")
        await driver.until("qctl retry --all")
        await driver.press("enter")
        await driver.until("problem   2 jobs failed")

    drive(MonitorOps(audit__list=ENTRIES), script, size=(80, 24))


def test_the_empty_audit_says_what_would_be_there() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("L")
        await driver.until("what operators do is listed here")

    drive(MonitorOps(audit__list=[]), script)
