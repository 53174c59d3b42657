"""Readings in a SQLite file: what stands in for a database server.

One row a reading. Several processes may write at once; each batch is one transaction that is on the disk when `write`
returns. The same topic and time again is the same reading: with the same content it is there already, with other
content it is refused.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError
from qctl.sinks.base import Refused, Row, Sink, write_rows
from qctl.sinks.readings import reading

BUSY_TIMEOUT = 5.0
"""Seconds to wait while another process writes."""

Params = tuple[str, str, int, str, int]
"""A row of the table: topic, device, ts_ns, fields, received_ns."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS readings (
    topic       TEXT    NOT NULL,
    device      TEXT    NOT NULL,
    ts_ns       INTEGER NOT NULL,
    fields      TEXT    NOT NULL,
    received_ns INTEGER NOT NULL,
    PRIMARY KEY (topic, ts_ns)
)
"""
_INSERT = """
INSERT INTO readings (topic, device, ts_ns, fields, received_ns) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (topic, ts_ns) DO NOTHING
"""
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)
_STORED = "SELECT device, fields FROM readings WHERE topic = ? AND ts_ns = ?"

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
    """The table `readings` of one file. The folder and the table are made where they are missing."""

    def __init__(self, path: Path, busy_timeout: float = BUSY_TIMEOUT) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._opened: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    def open(self) -> None:
        """Open the file and make the table."""
        if self._opened is not None:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._folder_error(error) from error
        with self._translated():
            # A job may run in another thread than the last one, though never two at a time.
            db = sqlite3.connect(self._path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False)
            try:
                self._use_wal(db)
                db.execute("PRAGMA synchronous = FULL")  # a batch that Redis forgets must survive a power cut
                db.execute(_SCHEMA)
            except BaseException:
                db.close()
                raise
        self._opened = db
        self._file = self._file_on_disk()

    def _use_wal(self, db: sqlite3.Connection) -> None:
        """Let readers and a writer work at once. SQLite does not wait by itself for others who open the new file."""
        deadline = time.monotonic() + self._busy_timeout
        while True:
            try:
                db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
            time.sleep(0.02)

    def write(self, batch: Sequence[Any]) -> list[Refused]:
        """Store readings. Another reading of the same topic and time is refused."""
        return write_rows(batch, _params, self._insert)

    def close(self) -> None:
        """Close the file."""
        db, self._opened = self._opened, None
        if db is not None:
            with suppress(sqlite3.Error):  # called after errors, of which the connection may still be full
                db.close()

    def _insert(self, rows: Sequence[Row[Params]]) -> list[Refused]:
        """Store rows in one transaction, but those whose place another reading has."""
        with self._transaction() as db:
            inserted = db.executemany(_INSERT, (row.form for row in rows)).rowcount
            if inserted == len(rows):
                return []
            return [Refused(row.index, _conflict(row.form)) for row in rows if not _is_stored(db, row.form)]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self._connection()
        with self._translated():
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

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

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise what SQLite raises as an error of sinks, or as RejectedError where the rows are at fault."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            raise RejectedError(f"SQLite refuses it: {error}") from error
        except sqlite3.DatabaseError as error:
            text = str(error).lower()
            if any(sign in text for sign in _WAITS):
                raise SinkUnavailableError(f"SQLite cannot write {self._path} now: {error}") from error
            if any(sign in text for sign in _NEEDS_SOMEBODY):
                raise SinkMisconfiguredError(f"SQLite cannot use {self._path}: {error}") from error
            raise

    def _folder_error(self, error: OSError) -> QctlError:
        text = f"cannot make the folder {self._path.parent}: {error.strerror}"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            return SinkUnavailableError(text)
        return SinkMisconfiguredError(text, hint="set QCTL_HOME to a folder that can be written")


def _params(item: Any) -> Params:
    found = reading(item)
    return found.topic, found.device, found.ts_ns, _encoder.encode(found.fields), found.received_ns


def _is_stored(db: sqlite3.Connection, params: Params) -> bool:
    topic, device, ts_ns, fields, _ = params
    stored: tuple[str, str] | None = db.execute(_STORED, (topic, ts_ns)).fetchone()
    return stored == (device, fields)


def _conflict(params: Params) -> str:
    return f"another reading is stored already: {params[0]!r} at {params[2]} ns"
