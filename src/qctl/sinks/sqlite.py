"""Stores readings and messages in a SQLite file, which replaces a database server.

One item is one row. Several processes may write at once; each batch is one transaction that is on the disk when `write`
returns. The key of a reading is topic, device, time and tags; that of a message is msg_id. An item with a stored key is
accepted if its content is the same, or if a reading's fields do not contradict the stored ones: then the new ones are
added, because agents send one measurement in several lines. Else it is rejected.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qctl.databases import sqlite
from qctl.errors import SinkUnavailableError
from qctl.sinks import messages, readings_table
from qctl.sinks.base import Rejection, Row, Sink, write_rows
from qctl.sinks.readings import parse_reading

NO_TAGS = readings_table.NO_TAGS

Params = tuple[Any, ...]
"""A row of a table, in the order of its columns."""


@dataclass(frozen=True)
class SinkTable:
    """A table for items of one kind.

    `encode` makes a row of an item, or raises RejectedError. `insert` skips a row whose key exists, and `stored`
    selects the content of the row with a key. `key` and `content` are these parts of a row, and `conflict` is the
    reason for rejecting a row whose key is stored with other content. `merge` makes one content of a stored and a new
    one, None if they contradict each other; `update` stores it, followed by the key. `prepare` upgrades an older table.
    """

    schema: str
    insert: str
    stored: str
    encode: Callable[[Any], Params]
    key: Callable[[Params], Params]
    content: Callable[[Params], Params]
    conflict: Callable[[Params], str]
    merge: Callable[[Params, Params], Params | None] = lambda _stored, _new: None
    update: str = ""
    prepare: Callable[[sqlite3.Connection, Path], None] = lambda _db, _path: None


_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)


def _encode_reading(item: Any) -> Params:
    reading = parse_reading(item)
    fields, tags = _encoder.encode(reading.fields), _encoder.encode(dict(reading.tags)) if reading.tags else NO_TAGS
    return reading.topic, reading.device, reading.ts_ns, fields, reading.received_ns, tags


def _merge_fields(stored: Params, new: Params) -> Params | None:
    """The fields of both, None if a field has two values."""
    before, added = json.loads(stored[0]), json.loads(new[0])
    if any(name in before and before[name] != value for name, value in added.items()):
        return None
    return (_encoder.encode({**before, **added}),)


def _encode_message(item: Any) -> Params:
    message = messages.parse_message(item)
    return message.msg_id, message.message, message.user_id, message.timestamp.strftime("%Y-%m-%d %H:%M:%S.%f")


READINGS = SinkTable(
    schema=readings_table.SCHEMA,
    insert="""
    INSERT INTO readings (topic, device, ts_ns, fields, received_ns, tags) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (topic, ts_ns, device, tags) DO NOTHING
    """,
    stored="SELECT fields FROM readings WHERE topic = ? AND ts_ns = ? AND device = ? AND tags = ?",
    encode=_encode_reading,
    key=lambda row: (row[0], row[2], row[1], row[5]),
    content=lambda row: (row[3],),
    conflict=lambda row: f"another reading is stored already: {row[0]!r} at {row[2]} ns",
    merge=_merge_fields,
    update="UPDATE readings SET fields = ? WHERE topic = ? AND ts_ns = ? AND device = ? AND tags = ?",
    prepare=readings_table.add_tags,
)

MESSAGES = SinkTable(
    schema=messages.MESSAGES_SCHEMA,
    insert="""
    INSERT INTO messages (msg_id, message, user_id, timestamp) VALUES (?, ?, ?, ?) ON CONFLICT (msg_id) DO NOTHING
    """,
    stored="SELECT message, user_id, timestamp FROM messages WHERE msg_id = ?",
    encode=_encode_message,
    key=lambda row: row[:1],
    content=lambda row: row[1:],
    conflict=lambda row: messages.conflict_reason(row[0]),
)


class SqliteSink(Sink):
    """One table of one file. The folder, the file and the table are created if they are missing."""

    def __init__(self, path: Path, table: SinkTable, busy_timeout: float = sqlite.BUSY_TIMEOUT_SECONDS) -> None:
        self._path = path
        self._table = table
        self._busy_timeout = busy_timeout
        self._opened: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def open(self) -> None:
        """Open the file and create the table."""
        if self._opened is not None:
            return
        opened = sqlite.connect(self._path, [self._table.schema], busy_timeout=self._busy_timeout)
        try:
            self._table.prepare(opened, self._path)
        except BaseException:
            opened.close()
            raise
        self._opened = opened
        self._file = self._file_on_disk()

    def write(self, batch: Sequence[Any]) -> list[Rejection]:
        """Store items. An item whose key is stored with other content is rejected."""
        return write_rows(batch, self._table.encode, self._insert)

    def check(self) -> None:
        """Begin a write and roll it back; if there is no file yet, check that one can be created."""
        sqlite.check_writable(self._path, busy_timeout=self._busy_timeout)

    def close(self) -> None:
        """Close the file."""
        db, self._opened = self._opened, None
        if db is not None:
            with suppress(sqlite3.Error):  # the connection may be broken
                db.close()

    def _insert(self, rows: Sequence[Row[Params]]) -> list[Rejection]:
        """Store rows in one transaction, except for those that contradict stored ones."""
        with self._transaction() as db:
            inserted = db.executemany(self._table.insert, (row.value for row in rows)).rowcount
            if inserted == len(rows):
                return []
            return [
                Rejection(row.index, self._table.conflict(row.value)) for row in rows if not self._merge(db, row.value)
            ]

    def _merge(self, db: sqlite3.Connection, row: Params) -> bool:
        """True if a row is stored now, with the content of an earlier one of the same key."""
        key, new = self._table.key(row), self._table.content(row)
        stored: Params | None = db.execute(self._table.stored, key).fetchone()
        if stored is None or stored == new:
            return stored is not None
        merged = self._table.merge(stored, new)
        if merged is None:
            return False
        if merged != stored:
            db.execute(self._table.update, (*merged, *key))
        return True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with sqlite.transaction(self._connection(), self._path) as db:
            yield db

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            raise RuntimeError("the sink is not open")
        if self._file != self._file_on_disk():
            # SQLite would go on writing to a deleted file.
            raise SinkUnavailableError(f"{self._path} was moved or deleted while it was open")
        return self._opened

    def _file_on_disk(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_dev, status.st_ino
