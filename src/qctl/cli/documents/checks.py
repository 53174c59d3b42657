"""Documents about checks of queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, share

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Check, CheckedValue, QueueCheck


def check(check: Check, summary: str) -> Document:
    """`qctl check`."""
    head = {"level": check.level.name, "summary": summary}
    rows = [_queue(queue) for queue in check.queues]
    columns = (
        "queue",
        "level",
        "error",
        "paused",
        "problem",
        *(f"{metric}_{field}" for metric in _METRICS for field in ("value", "level")),
    )
    return Document("qctl.check/1", "queue", columns, head, "queues", rows)


_METRICS = ("age", "depth", "dead", "errors", "workers")


def _queue(queue: QueueCheck) -> Record:
    readings = {reading.metric: reading for reading in queue.readings}
    record: Record = {"queue": queue.queue, "level": queue.level.name, "error": queue.error, "paused": queue.paused}
    record["problem"] = queue.finding.reason if queue.finding else None
    for metric in _METRICS:
        reading = readings.get(metric)  # type: ignore[call-overload]  # _METRICS are the values of `What`
        record[f"{metric}_value"] = _value(reading) if reading else None
        record[f"{metric}_level"] = reading.level.name if reading else None
    return record


def _value(reading: CheckedValue) -> float | None:
    return share(reading.value) if reading.metric == "errors" else seconds(reading.value)
