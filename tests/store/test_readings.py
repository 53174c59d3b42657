"""Readings as they are stored: looked at, and left as they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from qctl.errors import RefusedError, SinkError, WaitTimeoutError
from qctl.models import StoredReading
from qctl.settings import Settings
from qctl.sinks.sqlite import READINGS, SqliteSink
from qctl.store import readings

LATEST = 2**63 - 1


def write(settings: Settings, *items: dict[str, Any]) -> None:
    sink = SqliteSink(settings.database, READINGS)
    sink.open()
    assert (
        sink.write([{"topic": "t", "device": "d", "fields": {"c": 1}, "received_ns": 0, **item} for item in items])
        == []
    )
    sink.close()


def newest(settings: Settings, **wanted: Any) -> list[StoredReading]:
    given = {"device": None, "topic": None, "since": None, "until": None, "limit": 10, **wanted}
    return readings.read_newest(settings, **given)


def test_the_last_that_came_is_the_first(settings: Settings) -> None:
    assert newest(settings) == []
    assert not settings.database.exists()
    write(settings, {"ts_ns": 5}, {"ts_ns": -(2**63)}, {"ts_ns": LATEST, "device": "e", "received_ns": LATEST})
    assert [each.ts_ns for each in newest(settings)] == [LATEST, -(2**63), 5]
    assert [each.ts_ns for each in newest(settings, device="d", limit=1)] == [-(2**63)]
    assert newest(settings, device="e")[0].received_at == datetime(2262, 4, 11, 23, 47, 16, 854775, timezone.utc)
    first = datetime.min.replace(tzinfo=timezone.utc)
    assert len(newest(settings, since=first)) == 3
    assert newest(settings, until=first) == []


def test_a_search_that_takes_long_ends(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    write(settings, *({"ts_ns": n} for n in range(3000)))
    monkeypatch.setattr(readings, "SEARCH_SECONDS", -1.0)
    with pytest.raises(WaitTimeoutError):
        newest(settings, device="nobody")


def test_what_cannot_be_read_says_why(settings: Settings, make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(RefusedError, match="InfluxDB"):
        newest(make_settings(INFLUX_URL="http://127.0.0.1:1", INFLUX_TOKEN="t", ORG="o", BUCKET="b"))
    settings.make_home()
    settings.database.write_text("no database at all, however one looks at it" * 100)
    with pytest.raises(SinkError):
        newest(settings)
