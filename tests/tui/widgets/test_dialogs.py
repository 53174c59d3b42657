"""Actions: consequence, equal command line, a dialog with Cancel focused, and the effect."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from cli.fake import FakeOps
from cli.fake_jobs import BEFORE
from cli.fake_operating import POOL, TIMER
from qctl import catalog
from qctl.catalog import arguments
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.errors import JobFailedError, RefusedError
from qctl.models import BulkResult, EditablePayload, Selector
from qctl.tui import actions
from tui.driving import Driver, drive
from tui.fake import BATCH, MonitorOps

FAKE: Any = MonitorOps()
WORKER = FAKE.workers.list()[0]
EDITABLE = EditablePayload("job-1", "email", "failed", BEFORE, b"...")
SOME = Selector(ids=("job-1", "job-2"))

ACTIONS = {
    "pause": actions.pause(FAKE, "email", 4, "a 'deploy'", "30m"),
    "pause for ever": actions.pause(FAKE, "email", 4),
    "resume": actions.resume(FAKE, "email", 4),
    "clear": actions.clear(FAKE, "email", 4),
    "restore": actions.restore(FAKE, BATCH, 4),
    "retry": actions.retry(FAKE, SOME, 2),
    "retry a queue": actions.retry(FAKE, Selector(queue="email"), 2),
    "retry a cause": actions.retry(FAKE, Selector(fingerprint="0d9c5c1fb0a7"), 12),
    "discard": actions.discard(FAKE, SOME, 2),
    "delete": actions.discard(FAKE, SOME, 2, verb="delete"),
    "cancel": actions.cancel(FAKE, SOME, 2),
    "move": actions.move(FAKE, SOME, 2, "other"),
    "move a queue": actions.move(FAKE, Selector(queue="email", states=("queued",)), 4, "other"),
    "retry with a canary": actions.retry(FAKE, Selector(queue="email"), 2, "1", "10/s"),
    "quiet worker": actions.quiet_worker(FAKE, WORKER),
    "resume worker": actions.resume_worker(FAKE, WORKER),
    "stop worker": actions.stop_worker(FAKE, WORKER),
    "scale a pool": actions.scale_pool(FAKE, POOL, "1..4"),
    "scale a pool back": actions.scale_pool(FAKE, POOL, "default"),
    "edit": actions.edit(FAKE, EDITABLE, '{"args": [1]}', retry=False),
    "edit and retry": actions.edit(FAKE, EDITABLE, '{"args": ["it\'s"]}', retry=True),
    "edit back": actions.restore_payload(FAKE, EDITABLE),
    "stop": actions.stop(FAKE, "job-1", "email"),
    "enqueue": actions.enqueue(FAKE, catalog.JOBS["welcome-email"], {"userEmail": "a@b.c", "userName": "7"}),
    "enqueue later": actions.enqueue(FAKE, catalog.JOBS["stock-check"], {actions.DELAY: "10m"}),
    "pause schedule": actions.pause_schedule(FAKE, TIMER),
    "resume schedule": actions.resume_schedule(FAKE, TIMER),
    "run schedule": actions.run_schedule(FAKE, TIMER),
    "remove schedule": actions.remove_schedule(FAKE, TIMER),
}


def payload_of(call: tuple[tuple[Any, ...], dict[str, Any]]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The job, payload and options of a call of `enqueue`: the command line gives arguments as `name=value`."""
    (name, data, *pairs), options = call
    specification = catalog.JOBS[name]
    return name, {**data, **arguments.parse(name, specification.arguments, pairs[0] if pairs else ())}, options


@pytest.mark.parametrize("name", ACTIONS)
def test_the_command_line_of_an_action_does_the_same(name: str) -> None:
    act, ops = ACTIONS[name], FakeOps()
    code = run(shlex.split(act.command_line)[1:], Session(ops))  # type: ignore[arg-type]
    by_line = {called for called, *_ in ops.calls}
    FAKE.calls.clear()
    act.run(lambda _done, _total: None)
    assert code == 0
    assert {called for called, *_ in FAKE.calls} <= by_line
    assert FAKE.calls_of("jobs__edit") in ([], ops.calls_of("jobs__edit"))
    assert [payload_of(call) for call in FAKE.calls_of("jobs__enqueue")] in (
        [],
        [payload_of(call) for call in ops.calls_of("jobs__enqueue")],
    )
    assert act.command == ops.noted[0][1][0]


