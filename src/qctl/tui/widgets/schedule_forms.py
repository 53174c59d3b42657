"""Forms of schedules: a new one, and changes of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.models import EditableSchedule
from qctl.tui import actions
from qctl.tui.actions.edit_schedule import CATCH_UPS, OVERLAPS, times_text
from qctl.tui.widgets.dialogs import DialogField
from qctl.tui.widgets.forms import BuildAction, visible_json

if TYPE_CHECKING:
    from qctl.ops import Ops

ARGUMENT_LINES = 3
"""Visible lines of the arguments of a schedule; more scroll."""

TIMES_HINT = "0 3 * * *, or every 30m"


def new_schedule_form(
    ops: Ops, jobs: Sequence[str], queues: Sequence[str], timezone: str = ""
) -> tuple[BuildAction, list[DialogField]]:
    """The form of a new schedule. `jobs` and `queues` complete what is typed."""
    fields = [
        DialogField("name", "Name of the schedule:", "letters, digits, _ and -"),
        DialogField("job", "Job of the catalog, or an allowed function:", suggestions=tuple(jobs)),
        DialogField("times", "Cron rule or interval:", TIMES_HINT),
        DialogField("arguments", "Arguments:", "name=value name=value, optional"),
        DialogField("timezone", "Time zone:", "Europe/Berlin; empty: QCTL_TIMEZONE", timezone),
        *_policies("", ""),
        DialogField("queue", "Queue of a function:", "empty: that of the job", suggestions=tuple(queues)),
    ]
    return lambda texts: actions.add_schedule(ops, texts), fields


def edit_schedule_form(ops: Ops, schedule: EditableSchedule) -> tuple[BuildAction, list[DialogField]]:
    """The form of another rule, other arguments or policies for a schedule."""
    timer = schedule.timer
    fields = [
        DialogField("times", "Cron rule or interval:", TIMES_HINT, times_text(timer)),
        DialogField("timezone", "Time zone:", text=timer.timezone),
        *_policies(timer.overlap or "allow", timer.catch_up or "one"),
        DialogField(
            "arguments",
            "Arguments (JSON; Tab leaves the field):",
            text=visible_json(json.dumps(dict(schedule.arguments), indent=2, default=str)),
            lines=ARGUMENT_LINES,
        ),
    ]
    return lambda texts: actions.edit_schedule(ops, schedule, texts), fields


def _policies(overlap: str, catch_up: str) -> list[DialogField]:
    return [
        DialogField("overlap", "If the last run has not ended:", "allow, skip, or one (waits)", overlap, OVERLAPS),
        DialogField("catch-up", "Runs missed without a scheduler:", "one, skip or all", catch_up, CATCH_UPS),
    ]
