"""Readings that are stored, for whoever looks at them. Reads only: no file is made or changed."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from qctl.errors import RefusedError, WaitTimeoutError
from qctl.models import StoredReading
from qctl.settings import Settings
from qctl.sinks.readings import EARLIEST, LATEST
from qctl.store.sql import opened_to_read

PATIENCE = 5.0
"""Seconds that a search takes at most: all readings are looked through where few of them match."""

_LOOK = 10_000
"""Steps of SQLite's machine between looks at the clock, less than a millisecond."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_NEWEST = """
SELECT topic, device, ts_ns, fields, received_ns FROM readings
WHERE (?1 IS NULL OR device = ?1) AND (?2 IS NULL OR topic = ?2)
AND (?3 IS NULL OR ts_ns >= ?3) AND (?4 IS NULL OR ts_ns < ?4)
ORDER BY rowid DESC LIMIT ?5
"""
"""The order is that in which they were stored, which needs no index."""


def newest(
    settings: Settings,
    *,
    device: str | None,
    topic: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[StoredReading]:
    """The last `limit` readings that were stored and match, the last one first. `since` and `until` are of when they
    were measured. None where there is no file yet.

    Raises RefusedError where readings are not in SQLite, WaitTimeoutError where too many had to be looked through, and
    SinkError.
    """
    if settings.influx_url:
        raise RefusedError("readings are in InfluxDB, which is asked itself: qctl reads those in SQLite alone")
    wanted = (device, topic, _nanoseconds(since), _nanoseconds(until), limit)
    with opened_to_read(settings, "readings") as db:
        if db is None:
            return []
        deadline = time.monotonic() + PATIENCE
        db.set_progress_handler(lambda: time.monotonic() > deadline, _LOOK)
        try:
            return [_reading(row) for row in db.execute(_NEWEST, wanted)]
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
    raise WaitTimeoutError(f"nothing like that was found in {PATIENCE:g} s: ask for fewer, or for newer ones")


def _reading(row: Sequence[Any]) -> StoredReading:
    topic, device, ts_ns, fields, received_ns = row
    return StoredReading(topic, device, ts_ns, _moment(received_ns), json.loads(fields))


def _nanoseconds(moment: datetime | None) -> int | None:
    """As SQLite can hold it."""
    if moment is None:
        return None
    return max(EARLIEST, min(LATEST, (moment - _EPOCH) // timedelta(microseconds=1) * 1000))


def _moment(ns: int) -> datetime | None:
    """A time that Python can hold, None for the others."""
    try:
        return _EPOCH + timedelta(microseconds=ns // 1000)
    except OverflowError:
        return None
