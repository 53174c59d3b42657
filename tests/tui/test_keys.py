"""Effects of all keys, as help describes them."""

from __future__ import annotations

import pytest

from cli.fake_jobs import ROW
from qctl.models import Jobs, Selector
from qctl.tui.keys import KEYS
from tui.driving import Driver, drive
from tui.fake import MonitorOps

CASES: dict[str, tuple[str, str]] = {
    "mark": ("2 space", ">"),
    "pause": ("2 down p", "Pause report"),
    "fix": ("1 shift+tab f", "dlq list"),
    "retry": ("2 r", "2 jobs will run again"),
    "move": ("3 m", "Target queue:"),
    "run": ("5 r", "1 job of inventory will run now"),
    "quiet": ("6 Q", "same as: qctl worker resume w1"),
    "halt": ("6 S", "same as: qctl worker stop w1"),
    "scale": ("6 tab plus", "Size: 4, auto"),
    "skip": ("5 n", "qctl schedule skip nightly"),
    "add": ("5 a", "Job of the catalog, or an allowed function:"),
    "change": ("5 e", "Cron rule or interval:"),
    "edit": ("3 e", '"function": "app.send"'),
    "remove": ("5 D", "Type nightly to confirm:"),
    "kill": ("3 X", "job-1 is not running: it is failed"),
    "enqueue": ("2 a", "alert-email"),
    "logs": ("6 l", "journalctl _PID=42"),
    "copy": ("2 Y", "copied if the terminal allows it: email"),
    "export": ("2 w", "qctl-queues-"),
    "acknowledge": ("4 A", "leave the problems and the alerts"),
    "discard": ("4 D", "12 dead letters of the cause 0d9c5c1fb0a7 to the trash"),
    "clear": ("2 down C", "Type report to confirm:"),
    "cancel": ("3 c", "Cancel job-1"),
    "flow": ("3 F enter", "same as: qctl flow retry job-1"),
    "undo": ("2 U", "nothing to undo"),
    "stop": ("2 x", "no action is running"),
    "filter": ("2 slash s e n s o r enter", "filter: sensor"),
    "sort": ("2 s s", "WAITING▾"),
    "invert": ("2 s s i", "WAITING▴"),
    "next": ("8 n", "the last 24 h"),
    "back": ("8 n b", "the last 1 h"),
    "json": ("2 y", '"name": "email"'),
    "freeze": ("2 z", "= frozen"),
    "command": ("2 colon s t a t s enter", "said: stats"),
    "context": ("2 g", "no contexts: write"),
    "theme": ("2 t down enter", "theme: textual-light"),
    "help": ("2 question_mark", "Pause or resume the queue or the schedule."),
    "quit": ("2 q", ""),
}


FILLED = {
    "1": "quarantine",
    "2": "sensor-data",
    "3": "job-1",
    "4": "Traceback: ...",
    "5": "nightly",
    "6": "w1",
    "8": "the last 1 h",
}
"""A text that shows when a page is filled."""


def test_every_key_has_a_case() -> None:
    assert set(CASES) == {key.verb for key in KEYS}
    assert len({key.verb for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize("verb", CASES)
def test_a_key_has_its_effect(verb: str) -> None:
    keys, shown = CASES[verb]

    async def script(driver: Driver) -> None:
        first, *rest = keys.split()
        await driver.press(first)
        await driver.until(FILLED[first])
        for key in rest:
            await driver.press(key)
        if verb == "quit":
            await driver.until(lambda: driver.app._exit)
        else:
            await driver.until(shown)
        if verb == "mark":
            assert [line[1:3] for line in driver.lines[4:7]] == [" ✓", "> ", "  "]
        if verb == "filter":
            assert "report" not in driver.text

    drive(MonitorOps(), script, run=lambda line: f"said: {line}")


@pytest.mark.parametrize(
    ("digit", "shown"),
    [
        ("1", "Last events"),
        ("2", "[2 Queues]"),
        ("3", "app.send"),
        ("4", "Traceback: ..."),
        ("5", "nightly"),
        ("6", "obeys"),
        ("7", "readings"),
        ("8", "jobs per second"),
        ("9", "finished"),
    ],
)
def test_digits_show_pages_and_escape_goes_back(digit: str, shown: str) -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6" if digit != "6" else "2", digit)
        await driver.until(shown)
        await driver.press("escape")
        await driver.until("[6 Workers]" if digit != "6" else "[2 Queues]")

    drive(MonitorOps(), script, size=(140, 40))


def test_enter_leads_from_the_overview_to_a_queue_and_its_numbers() -> None:
    async def script(driver: Driver) -> None:
        await driver.until("quarantine")
        titles = next(number for number, line in enumerate(driver.lines) if "QUEUE  " in line and "WAITING" in line)
        assert driver.lines[titles + 1].startswith("│> ■  email")  # held, so it is the worst
        await driver.press("down", "enter")
        await driver.until("[2 Queues]")
        await driver.until("> ●  report")
        await driver.press("enter")
        await driver.until("waiting jobs by name")
        await driver.press("escape", "escape")
        await driver.until("[1 Overview]")
        await driver.press("shift+tab", "enter")
        await driver.until("[4 Dead letters]")

    drive(MonitorOps(), script)


def test_a_key_without_effect_on_a_page_says_so() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("6", "C")
        await driver.until("this key does nothing on this screen")

    drive(MonitorOps(), script)


def test_escape_clears_the_filter_before_it_goes_back() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("2", "slash")
        await driver.type("!report")
        await driver.press("enter")
        await driver.until(lambda: "report" not in "".join(driver.lines[3:8]) and "sensor" in driver.text)
        await driver.press("escape")
        await driver.until("report")
        assert "[2 Queues]" in driver.text

    drive(MonitorOps(), script)


def test_jobs_are_searched_by_a_condition_until_escape() -> None:
    selectors: list[Selector] = []

    def listed(selector: Selector, **_: int) -> Jobs:
        selectors.append(selector)
        return Jobs([ROW], 1, 1, 1)

    async def script(driver: Driver) -> None:
        await driver.press("3")
        await driver.until("job-1")
        await driver.press("slash")
        await driver.type("sta")
        await driver.until("state")
        await driver.press("escape", "slash")
        await driver.type("state=")
        await driver.press("enter")
        await driver.until("expected a value")
        await driver.press("slash")
        await driver.type("state=failed")
        await driver.press("enter")
        await driver.until("where state=failed")
        assert selectors[-1].states == ("failed",)
        await driver.press("escape")
        await driver.until(lambda: selectors[-1].where is None and "where" not in driver.text)

    drive(MonitorOps(jobs__list=listed), script)


def test_the_palette_has_pages_and_keys() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await driver.press("ctrl+p")
        await driver.type("metrics")
        await driver.until("screen 8")
        await driver.press("enter")
        await driver.until("the last 1 h")

    drive(MonitorOps(), script)


def test_typed_text_is_completed() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await driver.press("colon")
        await driver.type("sta")
        await driver.until("stats")
        await driver.press("right", "enter")
        await driver.until("said: stats")
        await driver.press("escape")
        await driver.until("> ■  email")
        await driver.press("slash")
        await driver.type("RE")
        await driver.until("REport")
        await driver.press("right", "enter")
        await driver.until("filter: report")

    drive(MonitorOps(), script, run=lambda line: f"said: {line}", complete=lambda _: "stats")
