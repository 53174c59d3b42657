"""Documents about scheduled jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.cli.documents.annotations import NOTE_FIELDS, note_fields
from qctl.cli.documents.document import Document, time
from qctl.view import describe_rule

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.errors import QctlError
    from qctl.models import Coming, ScheduleRun, Timer, Timers

_COLUMNS = (
    *("name", "kind", "job", "queue", "next_at", "last_at", "last_job", "last_status", "cron", "timezone", "every"),
    *("in_words", "left", "runs", "catch_up", "paused_by", "source", "payload", "concerns", "problem"),
    *("overlap", "pause_on_failure", "blackout", "blackout_timezone", *NOTE_FIELDS, "last_runs"),
)


def schedule_list(timers: Timers) -> Document:
    """`qctl schedule list`."""
    rows = [_timer(timer) for timer in timers.rows]
    return Document("qctl.schedule.list/1", "name", _COLUMNS, {"total": timers.total}, "schedules", rows)


def _timer(timer: Timer) -> Record:
    problem = next((concern.text for concern in timer.concerns if concern.text), None)
    values = (
        *(timer.name, timer.kind, timer.job, timer.queue, time(timer.next_at), time(timer.last_at), timer.last_job),
        *(timer.last_status, timer.cron, timer.timezone if timer.cron else None, list(timer.every)),
        *(describe_rule(timer), timer.left, timer.runs, timer.catch_up, timer.paused_by, timer.source, timer.payload),
        *([concern.kind for concern in timer.concerns], problem, timer.overlap, timer.pause_on_failure),
        *_blackout(timer),
        *note_fields(timer.note).values(),
        [_run(run) for run in timer.last_runs],
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _blackout(timer: Timer) -> tuple[str | None, str | None]:
    zone, _, windows = timer.blackout.partition(" ")
    return windows or None, zone or None


def _run(run: ScheduleRun) -> Record:
    return {
        "due_at": time(run.due_at),
        "outcome": run.outcome,
        "job": run.job or None,
        "started_at": time(run.started_at),
        "ended_at": time(run.ended_at),
        "count": run.count,
        "overlaps": run.overlaps,
    }


def schedule_next(runs: Sequence[Coming]) -> Document:
    """`qctl schedule next`."""
    columns = ("at", "name", "kind", "job", "queue", "blackout", "blackout_timezone")
    rows: list[Record] = [
        {
            "at": time(run.at),
            "name": run.timer.name,
            "kind": run.timer.kind,
            "job": run.timer.job,
            "queue": run.timer.queue,
            **dict(zip(columns[-2:], _blackout(run.timer), strict=True)),
        }
        for run in runs
    ]
    return Document("qctl.schedule.next/1", "name", columns, {}, "times", rows)


def schedule_add(timer: Timer) -> Document:
    """`qctl schedule add`."""
    return Document("qctl.schedule.add/1", "name", _COLUMNS, _timer(timer))


def schedule_edit(timer: Timer) -> Document:
    """`qctl schedule edit`."""
    return Document("qctl.schedule.edit/1", "name", _COLUMNS, _timer(timer))


def schedule_backfill(name: str, times: Sequence[datetime], created: Sequence[str], dry_run: bool) -> Document:
    """`qctl schedule backfill`."""
    head: Record = {"name": name, "due": len(times), "created": len(created), "dry_run": dry_run}
    rows: list[Record] = [{"at": time(at)} for at in times]
    return Document("qctl.schedule.backfill/1", "at", ("at",), head, "times", rows)


def schedule_actions(
    verb: str, done: Sequence[tuple[Timer, bool, str | None]], failures: Sequence[tuple[str, QctlError]]
) -> Document:
    """`qctl schedule remove|pause|resume|skip|run`: the result for each, and the job that `run` created."""
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
