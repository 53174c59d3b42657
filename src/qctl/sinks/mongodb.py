"""Messages in MongoDB: one document a message in the collection `messages`, its `_id` the msg_id.

A batch is one unordered bulk of upserts that write only what is not there; it returns when a majority of the replica
set has it in its journals. Where a document was there already it is read back: the same message is stored, another one
is refused. Of a document that the server refuses it says so by itself, so nothing is halved.

MongoDB keeps milliseconds; what is below is cut off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from qctl.errors import QctlError, SinkMisconfiguredError, SinkUnavailableError
from qctl.safe import redact, redact_url
from qctl.sinks.base import Refused, Row, Sink, write_rows
from qctl.sinks.messages import conflict, message

TIMEOUT_MS = 10_000
"""Milliseconds to look for a primary, and to wait for a connection."""

REPLY_TIMEOUT_MS = 30_000
"""Milliseconds to wait for a reply."""

DATABASE = "qctl"
"""The database where MONGODB_URI names none."""

COLLECTION = "messages"

# Codes of https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
_DUPLICATE = 11000
_NEEDS_SOMEBODY = {11, 13, 18, 33, 8000}  # no such user, not allowed, wrong password, mechanism, Atlas says no
_BUSY = {
    43,  # cursor killed
    46,  # lock timeout
    50,  # time limit
    64,  # write concern not reached
    91,  # shutting down
    112,  # write conflict
    189,  # primary stepped down
    262,  # time limit
    10107,  # no primary
    11600,  # interrupted by shutdown
    11602,  # interrupted by a change of roles
    13435,  # no primary
    14031,  # disk full
}
_MAX_ANSWER = 300

Document = dict[str, Any]


class MongoSink(Sink):
    """The collection `messages` of the database that `uri` names. Both are made by the first write."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: Any = None
        self._collection: Any = None

    def open(self) -> None:
        """Load the driver. The server is asked for the first time by `write`."""
        if self._client is not None:
            return
        self._client, self._collection = connect(self._uri, COLLECTION)

    def write(self, batch: Sequence[Any]) -> list[Refused]:
        """Store messages. Another message under the same msg_id is refused."""
        if self._client is None:
            raise RuntimeError("a sink is opened before it is written to")
        return write_rows(batch, _document, self._upsert)

    def check(self) -> None:
        """Look whether there is a message."""
        self.open()
        with translated(self._uri):
            self._collection.find_one({}, {"_id": 1})

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _upsert(self, rows: Sequence[Row[Document]]) -> list[Refused]:
        """Store documents, but those that the server refuses and those whose id is another message's."""
        first: dict[str, Row[Document]] = {}
        for row in rows:
            first.setdefault(row.form["_id"], row)
        unique = list(first.values())
        update = _driver("pymongo").UpdateOne
        with translated(self._uri):
            refused, all_new = self._bulk(
                [update({"_id": row.form["_id"]}, {"$setOnInsert": row.form}, upsert=True) for row in unique]
            )
            if all_new and len(unique) == len(rows):
                return []
            stored = {found["_id"]: found for found in self._collection.find({"_id": {"$in": list(first)}})}
        places = {row.form["_id"]: place for place, row in enumerate(unique)}
        return [
            Refused(row.index, conflict(id_) if id_ in stored else refused.get(places[id_], "MongoDB did not store it"))
            for row in rows
            if stored.get(id_ := row.form["_id"]) != row.form
        ]

    def _bulk(self, upserts: list[Any]) -> tuple[dict[int, str], bool]:
        """Why which of the upserts were refused, and whether every one made a new document."""
        try:
            result = self._collection.bulk_write(upserts, ordered=False)
        except _driver("pymongo.errors").BulkWriteError as error:
            errors = error.details["writeErrors"] or error.details["writeConcernErrors"]
            waits = [each for each in errors if each["code"] in _BUSY or "index" not in each]
            if waits:
                raise SinkUnavailableError(f"{_where(self._uri)} is busy: {_line(waits[0]['errmsg'])}") from error
            return {each["index"]: f"MongoDB refuses it: {_line(each['errmsg'])}" for each in errors}, False
        return {}, result.upserted_count == len(upserts)


# --- the server, for whoever keeps collections in it -----------------------------------------------------------


def connect(uri: str, collection: str) -> tuple[Any, Any]:
    """A client, to be closed, and a collection whose writes return when they are stored for good. Nothing is sent.

    Raises SinkError.
    """
    with translated(uri):
        client = _driver("pymongo").MongoClient(
            uri,
            appname="qctl",
            serverSelectionTimeoutMS=TIMEOUT_MS,
            connectTimeoutMS=TIMEOUT_MS,
            socketTimeoutMS=REPLY_TIMEOUT_MS,
        )
        stored_for_good = _driver("pymongo.write_concern").WriteConcern(w="majority", j=True)
        return client, client.get_default_database(DATABASE).get_collection(collection, write_concern=stored_for_good)


@contextmanager
def translated(uri: str) -> Iterator[None]:
    """Raise what the driver raises as an error of sinks."""
    errors = _driver("pymongo.errors")
    try:
        yield
    except (errors.PyMongoError, ValueError) as error:
        raise _meaning(uri, errors, error) from error


def _meaning(uri: str, errors: Any, error: Any) -> QctlError:
    """What an error says about us. One that nobody foresaw makes the batch wait, and is shown."""
    answer = _line(error)
    wrong = isinstance(error, (errors.ConfigurationError, ValueError)) and "lifetime expired" not in answer
    if wrong or "CERTIFICATE_VERIFY_FAILED" in answer:
        return SinkMisconfiguredError(f"MONGODB_URI cannot be used: {answer}", hint="set MONGODB_URI")
    if getattr(error, "code", None) in _NEEDS_SOMEBODY:
        return SinkMisconfiguredError(
            f"{_where(uri)} refuses us: {answer}", hint="let the user of MONGODB_URI read and write its database"
        )
    return SinkUnavailableError(f"{_where(uri)} cannot be written to: {answer}")


def _where(uri: str) -> str:
    return f"MongoDB at {redact_url(uri)}"


def _driver(module: str) -> Any:
    """A module of the driver, loaded when it is needed: it is large, and may not be installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise SinkMisconfiguredError(
            f"messages go to MongoDB and its driver is not installed: {error}", hint="pip install qctl[mongodb]"
        ) from error


def _document(item: Any) -> Document:
    found = message(item)
    milliseconds = found.timestamp.microsecond // 1000
    at = found.timestamp.replace(tzinfo=None, microsecond=milliseconds * 1000)  # as the driver reads it back
    return {"_id": found.msg_id, "message": found.message, "user_id": found.user_id, "timestamp": at}


def _line(text: object) -> str:
    return redact(" ".join(str(text).split())[:_MAX_ANSWER])
