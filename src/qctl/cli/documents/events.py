"""Documents about events and the audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import AuditEntry, Event

_TEXT_FIELDS = ("queue", "job", "name", "trace", "owner", "worker", "actor", "reason")


def events(events: Sequence[Event]) -> Document:
    """`qctl events`."""
    columns = ("id", "at", "event", *_TEXT_FIELDS, "duration_seconds", "count")
    return Document("qctl.events/1", "id", columns, {}, "events", [event(one) for one in events])


def event(event: Event) -> Record:
    """Return the row of one event."""
    fields = event.fields
    ms, count = (_number(fields.get(name)) for name in ("ms", "count"))
    return {
        "id": event.id,
        "at": time(event.at),
        "event": event.event,
        **{name: fields.get(name) for name in _TEXT_FIELDS},
        "duration_seconds": seconds(None if ms is None else ms / 1000),
        "count": count,
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def audit(entries: Sequence[AuditEntry]) -> Document:
    """`qctl audit`."""
    columns = ("at", "actor", "command", "line", "outcome", "problem", "duration_seconds", "via", "trace", "count")
    rows: list[Record] = [
        {
            "at": time(entry.at),
            "actor": entry.actor,
            "command": entry.command,
            "line": entry.line,
            "outcome": entry.outcome,
            "problem": entry.problem or None,
            "duration_seconds": seconds(entry.seconds),
            "via": entry.via,
            "trace": entry.trace or None,
            "count": entry.count,
        }
        for entry in entries
    ]
    return Document("qctl.audit/1", "line", columns, {}, "acts", rows)
