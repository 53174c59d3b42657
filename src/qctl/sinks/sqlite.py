"""Readings and messages in a SQLite file: what stands in for a database server.

One row an item. Several processes may write at once; each batch is one transaction that is on the disk when `write`
returns. The same topic and time again is the same reading, the same msg_id the same message: with the same content it
is there already, with other content it is refused.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.sinks import messages
from qctl.sinks.base import Refused, Row, Sink, write_rows
from qctl.sinks.readings import reading

BUSY_TIMEOUT = 5.0
"""Seconds to wait while another process writes."""

Params = tuple[Any, ...]
"""A row of a table, in the order of its columns."""


@dataclass(frozen=True)
class Table:
    """A table that items of one kind are stored in.

    `form` makes a row of an item, or raises RejectedError. `insert` passes over a row whose place is taken, and
    `stored` finds the one that is there. `place` is that part of a row by which `stored` finds it, `content` what it
    finds where that is the same, and `conflict` the reason where it is not.
    """

    schema: str
    insert: str
    stored: str
    form: Callable[[Any], Params]
    place: Callable[[Params], Params]
    content: Callable[[Params], Params]
    conflict: Callable[[Params], str]


_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)


def _reading(item: Any) -> Params:
    found = reading(item)
    return found.topic, found.device, found.ts_ns, _encoder.encode(found.fields), found.received_ns


def _message(item: Any) -> Params:
    found = messages.message(item)
    return found.msg_id, found.message, found.user_id, found.timestamp.strftime("%Y-%m-%d %H:%M:%S.%f")


READINGS = Table(
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
    form=_reading,
    place=lambda row: (row[0], row[2]),
    content=lambda row: (row[1], row[3]),
    conflict=lambda row: f"another reading is stored already: {row[0]!r} at {row[2]} ns",
)

MESSAGES = Table(
    schema=messages.SCHEMA,
    insert="""
    INSERT INTO messages (msg_id, message, user_id, timestamp) VALUES (?, ?, ?, ?) ON CONFLICT (msg_id) DO NOTHING
    """,
    stored="SELECT message, user_id, timestamp FROM messages WHERE msg_id = ?",
    form=_message,
    place=lambda row: row[:1],
    content=lambda row: row[1:],
    conflict=lambda row: messages.conflict(row[0]),
)

# The driver tells errors apart by number only from Python 3.11 on; SQLite's texts for them are fixed.
_WAITS = ("lock", "disk is full", "disk i/o error")
_NEEDS_SOMEBODY = (
    "readonly",
    "unable to open",
    "not a database",
    "malformed",
    "unsupported file format",
    "no such",
    "no column named",
    "does not match any primary key",
    "is a view",
)


class SqliteSink(Sink):
    """One table of one file. The folder, the file and the table are made where they are missing."""

    def __init__(self, path: Path, table: Table, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self._path = path
        self._table = table
        self._busy_timeout = busy_timeout
        self._opened: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def open(self) -> None:
        """Open the file and make the table."""
        if self._opened is not None:
            return
        self._opened = connect(self._path, [self._table.schema], self._busy_timeout)
        self._file = self._file_on_disk()

    def write(self, batch: Sequence[Any]) -> list[Refused]:
        """Store items. Another one in the same place is refused."""
        return write_rows(batch, self._table.form, self._insert)

    def check(self) -> None:
        """Begin to write to the file and take it back; where there is none yet, see whether one could be made."""
        if self._file_on_disk() is None:
            folder = next(folder for folder in self._path.absolute().parents if folder.exists())
            if not os.access(folder, os.W_OK | os.X_OK):
                raise SinkMisconfiguredError(f"no file can be made in {folder}", hint="set QCTL_HOME")
            return
        with translated(self._path), closing(sqlite3.connect(self._path, timeout=self._busy_timeout)) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file."""
        db, self._opened = self._opened, None
        if db is not None:
            with suppress(sqlite3.Error):  # called after errors, of which the connection may still be full
                db.close()

    def _insert(self, rows: Sequence[Row[Params]]) -> list[Refused]:
        """Store rows in one transaction, but those whose place another reading has."""
        with self._transaction() as db:
            inserted = db.executemany(self._table.insert, (row.form for row in rows)).rowcount
            if inserted == len(rows):
                return []
            return [Refused(row.index, self._table.conflict(row.form)) for row in rows if not self._has(db, row.form)]

    def _has(self, db: sqlite3.Connection, row: Params) -> bool:
        found: Params | None = db.execute(self._table.stored, self._table.place(row)).fetchone()
        return found == self._table.content(row)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with transaction(self._connection(), self._path) as db:
            yield db

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            raise RuntimeError("a sink is opened before it is written to")
        if self._file != self._file_on_disk():
            # SQLite would go on writing into the file that nobody can find any more.
            raise SinkUnavailableError(f"{self._path} was moved or deleted while it was open")
        return self._opened

    def _file_on_disk(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino


# --- the file, for whoever keeps tables in it ------------------------------------------------------------------


def connect(path: Path, schemas: Sequence[str], busy_timeout: float = BUSY_TIMEOUT) -> sqlite3.Connection:
    """Open a file, in which transactions are begun and ended by `transaction` alone.

    The folder, the file and the tables of `schemas` are made where they are missing. Raises SinkError.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _folder_error(path.parent, error) from error
    with translated(path):
        # A job may run in another thread than the last one, though never two at a time.
        db = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
        try:
            _use_wal(db, busy_timeout)
            db.execute("PRAGMA synchronous = FULL")  # a batch that Redis forgets must survive a power cut
            for schema in schemas:
                db.execute(schema)
        except BaseException:
            db.close()
            raise
    return db


def _use_wal(db: sqlite3.Connection, busy_timeout: float) -> None:
    """Let readers and a writer work at once. SQLite does not wait by itself for others who open the new file."""
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


@contextmanager
def transaction(db: sqlite3.Connection, path: Path, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
    """A transaction, which shuts out other writers from its beginning where it `writes`. Raises as `translated`."""
    with translated(path):
        try:
            db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            yield db
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what SQLite raises as an error of sinks, or as RejectedError where the rows are at fault."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.DataError) as error:
        raise RejectedError(f"SQLite refuses it: {error}") from error
    except sqlite3.DatabaseError as error:
        text = str(error).lower()
        if any(sign in text for sign in _WAITS):
            raise SinkUnavailableError(f"SQLite cannot write {path} now: {error}") from error
        if any(sign in text for sign in _NEEDS_SOMEBODY):
            raise SinkMisconfiguredError(f"SQLite cannot use {path}: {error}") from error
        raise


def _folder_error(folder: Path, error: OSError) -> QctlError:
    text = f"cannot make the folder {folder}: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return SinkUnavailableError(text)
    return SinkMisconfiguredError(text, hint="set QCTL_HOME to a folder that can be written")
