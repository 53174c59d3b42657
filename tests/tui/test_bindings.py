"""Every key that a widget of the monitor is bound to is pressed here, and every key of every page works.

What the keys of the list in `keys.py` do is in test_keys.py and test_dialogs.py. A new binding fails here until it has
a case.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.widgets import Static

from cli.fake import stats_of
from qctl import tui
from qctl.models import QueueStats
from qctl.tui import keys
from qctl.tui.keys import KEYS
from qctl.tui.pages import PAGES
from qctl.tui.replay.recording import Recording
from qctl.tui.replay.replay_app import ReplayMonitor
from qctl.tui.widgets.progress_dialog import ProgressDialog
from qctl.tui.widgets.prompt import Prompt
from tui.driving import Driver, drive
from tui.fake import MonitorOps
from tui.replay.test_recorder import stats_at, written
from tui.test_running_actions import STATE, retry_with_canary, watched

STOPPED = "not done: stopped: Canary: 1 of 3"

CASES: dict[tuple[str, str], tuple[str, str]] = {
    ("Monitor", "escape"): ("3 escape", "[2 Queues]"),
    ("Monitor", "0"): ("0", "no contexts"),
    ("Monitor", "tab"): ("1 =quarantine tab tab enter", "[4 Dead letters]"),
    ("Grid", "up"): ("down up", "> ○  q000"),
    ("Grid", "k"): ("down k", "> ○  q000"),
    ("Grid", "down"): ("down", "> ○  q001"),
    ("Grid", "j"): ("j", "> ○  q001"),
    ("Grid", "pagedown"): ("pagedown pagedown", "> ○  q044"),
    ("Grid", "pageup"): ("end pageup", "> ○  q077"),
    ("Grid", "home"): ("end home", "> ○  q000"),
    ("Grid", "end"): ("end", "> ○  q099"),
    ("Grid", "G"): ("G", "> ○  q099"),
    ("Grid", "right"): ("right enter", "only q000 queued"),
    ("Grid", "left"): ("left enter", "[6 Workers]"),
    ("Grid", "enter"): ("enter", "waiting jobs by name"),
    ("ActionDialog", "escape"): ("p escape", "nothing was done"),
    ("ActionDialog", "left"): ("p tab tab tab left enter", "done: q000 is paused"),
    ("ActionDialog", "up"): ("p tab tab tab up enter", "done: q000 is paused"),
    ("ActionDialog", "right"): ("p tab tab right enter", "nothing was done"),
    ("ActionDialog", "down"): ("p tab tab down enter", "nothing was done"),
    ("TextWindow", "escape"): ("y escape", "> ○  q000"),
    ("TextWindow", "q"): ("y q", "> ○  q000"),
    ("TextWindow", "enter"): ("y enter", "> ○  q000"),
    ("TextWindow", "y"): ("question_mark y", ""),
    ("ProgressDialog", "escape"): ("escape", ""),
    ("ProgressDialog", "q"): ("q", ""),
    ("ProgressDialog", "x"): ("x", STOPPED),
    ("ProgressDialog", "left"): ("left enter", STOPPED),
    ("ProgressDialog", "right"): ("right enter", STOPPED),
    ("NewJobDialog", "escape"): ("a =alert-email escape", "nothing was done"),
    ("NewJobDialog", "down"): ("a =alert-email down enter", "Enqueue bulk-update"),
    ("NewJobDialog", "up"): ("a =alert-email down down up enter", "Enqueue bulk-update"),
    ("ChoiceDialog", "escape"): ("t =monokai escape", "> ○  q000"),
    ("Prompt", "escape"): ("slash q 9 escape", "> ○  q000"),
    ("ReplayMonitor", "left"): ("shift+right left", " 50 "),
    ("ReplayMonitor", "right"): ("right", " 10 "),
    ("ReplayMonitor", "shift+left"): ("shift+right shift+right shift+left", " 60 "),
    ("ReplayMonitor", "shift+right"): ("shift+right", " 60 "),
    ("ReplayMonitor", "less_than_sign"): ("full_stop less_than_sign full_stop", " 0.5x "),
    ("ReplayMonitor", "greater_than_sign"): ("full_stop greater_than_sign full_stop", " 2x "),
    ("ReplayMonitor", "full_stop"): ("full_stop", " paused "),
}
"""Keys to press, with `=text` to wait for a text first, and the text that is shown then."""

OTHER_TESTS = ("ReplayMonitor", "ProgressDialog")
"""Classes whose keys are pressed by a test of their own."""


def bindings_of_classes() -> set[tuple[str, str]]:
    """Class and key of every binding of qctl's."""
    pairs = set()
    for module in pkgutil.walk_packages(tui.__path__, "qctl.tui."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and value.__module__ == module.name:
                bindings: list[Any] = vars(value).get("BINDINGS", [])
                keys = [binding.key if isinstance(binding, Binding) else binding[0] for binding in bindings]
                pairs |= {(value.__name__, key.strip()) for names in keys for key in names.split(",")}
    return pairs


def test_every_binding_has_a_case() -> None:
    elsewhere = {("Monitor", key) for key in (*(key.key for key in KEYS), *(page.digit for page in PAGES))}
    assert bindings_of_classes() - elsewhere == set(CASES)
    assert [case for case, (keys, _) in CASES.items() if case[1] not in keys.split()] == []


def many() -> MonitorOps:
    """More queues than fit on a screen."""
    return MonitorOps(stats__read=stats_of(*(QueueStats(f"q{number:03}") for number in range(100))))


@pytest.mark.parametrize("case", [case for case in CASES if case[0] not in OTHER_TESTS], ids="-".join)
def test_a_binding_has_its_effect(case: tuple[str, str]) -> None:
    keys, shown = CASES[case]

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("> ○  q000")
        windows = len(driver.app.screen_stack)
        for key in keys.split():
            await (driver.until(key[1:]) if key.startswith("=") else driver.press(key))
        await driver.until(shown)
        if case[0] in ("TextWindow", "Prompt") and shown == "> ○  q000":
            await driver.until(lambda: len(driver.app.screen_stack) == windows)
            assert driver.app.focused is driver.app._grid
        if case == ("TextWindow", "y"):
            await driver.until(lambda: driver.app.clipboard.startswith("Screens"))

    drive(many(), script)


@pytest.mark.parametrize("case", [case for case in CASES if case[0] == "ProgressDialog"], ids="-".join)
def test_a_key_closes_or_stops_a_running_action(case: tuple[str, str]) -> None:
    keys, shown = CASES[case]
    seen = threading.Event()

    async def script(driver: Driver) -> None:
        await retry_with_canary(driver)
        await driver.until(STATE)
        await driver.press(*keys.split())
        await driver.until(shown or (lambda: not isinstance(driver.app.screen, ProgressDialog)))
        seen.set()

    drive(MonitorOps(jobs__retry=watched(seen)), script, size=(140, 40))


@pytest.mark.parametrize("case", [case for case in CASES if case[0] == "ReplayMonitor"], ids="-".join)
def test_a_key_moves_through_a_recording(case: tuple[str, str], tmp_path: Path) -> None:
    keys, shown = CASES[case]
    lines = [stats_at(10.0 * step, 10 * step) for step in range(30)]

    async def play() -> None:
        with Recording(written(tmp_path / "seen.jsonl", *lines)) as recording:
            app = ReplayMonitor(recording)
            async with app.run_test(size=(120, 30)) as pilot:
                driver = Driver(app, pilot)
                await driver.press("2")
                await driver.until("> ■  email")
                await driver.press(*keys.split())
                await driver.until(shown)

    asyncio.run(play())


@pytest.mark.parametrize("filled", [True, False])
def test_every_key_of_every_page_works_with_and_without_rows(filled: bool) -> None:
    async def script(driver: Driver) -> None:
        app = driver.app
        for page in PAGES:
            app.go_to(page.digit)
            await driver.until(lambda: app._read_at is not None)
            here = {key.key for key in keys.available(app._page, app) if key.verb != "quit"}
            for key in sorted(here):
                app.show_status("")
                app.action_key(key)
                await asyncio.sleep(0.005)
                said = str(app.screen_stack[0].query_one("#status", Static).content)
                assert "this key does nothing" not in said, (page.digit, key)
                assert "internal error" not in said, (page.digit, key)
                while len(app.screen_stack) > 1:
                    app.pop_screen()
                app.query_one(Prompt).action_close()
                if key == "z":
                    app.action_key(key)

    drive(MonitorOps() if filled else empty(), script, run=str)


def empty() -> MonitorOps:
    """A deployment without any rows."""
    whole = MonitorOps()
    nothing: dict[str, Any] = {
        name: [] for name, answer in vars(whole)["_answers"].items() if isinstance(answer, list) and answer
    }
    return MonitorOps(**nothing, stats__read=stats_of())
