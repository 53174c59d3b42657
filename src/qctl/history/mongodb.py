"""The history in MongoDB: one document an event in the collection `history`, its `_id` the event's.

What was by the hour is reckoned by the server when it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from importlib import import_module
from typing import Any

from qctl.errors import SettingsError, UnreachableError
from qctl.history.store import MOST, clean, milliseconds, parts
from qctl.models import Event, HistoryStep, Span
from qctl.safe import redact_url

DATABASE = "qctl"
"""The database where MONGODB_URI names none."""

COLLECTION = "history"

TIMEOUT_MS = 5_000
"""Milliseconds to look for a primary, and to wait for a connection."""

REPLY_TIMEOUT_MS = 30_000
"""Milliseconds to wait for a reply."""

_DUPLICATE = 11000
"""https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml"""

_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


class MongoHistory:
    """The database that `uri` names. Nothing is sent before it is used."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: Any = None
        self._prepared = False

    def write(self, events: Sequence[Event]) -> int:
        """Keep events, in one unordered insert that passes over those that are there."""
        if not events:
            return 0
        documents = [_document(event) for event in events]
        with self._collection() as collection:
            if not self._prepared:
                collection.create_index([("job", 1), ("_id", 1)])
                collection.create_index([("at", 1)])
                self._prepared = True
            try:
                return len(collection.insert_many(documents, ordered=False).inserted_ids)
            except _driver("pymongo.errors").BulkWriteError as error:
                details = error.details
                if details.get("writeConcernErrors") or any(e["code"] != _DUPLICATE for e in details["writeErrors"]):
                    raise
                return int(details["nInserted"])

    def life_of(self, job_id: str) -> list[Event]:
        """What happened to a job, oldest first."""
        with self._collection() as collection:
            found = list(collection.find({"job": clean(job_id)}).sort("_id", 1).limit(MOST))
        return [_event(document) for document in found]

    def steps(
        self, span: Span, since: datetime, until: datetime, queues: Collection[str] | None = None
    ) -> list[HistoryStep]:
        """What happened, by the hour or day."""
        wanted: dict[str, Any] = {"at": {"$gte": _naive(since), "$lt": _naive(until)}}
        if queues is not None:
            wanted["queue"] = {"$in": [clean(name) for name in queues]}
        form = "%Y-%m-%dT%H" if span == "hour" else "%Y-%m-%d"
        group = {
            "_id": {"step": {"$dateToString": {"date": "$at", "format": form}}, "event": "$event"},
            "count": {"$sum": 1},
            "mean": {"$avg": "$ms"},
        }
        with self._collection() as collection:
            found = list(collection.aggregate([{"$match": wanted}, {"$group": group}]))
        steps: dict[str, HistoryStep] = {}
        for each in sorted(found, key=lambda each: each["_id"]["step"]):
            name, event = each["_id"]["step"], each["_id"]["event"]
            at = datetime.strptime(name, form).replace(tzinfo=timezone.utc)
            step = steps.setdefault(name, HistoryStep(at, {}))
            step.counts[event] = each["count"]
            if event == "finished" and each["mean"] is not None:
                steps[name] = HistoryStep(at, step.counts, each["mean"] / 1000)
        return list(steps.values())

    def forget(self, before: datetime, most: int) -> int:
        """Delete old events."""
        with self._collection() as collection:
            old = collection.find({"at": {"$lt": _naive(before)}}, {"_id": 1}).sort("at", 1).limit(most)
            return int(collection.delete_many({"_id": {"$in": [each["_id"] for each in old]}}).deleted_count)

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    @contextmanager
    def _collection(self) -> Iterator[Any]:
        """The collection. Raises what the driver raises as an error of ours."""
        errors = _driver("pymongo.errors")
        try:
            if self._client is None:
                self._client = _driver("pymongo").MongoClient(
                    self._uri,
                    appname="qctl",
                    serverSelectionTimeoutMS=TIMEOUT_MS,
                    connectTimeoutMS=TIMEOUT_MS,
                    socketTimeoutMS=REPLY_TIMEOUT_MS,
                )
            for_good = _driver("pymongo.write_concern").WriteConcern(w="majority", j=True)
            database = self._client.get_default_database(DATABASE)
            yield database.get_collection(COLLECTION, write_concern=for_good)
        except (errors.ConfigurationError, errors.InvalidURI, ValueError) as error:
            raise SettingsError("MONGODB_URI", f"cannot be used: {error}") from error
        except errors.PyMongoError as error:
            where = redact_url(self._uri)
            raise UnreachableError(f"the history in MongoDB at {where} cannot be used: {error}") from error


def _driver(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise SettingsError(
            "MONGODB_URI", f"is set and its driver is not installed: {error}", hint="pip install qctl[mongodb]"
        ) from error


def _naive(moment: datetime) -> datetime:
    """A time as the driver takes and gives it: UTC without saying so."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None)


def _document(event: Event) -> dict[str, Any]:
    ms, sequence = parts(event)
    fields = {clean(name).replace(".", "_").lstrip("$") or "_": clean(v) for name, v in event.fields.items()}
    took = milliseconds(event)
    known = {"_id": f"{ms:015d}-{sequence:010d}", "at": _naive(event.at), "event": clean(event.event)}
    return {**fields, **({"ms": took} if took is not None else {}), **known}


def _event(document: dict[str, Any]) -> Event:
    ms, _, sequence = document["_id"].partition("-")
    fields = {name: str(value) for name, value in document.items() if name not in ("_id", "at", "event")}
    return Event(f"{int(ms)}-{int(sequence)}", document["event"], fields)