DIALOGS: dict[str, tuple[str, str, str, str]] = {
    "pause": ("2 down p", "1204 waiting jobs of report will not start", "qctl pause report", "queues__pause"),
    "resume": ("2 p", "4 waiting jobs of email can start", "qctl resume email", "queues__resume"),
    "retry a queue": ("2 r", "2 jobs will run again", "qctl retry --queue email --yes", "jobs__retry"),
    "retry a cause": ("4 r", "12 jobs will run again", "qctl retry --fingerprint 0d9c5c1fb0a7", "jobs__retry"),
    "retry one": ("4 tab r", "1 job will run again", "qctl retry job-1 --yes", "jobs__retry"),
    "retry marked": ("4 tab space space r", "2 jobs will run again", "qctl retry job-1 job-2 --yes", "jobs__retry"),
    "discard": ("4 tab D", "1 job will move to the trash", "qctl dlq discard job-1 --yes", "jobs__delete"),
    "stop": ("3 down X", "become a dead letter", "qctl job stop job-2", "jobs__stop"),
    "pause schedule": ("5 p", "1 schedule (At 03:00", "qctl schedule pause nightly", "schedules__pause"),
    "resume schedule": ("5 down p", "will run again", "qctl schedule resume hourly", "schedules__resume"),
    "run schedule": ("5 r", "in addition to its times", "qctl schedule run nightly", "schedules__run"),
    "remove a job": ("5 tab D", "1 job of email will be canceled", "qctl schedule remove job-7", "schedules__remove"),
    "delete": ("3 D", "1 job will move to the trash", "qctl job delete job-1 --yes", "jobs__delete"),
    "cancel": ("3 c", "1 job will not run", "qctl job cancel job-1 --yes", "jobs__cancel"),
}
WITH_FIELDS = ("pause", "retry a queue", "retry a cause", "retry marked")
"""Dialogs that begin at their first field; the others begin at Cancel."""

FILLED = {"2": "sensor-data", "3": "job-1", "4": "Traceback: ...", "5": "nightly"}


@pytest.mark.parametrize("name", DIALOGS)
def test_a_dialog_shows_the_consequence_and_acts_only_when_confirmed(name: str) -> None:
    keys, consequence, line, operation = DIALOGS[name]
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        first, *rest = keys.split()
        await driver.press(first)
        await driver.until(FILLED[first])
        await driver.press(*rest)
        await driver.until(consequence)
        await driver.until(f"same as: {line}")
        assert driver.app.focused is not None
        has_fields = name in WITH_FIELDS
        assert (driver.app.focused.id == "cancel") != has_fields
        await driver.press("escape" if has_fields else "enter")
        await driver.until("nothing was done")
        assert not ops.calls_of(operation)
        await driver.press(rest[-1], *(["enter", "enter"] if has_fields else ["left", "enter"]))
        await driver.until("done: ")
        assert len(ops.calls_of(operation)) == 1
        assert ops.noted[0][2]["via"] == "tui"
        assert ops.noted[0][1][1].startswith(line)
        assert ops.noted[0][2]["outcome"] == "done"

    drive(ops, script)


def test_a_pause_takes_a_reason_and_a_valid_duration() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await driver.press("down", "p")
        await driver.until("Reason")
        await driver.type("new release")
        await driver.press("enter")
        await driver.type("30")
        await driver.until("has no unit")
        await driver.type("m")
        await driver.until("The pause ends after 30m")
        await driver.until("qctl pause report '--reason=new release' --for 30m")
        await driver.press("enter")
        await driver.until("done: report is paused")
        assert ops.calls_of("queues__pause") == [(("report",), {"reason": "new release", "seconds": 1800.0})]
        await driver.press("U")
        await driver.until("Resume report")
        await driver.press("left", "enter")
        await driver.until("report is resumed")
        assert ops.calls_of("queues__resume") == [(("report",), {})]

    drive(ops, script)


