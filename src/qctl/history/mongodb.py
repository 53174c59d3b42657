"""The history in MongoDB: one document for each event in the collection `history`, with the event's id as `_id`.

The server computes hourly and daily counts when they are read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from qctl.databases import mongodb
from qctl.errors import SettingsError, SinkError, UnreachableError, UnusableError
from qctl.history.store import MAX_EVENTS_OF_JOB, clean_text, duration_ms, id_parts
from qctl.models import Event, HistoryStep, Span

COLLECTION = "history"

CONNECT_TIMEOUT_MS = 5_000
"""Time (ms) to find a primary, and to wait for a connection."""


class MongoHistory:
    """The collection `history` of the database in `uri`. Nothing is sent before the first call."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: Any = None
        self._events: Any = None
        self._has_indexes = False

    def write(self, events: Sequence[Event]) -> int:
        """Store events in one unordered insert that skips existing ones."""
        if not events:
            return 0
        documents = [_document(event) for event in events]
        with self._collection() as collection:
            if not self._has_indexes:
                collection.create_index([("job", 1), ("_id", 1)])
                collection.create_index([("at", 1)])
                self._has_indexes = True
            try:
                return len(collection.insert_many(documents, ordered=False).inserted_ids)
            except mongodb.driver("pymongo.errors").BulkWriteError as error:
                details = error.details
                codes = {each["code"] for each in details["writeErrors"]}
                if details.get("writeConcernErrors") or codes - {mongodb.DUPLICATE_KEY}:
                    raise
                return int(details["nInserted"])

    def events_of_job(self, job_id: str) -> list[Event]:
        """The events of a job, oldest first."""
        with self._collection() as collection:
            cursor = collection.find({"job": clean_text(job_id)}).sort("_id", 1).limit(MAX_EVENTS_OF_JOB)
            return [_parse_event(document) for document in cursor]

    def steps(
        self, span: Span, since: datetime, until: datetime, queues: Collection[str] | None = None
    ) -> list[HistoryStep]:
        """Counts of events by hour or day."""
        match: dict[str, Any] = {"at": {"$gte": _naive(since), "$lt": _naive(until)}}
        if queues is not None:
            match["queue"] = {"$in": [clean_text(name) for name in queues]}
        time_format = "%Y-%m-%dT%H" if span == "hour" else "%Y-%m-%d"
        group = {
            "_id": {"step": {"$dateToString": {"date": "$at", "format": time_format}}, "event": "$event"},
            "count": {"$sum": 1},
            "mean": {"$avg": "$ms"},
        }
        with self._collection() as collection:
            groups = list(collection.aggregate([{"$match": match}, {"$group": group}]))
        steps: dict[str, HistoryStep] = {}
        for row in sorted(groups, key=lambda row: row["_id"]["step"]):
            name, event = row["_id"]["step"], row["_id"]["event"]
            at = datetime.strptime(name, time_format).replace(tzinfo=timezone.utc)
            step = steps.setdefault(name, HistoryStep(at, {}))
            step.counts[event] = row["count"]
            if event == "finished" and row["mean"] is not None:
                steps[name] = HistoryStep(at, step.counts, row["mean"] / 1000)
        return list(steps.values())

    def delete_before(self, before: datetime, limit: int) -> int:
        """Delete old events."""
        with self._collection() as collection:
            old = collection.find({"at": {"$lt": _naive(before)}}, {"_id": 1}).sort("at", 1).limit(limit)
            return int(collection.delete_many({"_id": {"$in": [each["_id"] for each in old]}}).deleted_count)

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    @contextmanager
    def _collection(self) -> Iterator[Any]:
        """The collection. Raises SettingsError and UnreachableError."""
        try:
            if self._client is None:
                self._client, self._events = mongodb.connect(self._uri, COLLECTION, timeout_ms=CONNECT_TIMEOUT_MS)
            with mongodb.translate_errors(self._uri):
                yield self._events
        except UnusableError as error:
            raise SettingsError(error.subject, error.problem, error.hint) from error
        except SinkError as error:
            raise UnreachableError(f"the history cannot be used: {error.message}") from error


def _naive(moment: datetime) -> datetime:
    """A time in the form of the driver: UTC without a time zone."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


def _document(event: Event) -> dict[str, Any]:
    ms, sequence = id_parts(event)
    fields = {clean_text(name).replace(".", "_").lstrip("$") or "_": clean_text(v) for name, v in event.fields.items()}
    duration = duration_ms(event)
    own = {"_id": f"{ms:015d}-{sequence:010d}", "at": _naive(event.at), "event": clean_text(event.event)}
    return {**fields, **({"ms": duration} if duration is not None else {}), **own}


def _parse_event(document: dict[str, Any]) -> Event:
    ms, _, sequence = document["_id"].partition("-")
    fields = {name: str(value) for name, value in document.items() if name not in ("_id", "at", "event")}
    return Event(f"{int(ms)}-{int(sequence)}", document["event"], fields)
