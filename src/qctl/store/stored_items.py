"""Reads what the sinks have stored, as items of their pipelines, a page at a time.

An item has the times and ids with which it was stored: a sink that gets it again stores it once. Readings are read
from SQLite, messages from SQLite, MySQL and MongoDB. InfluxDB is not read: it keeps neither the time of receipt nor
whether a number was whole, and servers like it round times.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from qctl.databases import mongodb, mysql
from qctl.databases.mysql import MysqlServer
from qctl.errors import UsageError
from qctl.settings import Settings
from qctl.sinks.mongodb import COLLECTION
from qctl.sinks.readings import MAX_NANOSECONDS, MIN_NANOSECONDS
from qctl.sinks.readings_table import NO_TAGS, has_tags
from qctl.store.sql import format_time, open_read_only, parse_time

ITEMS_PER_PAGE = 500

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FOREVER = datetime(9999, 12, 31, tzinfo=timezone.utc)

Item = Mapping[str, Any]
Pages = Iterator[list[Item]]


@dataclass(frozen=True)
class StoredQuery:
    """Selects stored items: of `since` and later, before `until`, both s since 1970 and None for no bound. Of
    readings the time of measurement counts, and `topic` and `device` are names; of messages that of sending."""

    since: float | None = None
    until: float | None = None
    topic: str | None = None
    device: str | None = None

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """The bounds as datetimes."""
        return _moment(self.since, EPOCH), _moment(self.until, FOREVER)

    @property
    def nanoseconds(self) -> tuple[int | None, int | None]:
        """The bounds in ns since 1970."""
        return _nanoseconds(self.since), _nanoseconds(self.until)


def pages(settings: Settings, pipeline: str, source: str, query: StoredQuery) -> Pages:
    """Yield the stored items of a pipeline in `source`, one of `SOURCES`, in the order of their keys. Raises UsageError
    for a source that is not read, and SinkError."""
    read = SOURCES[pipeline].get(source)
    if read is None:
        known = ", ".join(SOURCES[pipeline])
        raise UsageError(f"{pipeline} cannot be read from {source!r}; allowed: {known}")
    if pipeline == "messages" and (query.topic or query.device):
        raise UsageError("messages have no topic and no device")
    return read(settings, query)


# --- readings -----------------------------------------------------------------------------------------------

_READINGS = """
SELECT rowid, topic, device, ts_ns, fields, received_ns, {tags} FROM readings
WHERE rowid > ?1 AND (?2 IS NULL OR ts_ns >= ?2) AND (?3 IS NULL OR ts_ns < ?3)
AND (?4 IS NULL OR topic = ?4) AND (?5 IS NULL OR device = ?5)
ORDER BY rowid LIMIT ?6
"""


def _readings_of_sqlite(settings: Settings, query: StoredQuery) -> Pages:
    last = MIN_NANOSECONDS
    while True:
        with open_read_only(settings, "readings") as db:
            if db is None:
                return
            statement = _READINGS.format(tags="tags" if has_tags(db) else f"'{NO_TAGS}'")
            params = (last, *query.nanoseconds, query.topic, query.device, ITEMS_PER_PAGE)
            rows = db.execute(statement, params).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield [_reading(row[1:]) for row in rows]


def _reading(row: Sequence[Any]) -> Item:
    topic, device, ts_ns, fields, received_ns, tags = row
    item = {"topic": topic, "device": device, "ts_ns": ts_ns, "fields": json.loads(fields), "received_ns": received_ns}
    return item if tags == NO_TAGS else {**item, "tags": json.loads(tags)}


# --- messages -----------------------------------------------------------------------------------------------

_MESSAGES = """
SELECT msg_id, message, user_id, timestamp FROM messages
WHERE msg_id > {0} AND timestamp >= {0} AND timestamp < {0} ORDER BY msg_id LIMIT {0}
"""


def _messages_of_sqlite(settings: Settings, query: StoredQuery) -> Pages:
    since, until = map(format_time, query.moments)
    last = ""
    while True:
        with open_read_only(settings, "messages") as db:
            if db is None:
                return
            rows = db.execute(_MESSAGES.format("?"), (last, since, until, ITEMS_PER_PAGE)).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield [_message(row[0], row[1], row[2], parse_time(row[3])) for row in rows]


def _messages_of_mysql(settings: Settings, query: StoredQuery) -> Pages:
    if not settings.db_hosts:
        raise UsageError("DB_HOST is not set: there is no MySQL to read from")
    server = MysqlServer.from_settings(settings)
    since, until = (moment.replace(tzinfo=None) for moment in query.moments)
    with closing(mysql.connect(server)) as connection:
        last = ""
        while True:
            with mysql.transaction(connection, server, "messages") as cursor:
                cursor.execute(_MESSAGES.format("%s"), (last, since, until, ITEMS_PER_PAGE))
                rows = cursor.fetchall()
            if not rows:
                return
            last = rows[-1][0]
            yield [_message(row[0], row[1], row[2], parse_time(row[3])) for row in rows]


def _messages_of_mongodb(settings: Settings, query: StoredQuery) -> Pages:
    uri = settings.mongodb_uri
    if not uri:
        raise UsageError("MONGODB_URI is not set: there is no MongoDB to read from")
    since, until = query.moments
    client, collection = mongodb.connect(uri, COLLECTION)
    with closing(client):
        last = ""
        while True:
            wanted = {"_id": {"$gt": last}, "timestamp": {"$gte": since, "$lt": until}}
            with mongodb.translate_errors(uri):
                rows = list(collection.find(wanted).sort("_id", 1).limit(ITEMS_PER_PAGE))
            if not rows:
                return
            last = rows[-1]["_id"]
            yield [_message(row["_id"], row["message"], row["user_id"], parse_time(row["timestamp"])) for row in rows]


def _message(msg_id: str, message: str, user_id: str, sent: datetime) -> Item:
    received_ns = (sent - EPOCH) // timedelta(microseconds=1) * 1000  # not stored; sinks do not use it
    return {
        "msg_id": msg_id,
        "message": message,
        "user_id": user_id,
        "timestamp": sent.isoformat(),
        "received_ns": received_ns,
    }


def _nanoseconds(seconds: float | None) -> int | None:
    if seconds is None:
        return None
    return max(MIN_NANOSECONDS, min(MAX_NANOSECONDS, round(seconds * 1_000_000) * 1000))


def _moment(seconds: float | None, default: datetime) -> datetime:
    try:
        return default if seconds is None else EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return FOREVER if seconds and seconds > 0 else EPOCH


SOURCES: Mapping[str, Mapping[str, Callable[[Settings, StoredQuery], Pages]]] = {
    "readings": {"sqlite": _readings_of_sqlite},
    "messages": {"sqlite": _messages_of_sqlite, "mysql": _messages_of_mysql, "mongodb": _messages_of_mongodb},
}
"""Databases that the items of each pipeline are read from."""
