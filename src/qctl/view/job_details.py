"""Lines of a page about one job, for `qctl job show` and the monitor."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.quantities import quantity
from qctl.view.details import ago, detail_line, payload_section, section
from qctl.view.events import event_line
from qctl.view.flows import relatives
from qctl.view.table import Cell
from qctl.view.values import NO_VALUE, duration, elapsed

if TYPE_CHECKING:
    from qctl.models import JobDetail

FINAL_STATUSES = ("finished", "failed", "stopped", "canceled")
"""Statuses that a job does not leave by itself."""


def job_details(detail: JobDetail, now: datetime) -> list[Cell]:
    """All about one job: values, payload, attempts, traceback and events."""
    original = detail.original
    return [
        *_job_values(detail, now),
        *(payload_section("payload", detail.payload, detail.description) if detail.payload.size else ()),
        *(payload_section("payload before the first edit", original, "") if original else ()),
        *(section("meta", detail.meta) if detail.meta else ()),
        *_attempts(detail, now),
        *(section("traceback", detail.traceback.rstrip()) if detail.traceback else ()),
        *_timeline(detail, now),
    ]


def _job_values(detail: JobDetail, now: datetime) -> list[Cell]:
    """The named values of a job, a line each."""
    values = {
        "id": detail.id,
        "queue": detail.queue,
        "state": _state(detail),
        "function": detail.function,
        "created": ago(detail.created_at, now),
        "enqueued": ago(detail.enqueued_at, now),
        "started": ago(detail.started_at, now),
        "ended": ago(detail.ended_at, now),
        "due": "" if detail.due is None else f"in {duration((detail.due - now).total_seconds())}",
        "worker": detail.worker,
        "timeout": f"{detail.timeout} s" if detail.timeout.isdigit() else detail.timeout,
        "retries": _retries(detail),
        "expires": "" if detail.expires_in is None else f"in {duration(detail.expires_in)}",
        "owner": detail.owner or "",
        "trace": detail.trace or "",
        "cause": detail.fingerprint or "",
        "after": relatives(detail, detail.dependencies),
        "before": relatives(detail, detail.dependents),
        "left out": "; ".join(event.fields.get("reason", "") for event in detail.timeline if event.event == "omitted"),
        "from": detail.moved_from or "",
        "copy of": detail.replayed_from or "",
        "copied to": detail.replayed_to or "",
        "edited": detail.edited or "",
    }
    lines = [detail_line(name, value) for name, value in values.items() if value and value != NO_VALUE]
    if detail.note:
        lines.append(detail_line("note", detail.note, "warn"))
    return [*lines, detail_line("error", detail.error, "bad")] if detail.error else lines


def _state(detail: JobDetail) -> str:
    if detail.state == "queued" and detail.position is not None:
        return f"queued, {quantity(detail.position, 'job')} ahead" if detail.position else "queued, next to run"
    return detail.state or detail.status


def _retries(detail: JobDetail) -> str:
    """Format the remaining retries and their delays, which RQ does not show; empty for a job that has ended."""
    if detail.retries_left is None or detail.status in FINAL_STATUSES:
        return ""
    delays = ", ".join(duration(seconds) for seconds in detail.retry_intervals)
    return f"{detail.retries_left} left" + (f", after {delays}" if delays else "")


def _attempts(detail: JobDetail, now: datetime) -> list[Cell]:
    attempts = detail.attempts
    if not attempts:
        return []
    lines = []
    for number, attempt in enumerate(attempts, 1):
        ended, started = attempt.ended_at, attempt.started_at
        took = f" after {elapsed((ended - started).total_seconds())}" if ended and started else ""
        worker = f" on {attempt.worker}" if attempt.worker else ""
        result = attempt.error or (f"returned {attempt.value}" if attempt.value else "")
        logged = f", {quantity(attempt.logged, 'line')} logged" if attempt.logged else ""
        text = f"{number}. {attempt.outcome}{took}{worker}, {ago(attempt.at, now)}{logged}"
        lines.append(Cell(f"{text}: {result}" if result else text, "bad" if attempt.error else ""))
    logs = [Cell(f"   lines: qctl job logs {detail.id}", "dim")] if any(a.logged for a in attempts) else []
    return [*section("attempts"), *lines, *logs]


def _timeline(detail: JobDetail, now: datetime) -> list[Cell]:
    if not detail.timeline:
        return []
    older = [] if detail.events_whole else [Cell("earlier events are no longer in the stream", "dim")]
    events = (replace(event, fields={**event.fields, "job": "", "queue": ""}) for event in detail.timeline)
    return [*section("events"), *older, *(event_line(event, now) for event in events)]
