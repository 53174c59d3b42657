"""Documents about events and the audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import AuditEntry, Event

_TEXTS = ("queue", "job", "name", "trace", "owner", "worker", "actor", "reason")


def events(found: Sequence[Event]) -> Document:
    """`qctl events`."""
    columns = ("id", "at", "event", *_TEXTS, "duration_seconds", "count")
    return Document("qctl.events/1", "id", columns, {}, "events", [event(each) for each in found])


def event(seen: Event) -> Record:
    """One event."""
    fields = seen.fields
    ms, count = (_number(fields.get(name)) for name in ("ms", "count"))
    return {
        "id": seen.id,
        "at": time(seen.at),
        "event": seen.event,
        **{name: fields.get(name) for name in _TEXTS},
        "duration_seconds": seconds(None if ms is None else ms / 1000),
        "count": count,
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


def audit(found: Sequence[AuditEntry]) -> Document:
    """`qctl audit`."""
    columns = ("at", "actor", "command", "line", "outcome", "problem", "duration_seconds", "via", "trace")
    rows: list[Record] = [
        {
            "at": time(act.at),
            "actor": act.actor,
            "command": act.command,
            "line": act.line,
            "outcome": act.outcome,
            "problem": act.problem or None,
            "duration_seconds": seconds(act.seconds),
            "via": act.via,
            "trace": act.trace or None,
        }
        for act in found
    ]
    return Document("qctl.audit/1", "line", columns, {}, "acts", rows)
