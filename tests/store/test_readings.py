"""Stored readings are read without changing the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from typing import Any

import pytest

from qctl.errors import RefusedError, SinkError, WaitTimeoutError
from qctl.models import StoredReading
from qctl.settings import Settings
from qctl.sinks.readings import MAX_NANOSECONDS
from qctl.sinks.sqlite import READINGS, SqliteSink
from qctl.store import readings


def write(settings: Settings, *items: dict[str, Any]) -> None:
    sink = SqliteSink(settings.database, READINGS)
    sink.open()
    assert (
        sink.write([{"topic": "t", "device": "d", "fields": {"c": 1}, "received_ns": 0, **item} for item in items])
        == []
    )
    sink.close()


def newest(settings: Settings, **filters: Any) -> list[StoredReading]:
    defaults: dict[str, Any] = {"device": None, "topic": None, "since": None, "until": None, "limit": 10}
    return readings.read_newest(settings, **{**defaults, **filters})


def test_newest_stored_reading_is_first(settings: Settings) -> None:
    assert newest(settings) == []
    assert not settings.database.exists()
    write(
        settings,
        {"ts_ns": 5},
        {"ts_ns": -(2**63)},
        {"ts_ns": MAX_NANOSECONDS, "device": "e", "received_ns": MAX_NANOSECONDS},
    )
    assert [reading.ts_ns for reading in newest(settings)] == [MAX_NANOSECONDS, -(2**63), 5]
    assert [reading.ts_ns for reading in newest(settings, device="d", limit=1)] == [-(2**63)]
    assert newest(settings, device="e")[0].received_at == datetime(2262, 4, 11, 23, 47, 16, 854775, timezone.utc)
    first = datetime.min.replace(tzinfo=timezone.utc)
    assert len(newest(settings, since=first)) == 3
    assert newest(settings, until=first) == []


def test_a_file_of_an_earlier_version_is_read(settings: Settings) -> None:
    settings.database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(settings.database)) as db, db:
        db.execute("CREATE TABLE readings (topic, device, ts_ns, fields, received_ns)")
        db.execute("INSERT INTO readings VALUES ('t', 'd', 5, '{}', 7)")
    assert [(reading.ts_ns, reading.tags) for reading in newest(settings)] == [(5, {})]


def test_long_search_times_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    write(settings, *({"ts_ns": n} for n in range(3000)))
    monkeypatch.setattr(readings, "SEARCH_SECONDS", -1.0)
    with pytest.raises(WaitTimeoutError):
        newest(settings, device="nobody")


def test_unreadable_store_raises(settings: Settings, make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(RefusedError, match="InfluxDB"):
        newest(make_settings(INFLUX_URL="http://127.0.0.1:1", INFLUX_TOKEN="t", ORG="o", BUCKET="b"))
    settings.make_home()
    settings.database.write_text("this is not a database" * 100)
    with pytest.raises(SinkError):
        newest(settings)
