"""Documents about how queues stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, share

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Check, CheckedValue, QueueCheck


def check(found: Check, said: str) -> Document:
    """`qctl check`."""
    head = {"level": found.level.name, "summary": said}
    rows = [_queue(queue) for queue in found.queues]
    columns = ("queue", "level", "error", "paused", *(f"{what}_{of}" for what in _UNITS for of in ("value", "level")))
    return Document("qctl.check/1", "queue", columns, head, "queues", rows)


_UNITS = ("age", "depth", "dead", "errors", "workers")


def _queue(queue: QueueCheck) -> Record:
    read = {reading.what: reading for reading in queue.readings}
    record: Record = {"queue": queue.queue, "level": queue.level.name, "error": queue.error, "paused": queue.paused}
    for what in _UNITS:
        reading = read.get(what)  # type: ignore[call-overload]  # the words are those of `What`
        record[f"{what}_value"] = _value(reading) if reading else None
        record[f"{what}_level"] = reading.level.name if reading else None
    return record


def _value(reading: CheckedValue) -> float | None:
    return share(reading.value) if reading.what == "errors" else seconds(reading.value)
