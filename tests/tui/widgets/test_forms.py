"""Forms: a new job of the catalog, and another payload for a job that is there."""

from __future__ import annotations

import json

import pytest
from textual.widgets import TextArea

from qctl.catalog.arguments import Argument
from qctl.catalog.specs import JobSpec
from qctl.errors import UsageError
from qctl.models import EditablePayload
from qctl.tui import actions
from qctl.tui.widgets import forms
from tui.driving import Driver, drive
from tui.fake import MonitorOps

HARM = "\x1b]0;owned\x07\u202e\x9b31m"


def test_a_new_job_is_enqueued_from_the_catalog_and_can_be_canceled() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("a")
        await driver.until("alert-email")
        await driver.type("welcome")
        await driver.until(lambda: "alert-email" not in driver.text)
        await driver.press("enter")
        await driver.until("userEmail (text, required):")
        await driver.until("userEmail is required")
        assert driver.app.focused is not None
        assert driver.app.focused.id != "cancel"
        assert driver.app.screen.query_one("#do").disabled
        await driver.type("ada")
        await driver.press("enter")
        await driver.type("Ada")
        await driver.press("enter")
        await driver.press("9", "0")
        await driver.until("has no unit")
        await driver.press("m")
        await driver.until("1 job of email will be created and run in 90m.")
        await driver.until("qctl job enqueue welcome-email userEmail=ada userName=Ada")
        await driver.until("--delay 90m")
        await driver.press("enter")
        await driver.until("welcome-email is job job-9   (U undoes it)")
        assert ops.calls_of("jobs__enqueue") == [
            (("welcome-email", {"userEmail": "ada", "userName": "Ada"}), {"delay": 5400.0})
        ]
        await driver.press("U")
        await driver.until("qctl job cancel job-9 --yes")
        await driver.press("escape")
        await driver.press("a")
        await driver.until("alert-email")
        await driver.press("escape")
        await driver.until("nothing was done")

    drive(ops, script, size=(80, 24))


def test_arguments_are_checked_by_the_catalog() -> None:
    taken = (Argument("n", "whole"), Argument("kind", choices=("a", "b")), Argument("o", "object"))
    spec = JobSpec("x", "m.x", "q", taken)
    with pytest.raises(UsageError, match=r"n is not JSON.*; kind is not one of a, b; o is required"):
        actions.enqueue(MonitorOps(), spec, {"n": "x", "kind": "c"})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"n is not a whole number"):
        actions.enqueue(MonitorOps(), spec, {"n": "1.5", "kind": "a", "o": "{}"})  # type: ignore[arg-type]


def test_a_dead_letter_is_edited_and_retried_and_its_payload_is_escaped() -> None:
    payload = {"function": "app.send", "args": [HARM, "é"], "kwargs": {}}
    job = EditablePayload("job-1", "email", "failed", json.dumps(payload, indent=2, ensure_ascii=False), b"...")
    ops = MonitorOps(jobs__editable=job)

    async def script(driver: Driver) -> None:
        await driver.press("4")
        await driver.until("Traceback: ...")
        await driver.press("tab", "e")
        await driver.until("the payload has not changed")
        assert not [c for c in driver.text if c != "\n" and (ord(c) < 32 or c in "\x7f\x9b\u202e")]
        area = driver.app.screen.query_one(TextArea)
        assert driver.app.focused is area
        assert json.loads(area.text) == payload
        area.text = "[1]"
        await driver.until("the payload must be a JSON object")
        area.text = '{"args": ["mended"]}'
        await driver.until("Edit job-1 and retry it")
        await driver.until("--revert` restores it")
        await driver.press("tab", "enter")
        await driver.until("job-1 was edited and is queued again")
        assert ops.calls_of("jobs__edit") == [((job, '{"args": ["mended"]}'), {})]
        assert len(ops.calls_of("jobs__retry")) == 1
        await driver.press("U")
        await driver.until("cannot be undone: Edit job-1 and retry it")

    drive(ops, script)


def test_visible_json_is_equal_json() -> None:
    for text in (HARM, "\U000e0001", "é ü 漢 \n", "\ud800"):
        written = json.dumps([text], ensure_ascii=False)
        assert json.loads(forms.visible_json(written)) == [text]
