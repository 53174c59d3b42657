"""Actions that add a schedule, and that change one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from qctl import durations
from qctl.errors import UsageError
from qctl.models.schedules import CatchUp, Overlap
from qctl.tui.actions.action import Action, ActionResult
from qctl.view import local_time

if TYPE_CHECKING:
    from qctl.models import EditableSchedule, Progress, Timer
    from qctl.ops import Ops

CATCH_UPS: tuple[CatchUp, ...] = ("one", "skip", "all")
OVERLAPS: tuple[Overlap, ...] = ("allow", "skip", "one")

PREVIEWED_RUNS = 3
"""Next runs that a dialog shows."""


def add_schedule(ops: Ops, texts: Mapping[str, str]) -> Action:
    """Add a schedule from the texts `name`, `job`, `arguments`, `times`, `timezone`, `overlap`, `catch-up` and `queue`.
    Raises UsageError with the first problem."""
    name, job = texts["name"].strip(), texts["job"].strip()
    if not name or not job:
        raise UsageError("name the schedule and its job")
    rule, words = _times(texts)
    options, option_words = _policies(texts)
    pairs = _split(texts["arguments"])
    queue = texts["queue"].strip() or None

    def run(_: Progress) -> ActionResult:
        added = ops.schedules.add(name, job, pairs, None, **rule, **options, job_queue=queue)
        return ActionResult(f"{name} is added; next run {_local(added.next_at)}")

    line = ("schedule", "add", name, job, *pairs, *words, *option_words, *(("--queue", queue) if queue else ()))
    return Action(f"Add the schedule {name}", f"{_preview(ops, rule)} U does not undo this.", line, run)


def edit_schedule(ops: Ops, before: EditableSchedule, texts: Mapping[str, str]) -> Action:
    """Change what the texts `times`, `timezone`, `arguments` (JSON), `overlap` and `catch-up` say otherwise than the
    schedule. Raises UsageError with the first problem, or if nothing differs."""
    timer = before.timer
    changes: dict[str, Any] = {}
    words: list[str] = []
    if _squeezed(texts["times"]) != _squeezed(times_text(timer)) or texts["timezone"].strip() != timer.timezone:
        rule, words = _times(texts)
        changes |= rule
    arguments = _json(texts["arguments"])
    if arguments != before.arguments:
        changes["data"] = arguments
        words += ["--data", json.dumps(arguments)]
    options, _ = _policies(texts)
    for option, value in (("catch_up", timer.catch_up or "one"), ("overlap", timer.overlap or "allow")):
        if options[option] != value:
            changes[option] = options[option]
            words += [f"--{option.replace('_', '-')}", options[option]]
    if not changes:
        raise UsageError("nothing has changed")

    def run(_: Progress) -> ActionResult:
        edited = ops.schedules.edit(timer.name, (), changes.pop("data", None), **changes)
        return ActionResult(f"{timer.name} is changed; next run {_local(edited.next_at)}")

    consequence = "What is not changed stays. U does not undo this."
    if "cron" in changes or "every" in changes:
        consequence = f"{_preview(ops, changes)} {consequence}"
    return Action(f"Change {timer.name}", consequence, ("schedule", "edit", timer.name, *words), run)


def times_text(timer: Timer) -> str:
    """The times of a schedule as they are typed: a cron rule, or an interval in seconds."""
    return timer.cron or "".join(f"{seconds}s" for seconds in timer.every[:1])


def _times(texts: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Parse a cron rule or an interval, and a time zone. Returns arguments of an operation, and words of a command."""
    text, zone = _squeezed(texts["times"]), texts["timezone"].strip() or None
    zone_words = ["--timezone", zone] if zone else []
    if not text:
        raise UsageError("give the times: a cron rule like 0 3 * * *, or an interval like 30m")
    if len(text.split(" ")) == 5:
        return {"cron": text, "every": None, "timezone": zone}, ["--cron", text, *zone_words]
    interval = text.removeprefix("every ")
    seconds = round(durations.parse(interval, "the interval", min_seconds=1.0))
    return {"cron": None, "every": seconds, "timezone": zone}, ["--every", interval, *zone_words]


def _policies(texts: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    overlap, catch_up = texts["overlap"].strip() or "allow", texts["catch-up"].strip() or "one"
    if overlap not in OVERLAPS:
        raise UsageError(f"overlap: {overlap!r} is not one of {', '.join(OVERLAPS)}")
    if catch_up not in CATCH_UPS:
        raise UsageError(f"catch-up: {catch_up!r} is not one of {', '.join(CATCH_UPS)}")
    words = [*(["--overlap", overlap] if overlap != "allow" else [])]
    words += ["--catch-up", catch_up] if catch_up != "one" else []
    return {"overlap": overlap, "catch_up": catch_up}, words


def _preview(ops: Ops, rule: Mapping[str, Any]) -> str:
    """`Runs at 03:00, 2026-12-02 03:00, ...`. Raises UsageError for an invalid rule."""
    times = ops.schedules.preview(
        cron=rule["cron"], every=rule["every"], timezone=rule["timezone"], count=PREVIEWED_RUNS
    )
    return f"Next runs: {', '.join(map(_local, times))}."


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"arguments: {error}") from None


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"arguments: invalid JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError("arguments: not a JSON object")
    return value


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _local(when: datetime | None) -> str:
    return local_time(when, datetime.now(timezone.utc))
