"""Opens SQLite files, runs transactions, and translates SQLite's errors."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from qctl.errors import QctlError, RejectedError, SinkMisconfiguredError, SinkUnavailableError

BUSY_TIMEOUT_SECONDS = 5.0
"""Time (s) to wait while another process writes."""

# Before Python 3.11 the driver has no error numbers. SQLite's texts for them are fixed.
_TEMPORARY = ("lock", "disk is full", "disk i/o error")
_PERMANENT = (
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


def connect(
    path: Path,
    schemas: Sequence[str],
    *,
    busy_timeout: float = BUSY_TIMEOUT_SECONDS,
    pragmas: Sequence[str] = (),
) -> sqlite3.Connection:
    """Open a file for `transaction`. Creates the folder, the file and the tables of `schemas` if they are missing.

    `pragmas` are set first, because some have no effect once a table exists. Raises SinkError.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _folder_error(path.parent, error) from error
    with translate_errors(path):
        # A job may run in another thread than the one before, though never two at a time.
        db = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None, check_same_thread=False)
        try:
            for pragma in pragmas:
                db.execute(f"PRAGMA {pragma}")
            _use_wal(db, busy_timeout)
            # A commit must be on the disk, because the batch or event is then deleted from Redis.
            db.execute("PRAGMA synchronous = FULL")
            for schema in schemas:
                db.execute(schema)
        except BaseException:
            db.close()
            raise
    return db


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open an existing file without changing it. Raises SinkError."""
    with translate_errors(path):
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )


def has_table(db: sqlite3.Connection, name: str) -> bool:
    """True if the table exists. It may not, while another process creates the file."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return db.execute(query, (name,)).fetchone() is not None


def check_writable(path: Path, *, busy_timeout: float = BUSY_TIMEOUT_SECONDS) -> None:
    """Begin a write and roll it back. If there is no file yet, check that one can be created. Raises SinkError."""
    if not path.exists():
        folder = next(folder for folder in path.absolute().parents if folder.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            raise SinkMisconfiguredError(f"no file can be created in {folder}", hint="set QCTL_HOME")
        return
    with translate_errors(path), closing(sqlite3.connect(path, timeout=busy_timeout)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")


def _use_wal(db: sqlite3.Connection, busy_timeout: float) -> None:
    """Let readers and a writer work at once. SQLite does not itself wait for others that open a new file."""
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
    """Run a transaction. If it `writes`, it locks out other writers from the start. Raises as `translate_errors`."""
    with translate_errors(path):
        try:
            db.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            yield db
            db.execute("COMMIT")
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as SinkError, or as RejectedError if they are caused by the rows."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.DataError) as error:
        raise RejectedError(f"SQLite rejects it: {error}") from error
    except sqlite3.DatabaseError as error:
        text = str(error).lower()
        if any(sign in text for sign in _TEMPORARY):
            raise SinkUnavailableError(f"SQLite cannot write {path} now: {error}") from error
        if any(sign in text for sign in _PERMANENT):
            raise SinkMisconfiguredError(f"SQLite cannot use {path}: {error}") from error
        raise


def _folder_error(folder: Path, error: OSError) -> QctlError:
    text = f"cannot create the folder {folder}: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return SinkUnavailableError(text)
    return SinkMisconfiguredError(text, hint="set QCTL_HOME to a folder that can be written")
