"""Answers of the fake `Ops` about data ingestion."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cli.fake_jobs import NOW
from qctl.models import (
    Arrival,
    Arrivals,
    Cause,
    DeadLetter,
    DeadLetterDetail,
    FlushResult,
    ImportResult,
    Pause,
    PipelineStatus,
    RejectDetail,
    ReplayedItems,
    SourceStatus,
    Topics,
    TopicStatus,
)

READINGS = PipelineStatus(
    "readings",
    "sensor-data",
    rate=120.5,
    depth=40,
    oldest_age=0.5,
    batches=2,
    threshold=1000,
    flushed=950,
    flushed_at=NOW - timedelta(seconds=3),
    lag=75.0,
    dead=1,
    received=12_000,
    rejected=3,
    cut=11_960,
    sessions_lost=2,
    session_lost_at=NOW - timedelta(hours=2),
    paused=Pause("sensor-data", "breaker", NOW - timedelta(minutes=5), "InfluxDB does not answer"),
)
MESSAGES = PipelineStatus("messages", "socket-data", None, 0, None, 0, 1000, None, None, 0.0, 0, 0, 0, 0)

BRIDGE = SourceStatus(
    "mqtt-bridge:hall", "mqtt-bridge", "readings", "pi", 12, "serving", "", NOW - timedelta(hours=1), NOW, 2.0
)

HALL = TopicStatus("sensors/hall", "readings", 2.0, 100, 1, NOW - timedelta(seconds=4), 0.25)
OTHERS = TopicStatus(None, "readings", 0.0, 7, 0, NOW - timedelta(days=1), None)

LETTER = DeadLetter("reject-1", "sensor-data", "dead", "ingest_reading", "it is not JSON", NOW, 1, "f00d")
DETAIL = DeadLetterDetail(LETTER, NOW, NOW, "it is not JSON", '["x"]', 5, "ingest-reading: rejected")

NOT_JSON = Cause(
    *("f00df00df00d", 1, ["sensor-data"], "ingest_reading", "Rejected", "it is not JSON", "", NOW, NOW, "reject-1"),
    counted=2,
    source="sensors/hall",
)

ARRIVED = Arrival("readings", NOW, "sensors/hall", NOW, {"temperature": 21.5})


ANSWERS: dict[str, Any] = {
    "ingest__status": [READINGS, MESSAGES],
    "ingest__sources": [BRIDGE],
    "ingest__topics": lambda _pattern=None, **_: Topics([HALL, OTHERS], 2, 1),
    "ingest__tail": lambda _pipelines=(), **_: iter([Arrivals([], 0), Arrivals([ARRIVED], 3), Arrivals([], 0)]),
    "ingest__push": ImportResult(2, 0),
    "ingest__replay": lambda pipeline, source, _query, **_: ReplayedItems(pipeline, source, 2, "sensor-data"),
    "ingest__flush": lambda _pipelines=(): [
        FlushResult("readings", "sensor-data", 40, 0),
        FlushResult("messages", "q", 0, 5),
    ],
    "ingest__require_rejects": None,
    "ingest__reject": RejectDetail(DETAIL, "readings", "sensors/hall", "nope"),
}
