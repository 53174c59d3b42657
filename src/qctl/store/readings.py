"""Reads stored readings from the SQLite file, without creating or changing it."""

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
from qctl.sinks.readings import MAX_NANOSECONDS, MIN_NANOSECONDS
from qctl.sinks.readings_table import NO_TAGS, has_tags
from qctl.store.sql import open_read_only

SEARCH_SECONDS = 5.0
"""Maximum time (s) of a search, which reads the whole table if few readings match."""

_STEPS_PER_TIME_CHECK = 10_000
"""Steps of SQLite's virtual machine between two checks of the time, less than 1 ms."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_NEWEST = """
SELECT topic, device, ts_ns, fields, received_ns, {tags} FROM readings
WHERE (?1 IS NULL OR device = ?1) AND (?2 IS NULL OR topic = ?2)
AND (?3 IS NULL OR ts_ns >= ?3) AND (?4 IS NULL OR ts_ns < ?4)
ORDER BY rowid DESC LIMIT ?5
"""
"""Newest stored first, because that order needs no index."""


def read_newest(
    settings: Settings,
    *,
    device: str | None,
    topic: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> list[StoredReading]:
    """The last `limit` matching readings in the order of storage, newest first. Empty if there is no file.

    `since` and `until` limit the time of measurement. Raises RefusedError if readings are not in SQLite,
    WaitTimeoutError if the search takes too long, and SinkError.
    """
    if settings.influx_urls:
        raise RefusedError("readings are stored in InfluxDB: query InfluxDB; qctl reads readings in SQLite only")
    params = (device, topic, _nanoseconds(since), _nanoseconds(until), limit)
    with open_read_only(settings, "readings") as db:
        if db is None:
            return []
        deadline = time.monotonic() + SEARCH_SECONDS
        db.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_PER_TIME_CHECK)
        try:
            tags = "tags" if has_tags(db) else f"'{NO_TAGS}'"
            return [_reading(row) for row in db.execute(_NEWEST.format(tags=tags), params)]
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
    raise WaitTimeoutError(f"the search took more than {SEARCH_SECONDS:g} s: request fewer or newer readings")


def _reading(row: Sequence[Any]) -> StoredReading:
    topic, device, ts_ns, fields, received_ns, tags = row
    return StoredReading(topic, device, ts_ns, _moment(received_ns), json.loads(fields), json.loads(tags))


def _nanoseconds(moment: datetime | None) -> int | None:
    """Nanoseconds since 1970, limited to the range of SQLite's integers."""
    if moment is None:
        return None
    return max(MIN_NANOSECONDS, min(MAX_NANOSECONDS, (moment - _EPOCH) // timedelta(microseconds=1) * 1000))


def _moment(ns: int) -> datetime | None:
    """The time as a datetime, None if it is out of range."""
    try:
        return _EPOCH + timedelta(microseconds=ns // 1000)
    except OverflowError:
        return None
