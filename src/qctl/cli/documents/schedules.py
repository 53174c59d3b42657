"""Documents about what comes at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, time
from qctl.view import describe_rule

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.errors import QctlError
    from qctl.models import Coming, Timer, Timers

_COLUMNS = (
    *("name", "kind", "job", "queue", "next_at", "last_at", "last_job", "last_status", "cron", "timezone", "every"),
    *("in_words", "left", "runs", "catch_up", "paused_by", "source", "payload", "concerns", "problem"),
)


def timers(found: Timers) -> Document:
    """`qctl schedule list`."""
    rows = [_timer(row) for row in found.rows]
    return Document("qctl.schedule.list/1", "name", _COLUMNS, {"total": found.total}, "schedules", rows)


def _timer(row: Timer) -> Record:
    values = (
        *(row.name, row.kind, row.job, row.queue, time(row.next_at), time(row.last_at), row.last_job),
        *(row.last_status, row.cron, row.timezone if row.cron else None, list(row.every), describe_rule(row)),
        *(row.left, row.runs, row.catch_up, row.paused_by, row.source, row.payload),
        *([one.kind for one in row.concerns], next((one.text for one in row.concerns if one.text), None)),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def comings(found: Sequence[Coming]) -> Document:
    """`qctl schedule next`."""
    columns = ("at", "name", "kind", "job", "queue")
    rows: list[Record] = [
        {
            "at": time(one.at),
            "name": one.timer.name,
            "kind": one.timer.kind,
            "job": one.timer.job,
            "queue": one.timer.queue,
        }
        for one in found
    ]
    return Document("qctl.schedule.next/1", "name", columns, {}, "times", rows)


def scheduled(row: Timer) -> Document:
    """`qctl schedule add`."""
    return Document("qctl.schedule.add/1", "name", _COLUMNS, _timer(row))


def schedule_acts(
    verb: str, done: Sequence[tuple[Timer, bool, str | None]], failures: Sequence[tuple[str, QctlError]]
) -> Document:
    """`qctl schedule remove`, `pause`, `resume` and `run`: what was done to each, and the job that was made."""
    columns = ("name", "changed", "job", "next_at", "error")
    rows: list[Record] = [
        {"name": row.name, "changed": changed, "job": job, "next_at": time(row.next_at), "error": None}
        for row, changed, job in done
    ]
    rows += [
        {"name": name, "changed": False, "job": None, "next_at": None, "error": error.message}
        for name, error in failures
    ]
    name = "job" if verb == "run" else "name"
    return Document(f"qctl.schedule.{verb}/1", name, columns, {}, "schedules", rows)
