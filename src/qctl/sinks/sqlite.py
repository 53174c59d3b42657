"""Stores readings and messages in a SQLite file, which replaces a database server.

One item is one row. Several processes may write at once; each batch is one transaction that is on the disk when `write`
returns. An item with a stored key (topic and time, or msg_id) is accepted if its content is the same, else rejected.
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
from qctl.sinks import messages
from qctl.sinks.base import Rejection, Row, Sink, write_rows
from qctl.sinks.readings import parse_reading

Params = tuple[Any, ...]
"""A row of a table, in the order of its columns."""


@dataclass(frozen=True)
class SinkTable:
    """A table for items of one kind.

    `encode` makes a row of an item, or raises RejectedError. `insert` skips a row whose key exists, and `stored`
    selects the content of the row with a key. `key` and `content` are these parts of a row, and `conflict` is the
    reason for rejecting a row whose key is stored with other content.
    """

    schema: str
    insert: str
    stored: str
    encode: Callable[[Any], Params]
    key: Callable[[Params], Params]
    content: Callable[[Params], Params]
    conflict: Callable[[Params], str]


_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)


def _encode_reading(item: Any) -> Params:
    reading = parse_reading(item)
    return reading.topic, reading.device, reading.ts_ns, _encoder.encode(reading.fields), reading.received_ns


def _encode_message(item: Any) -> Params:
    message = messages.parse_message(item)
    return message.msg_id, message.message, message.user_id, message.timestamp.strftime("%Y-%m-%d %H:%M:%S.%f")


READINGS = SinkTable(
    schema="""
    CREATE TABLE IF NOT EXISTS readings (
        topic       TEXT    NOT NULL,
        device      TEXT    NOT NULL,
        ts_ns       INTEGER NOT NULL,
        fields      TEXT    NOT NULL,
        received_ns INTEGER NOT NULL,
        PRIMARY KEY (topic, ts_ns)
    )
    """,
    insert="""
    INSERT INTO readings (topic, device, ts_ns, fields, received_ns) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (topic, ts_ns) DO NOTHING
    """,
    stored="SELECT device, fields FROM readings WHERE topic = ? AND ts_ns = ?",
    encode=_encode_reading,
    key=lambda row: (row[0], row[2]),
    content=lambda row: (row[1], row[3]),
    conflict=lambda row: f"another reading is stored already: {row[0]!r} at {row[2]} ns",
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
        self._opened = sqlite.connect(self._path, [self._table.schema], busy_timeout=self._busy_timeout)
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
        """Store rows in one transaction, except for those that conflict with stored ones."""
        with self._transaction() as db:
            inserted = db.executemany(self._table.insert, (row.value for row in rows)).rowcount
            if inserted == len(rows):
                return []
            return [
                Rejection(row.index, self._table.conflict(row.value))
                for row in rows
                if not self._is_stored(db, row.value)
            ]

    def _is_stored(self, db: sqlite3.Connection, row: Params) -> bool:
        content: Params | None = db.execute(self._table.stored, self._table.key(row)).fetchone()
        return content == self._table.content(row)

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
