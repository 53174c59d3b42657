"""Tables and lines of events, and the table of the audit."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.details import detail_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, count, duration

if TYPE_CHECKING:
    from qctl.models import AuditEntry, Event
    from qctl.view.table import Style

_EVENT_STYLES: dict[str, Style] = {
    **dict.fromkeys(("failed", "dead", "quarantined", "rejected", "discarded"), "bad"),
    **dict.fromkeys(("retried", "recovered", "paused", "tripped", "cleared", "purged", "clock"), "warn"),
    **dict.fromkeys(("finished", "resumed", "restored"), "good"),
}

_OUTCOME_STYLES: dict[str, Style] = {
    "done": "good",
    **dict.fromkeys(("refused", "partial", "interrupted", "begun"), "warn"),
}


def event_columns(now: datetime) -> list[Column[Event]]:
    """Return the columns of events."""
    return [
        Column("TIME", lambda e: Cell(_local_second(e.at, now), "dim")),
        Column("EVENT", lambda e: Cell(escape_line(e.event), _EVENT_STYLES.get(e.event, ""))),
        Column("QUEUE", lambda e: _field(e, "queue"), min_width=8),
        Column("JOB", lambda e: _field(e, "job"), min_width=8, drop=1),
        Column("NAME", lambda e: _field(e, "name"), min_width=8, drop=3),
        Column("BY", lambda e: Cell(escape_line(_by(e) or NO_VALUE)), min_width=8, cut_start=True, drop=2),
        Column("DETAIL", lambda e: Cell(escape_line(_detail(e))), long=True),
    ]


def event_line(event: Event, now: datetime) -> Cell:
    """Format one event as a line of an endless list."""
    words = (
        _local_second(event.at, now),
        f"{event.event:<11}",
        event.fields.get("queue", ""),
        event.fields.get("job", ""),
        event.fields.get("name", ""),
        _detail(event),
        f"by {_by(event)}" if _by(event) else "",
    )
    return Cell(escape_line("  ".join(word for word in words if word)), _EVENT_STYLES.get(event.event, ""))


def audit_columns(now: datetime, *, traced: bool) -> list[Column[AuditEntry]]:
    """Return the columns of the audit. `traced` adds the trace id of HTTP requests."""
    trace: Column[AuditEntry] = Column("TRACE", lambda a: Cell(escape_line(a.trace or NO_VALUE)), min_width=8, drop=4)
    return [
        Column("TIME", lambda a: Cell(_local_second(a.at, now), "dim")),
        Column("ACTOR", lambda a: Cell(escape_line(a.actor)), min_width=10),
        Column("OUTCOME", lambda a: Cell(escape_line(a.outcome), _OUTCOME_STYLES.get(a.outcome, "bad"))),
        Column("JOBS", lambda a: Cell(NO_VALUE if a.count is None else count(a.count)), right=True, drop=1),
        Column("TOOK", lambda a: Cell(duration(a.seconds)), right=True, drop=3),
        Column("VIA", lambda a: Cell(escape_line(a.via)), drop=2),
        *([trace] if traced else []),
        Column("COMMAND LINE", lambda a: Cell(escape_line(_command_line(a))), long=True),
    ]


def audit_details(entry: AuditEntry, now: datetime) -> list[Cell]:
    """Format all about one change, one field per line."""
    fields = {
        "command": entry.line,
        "time": _local_second(entry.at, now),
        "actor": entry.actor,
        "via": entry.via,
        "outcome": entry.outcome,
        "problem": entry.problem,
        "jobs": "" if entry.count is None else str(entry.count),
        "took": "" if entry.seconds is None else duration(entry.seconds),
        "trace": entry.trace,
    }
    styles: dict[str, Style] = {"outcome": _OUTCOME_STYLES.get(entry.outcome, "bad"), "problem": "bad"}
    return [detail_line(name, text, styles.get(name, "")) for name, text in fields.items() if text]


def _command_line(entry: AuditEntry) -> str:
    return f"{entry.line}  ({entry.problem})" if entry.problem else entry.line


def _local_second(when: datetime, now: datetime) -> str:
    """Format a time in the local time zone, to the second: 14:05:12 today, else 2025-11-22 14:05:12."""
    local = when.astimezone()
    return f"{local:%H:%M:%S}" if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d %H:%M:%S}"


def _field(event: Event, name: str) -> Cell:
    return Cell(escape_line(event.fields.get(name) or NO_VALUE))


def _by(event: Event) -> str:
    return event.fields.get("actor") or event.fields.get("worker") or ""


def _detail(event: Event) -> str:
    """Format the reason, the number of jobs and the duration of an event."""
    fields = event.fields
    parts = [fields["reason"]] if fields.get("reason") else []
    if fields.get("count"):
        parts.append("1 job" if fields["count"] == "1" else f"{fields['count']} jobs")
    if fields.get("ms", "").isdigit():
        parts.append(duration(int(fields["ms"][:15]) / 1000))
    return ", ".join(parts)
