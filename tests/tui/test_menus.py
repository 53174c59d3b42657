"""A right click on a row opens a menu of its acts, which are those of the keys."""

from __future__ import annotations

from qctl.tui.keys import row_keys
from qctl.tui.widgets.choice_dialog import ChoiceDialog
from tui.driving import Driver, drive
from tui.fake import MonitorOps


async def right_click(driver: Driver, line: str) -> None:
    """Right-click the line that holds a text."""
    y = next(number for number, text in enumerate(driver.lines) if line in text)
    await driver._pilot.click(offset=(6, y), button=3)
    await driver.until(lambda: isinstance(driver.app.screen, ChoiceDialog))


def test_the_menu_acts_on_the_row_that_was_clicked() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await right_click(driver, "report")
        await driver.until("pause/resume")
        await driver.press("enter")
        await driver.until("Pause report")

    drive(MonitorOps(), script)


def test_the_menu_has_the_acts_of_the_keys_and_closes_without_one() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("4")
        await driver.until("Traceback: ...")
        await right_click(driver, "no such host *")
        for label in ("retry", "to trash", "move", "edit", "JSON", "copy id"):
            assert label in driver.text, label
        assert "filter" not in [key.label for key in row_keys(driver.app._page)]
        await driver.press("escape")
        await driver.until(lambda: len(driver.app.screen_stack) == 1)

    drive(MonitorOps(), script, size=(160, 40))


def test_a_menu_at_the_edge_stays_on_the_screen() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        y = next(number for number, text in enumerate(driver.lines) if "sensor-data" in text)
        await driver._pilot.click(offset=(75, y), button=3)
        await driver.until("JSON")
        region = driver.app.screen.query_one("OptionList").region
        assert region.right <= 80
        assert region.bottom <= 24

    drive(MonitorOps(), script, size=(80, 24))


def test_a_click_beside_a_menu_closes_it() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await right_click(driver, "report")
        await driver._pilot.click(offset=(90, 1))
        await driver.until(lambda: len(driver.app.screen_stack) == 1)

    drive(MonitorOps(), script)