def test_clearing_requires_the_name_and_can_be_undone() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await driver.press("down", "C")
        await driver.until("Type report to confirm:")
        await driver.press("tab")
        await driver.type("repor")
        assert driver.app.screen.query_one("#do").disabled
        await driver.type("t")
        await driver.until(lambda: not driver.app.screen.query_one("#do").disabled)
        await driver.press("enter")
        await driver.until("1204 jobs of report moved to the trash   (U undoes it)")
        await driver.press("U")
        await driver.until(f"qctl trash restore {BATCH}")
        await driver.press("left", "enter")
        await driver.until("4 jobs of email restored")

    drive(ops, script)


def test_moving_asks_for_the_target() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("3")
        await driver.until("job-1")
        await driver.press("m")
        await driver.until("Target queue:")
        await driver.type("other")
        await driver.until("--to other")
        await driver.press("enter")
        await driver.until("1 job moved to other")
        assert ops.calls_of("jobs__move")[0][1]["target"] == "other"

    drive(ops, script)


def test_an_action_shows_progress_and_can_be_stopped() -> None:
    ops = MonitorOps()

    def slow(name: str, progress: Callable[[int, int], None]) -> None:
        done = 0
        while True:
            done += 1
            progress(done, 5000)

    ops.queues.clear = slow

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await driver.press("down", "C", "tab")
        await driver.type("report")
        await driver.press("enter")
        await driver.until("of 5000   (x stops it)")
        await driver.press("x")
        await driver.until("not done: stopped after")
        assert ops.noted[0][2]["outcome"] == "interrupted"

    drive(ops, script)


def test_a_retry_takes_a_canary_and_a_rate() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await driver.press("r")
        await driver.until("Canary")
        await driver.type("x")
        await driver.until("is not a number of jobs")
        await driver.press("backspace", "1", "enter")
        await driver.type("5/h")
        await driver.until("only if the first 1 succeeds.")
        await driver.until("qctl retry --queue email --canary 1 --rate 5/h --yes")
        await driver.press("enter")
        await driver.until("done: ")
        options = ops.calls_of("jobs__retry")[0][1]
        assert (options["first"], options["rate"]) == (1, 5 / 3600)

    drive(ops, script)


def test_a_failed_canary_is_told() -> None:
    halted = JobFailedError("canary job job-1 failed again: the other 11 jobs were not retried")
    ops = MonitorOps(jobs__retry=BulkResult(1, 0, [], ["email"], halted=halted))

    async def script(driver: Driver) -> None:
        await driver.press("4")
        await driver.until("Traceback: ...")
        await driver.press("r")
        await driver.until("Canary")
        await driver.press("1", "enter", "enter")
        await driver.until("done in part: 1 job queued again; canary job job-1 failed again: the other 11 jobs")

    drive(ops, script, size=(120, 30))


def test_a_worker_is_quieted_and_stopped() -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        await driver.press("6")
        await driver.until("w1")
        await driver.press("Q")
        await driver.until("same as: qctl worker resume w1")
        await driver.press("left", "enter")
        await driver.until("done: ")
        assert ops.calls_of("workers__resume")
        await driver.press("S")
        await driver.until("same as: qctl worker stop w1")
        await driver.press("left", "enter")
        await driver.until(lambda: ops.calls_of("workers__stop"))

    drive(ops, script)


def test_a_refusal_is_shown_with_its_reason() -> None:
    ops = MonitorOps(queues__resume=RefusedError("Redis does not let this user do that"))

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        await driver.press("p", "left", "enter")
        await driver.until("not done: Redis does not let this user do that")
        assert ops.noted[0][2]["outcome"] == "refused"

    drive(ops, script)


@pytest.mark.parametrize("keys", ["2 p", "2 down C", "2 r", "2 a", "3 D", "3 c", "3 e", "3 m", "4 r", "4 D", "5 r"])
def test_read_only_refuses_every_action(keys: str) -> None:
    ops = MonitorOps()

    async def script(driver: Driver) -> None:
        first, *rest = keys.split()
        await driver.press(first)
        await driver.until(FILLED[first])
        await driver.press(*rest)
        await driver.until("refused: qctl is read-only by --read-only")
        assert "read-only" in driver.lines[0]

    drive(ops, script, read_only="qctl is read-only by --read-only")
