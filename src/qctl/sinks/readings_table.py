"""The table `readings` in SQLite, and the upgrade of one that an earlier version made, whose key had no tags.

The upgrade copies rows to a new table in transactions of a second or less, so that others can write meanwhile and a
process that is killed loses only its last step. The last transaction copies what came since, and puts the new table in
the old one's place, with indexes and triggers that people added. Until then readers see the old table whole.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from qctl.databases import sqlite
from qctl.errors import SinkMisconfiguredError

log = logging.getLogger(__name__)

NO_TAGS = "{}"
"""Content of the column `tags` of a reading without tags."""

ROWS_PER_STEP = 20_000
"""Rows of one transaction of the upgrade."""

_COLUMNS = """
    topic       TEXT    NOT NULL,
    device      TEXT    NOT NULL,
    ts_ns       INTEGER NOT NULL,
    fields      TEXT    NOT NULL,
    received_ns INTEGER NOT NULL,
    tags        TEXT    NOT NULL DEFAULT '{}',
    PRIMARY KEY (topic, ts_ns, device, tags)
"""

SCHEMA = f"CREATE TABLE IF NOT EXISTS readings ({_COLUMNS})"
"""The table. Its columns are public (docs/compatibility.md)."""

_NEW_TABLE = f"CREATE TABLE IF NOT EXISTS readings_with_tags ({_COLUMNS})"

_COPY = """
INSERT INTO readings_with_tags (rowid, topic, device, ts_ns, fields, received_ns)
SELECT rowid, topic, device, ts_ns, fields, received_ns FROM readings
WHERE rowid > (SELECT coalesce(max(rowid), -9223372036854775808) FROM readings_with_tags) ORDER BY rowid LIMIT ?
"""

_FORMER_COLUMNS = {"topic", "device", "ts_ns", "fields", "received_ns"}

_DELETE_IN_BOTH = """
CREATE TRIGGER IF NOT EXISTS readings_upgrade AFTER DELETE ON readings
BEGIN DELETE FROM readings_with_tags WHERE rowid = OLD.rowid; END
"""

_ADDED_BY_PEOPLE = """
SELECT sql FROM sqlite_master WHERE tbl_name = 'readings' AND type IN ('index', 'trigger') AND sql IS NOT NULL
AND name <> 'readings_upgrade'
"""


def add_tags(db: sqlite3.Connection, path: Path) -> None:
    """Upgrade the table if it has no tags. Raises SinkError; then the next call continues."""
    if has_tags(db):
        return
    columns = _columns(db)
    if columns != _FORMER_COLUMNS:
        raise SinkMisconfiguredError(
            f"table readings in {path} has other columns than qctl's: {', '.join(sorted(columns ^ _FORMER_COLUMNS))}",
            hint="rename the table; qctl creates its own",
        )
    log.warning("upgrading the table readings, which had no tags: file=%s", path)
    copied = ROWS_PER_STEP
    while copied == ROWS_PER_STEP:
        with sqlite.transaction(db, path):
            if has_tags(db):  # another process was faster
                return
            db.execute(_NEW_TABLE)
            db.execute(_DELETE_IN_BOTH)
            copied = db.execute(_COPY, (ROWS_PER_STEP,)).rowcount
    with sqlite.translate_errors(path):
        db.execute("PRAGMA legacy_alter_table = ON")  # else a view that names the table refuses its renaming
    try:
        with sqlite.transaction(db, path):
            if not has_tags(db):
                _replace(db)
    finally:
        db.execute("PRAGMA legacy_alter_table = OFF")
    log.info("table readings upgraded: file=%s", path)


def has_tags(db: sqlite3.Connection) -> bool:
    """True if the table has the column."""
    return "tags" in _columns(db)


def _columns(db: sqlite3.Connection) -> set[str]:
    return {column[1] for column in db.execute("PRAGMA table_info(readings)")}


def _replace(db: sqlite3.Connection) -> None:
    """Copy the last rows, and put the new table in the place of the old one."""
    db.execute(_COPY, (-1,))
    added = [sql for (sql,) in db.execute(_ADDED_BY_PEOPLE)]
    db.execute("DROP TABLE readings")
    db.execute("ALTER TABLE readings_with_tags RENAME TO readings")
    for sql in added:
        db.execute(sql)
