"""Stores messages in MongoDB: one document for each message in the collection `messages`, with the msg_id as `_id`.

A batch is one unordered bulk of upserts that insert missing documents only. It returns when a majority of the replica
set has it in its journals. Existing documents are read back: the same message is accepted, another one is rejected. The
server reports each document that it rejects, so batches are not halved to find them.

MongoDB keeps milliseconds; smaller fractions are cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qctl.databases import mongodb
from qctl.errors import SinkUnavailableError
from qctl.safe import summary
from qctl.sinks.base import Rejection, Row, Sink, write_rows
from qctl.sinks.messages import conflict_reason, parse_message

COLLECTION = "messages"

Document = dict[str, Any]


class MongoSink(Sink):
    """The collection `messages` of the database in `uri`. The first write creates both."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: Any = None
        self._collection: Any = None

    def open(self) -> None:
        """Load the driver. `write` is the first to contact the server."""
        if self._client is None:
            self._client, self._collection = mongodb.connect(self._uri, COLLECTION)

    def write(self, batch: Sequence[Any]) -> list[Rejection]:
        """Store messages. A message whose msg_id is stored with other content is rejected."""
        if self._client is None:
            raise RuntimeError("the sink is not open")
        return write_rows(batch, _encode, self._upsert)

    def check(self) -> None:
        """Read one message."""
        self.open()
        with mongodb.translate_errors(self._uri):
            self._collection.find_one({}, {"_id": 1})

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _upsert(self, rows: Sequence[Row[Document]]) -> list[Rejection]:
        """Store documents, except for those that the server rejects or that conflict with stored ones."""
        first: dict[str, Row[Document]] = {}
        for row in rows:
            first.setdefault(row.value["_id"], row)
        unique = list(first.values())
        update = mongodb.driver("pymongo").UpdateOne
        with mongodb.translate_errors(self._uri):
            reasons, all_new = self._bulk_write(
                [update({"_id": row.value["_id"]}, {"$setOnInsert": row.value}, upsert=True) for row in unique]
            )
            if all_new and len(unique) == len(rows):
                return []
            stored = {document["_id"]: document for document in self._collection.find({"_id": {"$in": list(first)}})}
        positions = {row.value["_id"]: position for position, row in enumerate(unique)}
        return [
            Rejection(
                row.index,
                conflict_reason(id_) if id_ in stored else reasons.get(positions[id_], "MongoDB did not store it"),
            )
            for row in rows
            if stored.get(id_ := row.value["_id"]) != row.value
        ]

    def _bulk_write(self, upserts: list[Any]) -> tuple[dict[int, str], bool]:
        """Run the upserts. Returns the reasons of rejected ones by position, and whether all inserted a document."""
        try:
            result = self._collection.bulk_write(upserts, ordered=False)
        except mongodb.driver("pymongo.errors").BulkWriteError as error:
            errors = error.details["writeErrors"] or error.details["writeConcernErrors"]
            if temporary := [each for each in errors if each["code"] in mongodb.BUSY or "index" not in each]:
                answer = summary(temporary[0]["errmsg"])
                raise SinkUnavailableError(f"{mongodb.server_name(self._uri)} is busy: {answer}") from error
            return {each["index"]: f"MongoDB rejects it: {summary(each['errmsg'])}" for each in errors}, False
        return {}, result.upserted_count == len(upserts)


def _encode(item: Any) -> Document:
    message = parse_message(item)
    milliseconds = message.timestamp.microsecond // 1000
    # The form in which the driver reads it back.
    timestamp = message.timestamp.replace(tzinfo=None, microsecond=milliseconds * 1000)
    return {"_id": message.msg_id, "message": message.message, "user_id": message.user_id, "timestamp": timestamp}
