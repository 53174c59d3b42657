"""Answers of the fake `Ops` about metrics, checks, alerts and cleanup."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cli import fake_ingest
from cli.fake_jobs import NOW
from qctl.histogram import Histogram
from qctl.models import (
    Alert,
    AlertRule,
    Check,
    CheckedValue,
    Cleanup,
    CleanupResult,
    Delivery,
    DeliveryDay,
    Firing,
    LargeKey,
    Level,
    MemoryShare,
    MemoryUse,
    Metrics,
    Mute,
    NameMemory,
    Names,
    NameStats,
    QueueCheck,
    QueueStats,
    Series,
    Stats,
    Step,
    Threshold,
    Thresholds,
    Totals,
)

TIMES = Histogram({0: 90, 32: 10})
"""Ninety durations of a second, ten of five seconds."""

QUEUE = QueueStats(
    "email", waiting=4, dead=2, in_rate=1.0, taken_rate=2.0, recent_failed=1, recent_finished=3, runs=TIMES
)

LIMIT = Threshold(60.0, 300.0)
CHECK = Check.of([QueueCheck("email", Level.OK, [CheckedValue("email", "age", 4.0, LIMIT, Level.OK)])])
RULE = AlertRule("late", ("email",), Thresholds(age=LIMIT), 0.0, 14_400.0, email=("ops@example.com",))
MUTE = Mute("ops@host", NOW, NOW + timedelta(hours=2), "deploy")
FIRING = Firing("email", Level.CRITICAL, NOW - timedelta(minutes=5), {"email:ops@example.com": (NOW, Level.CRITICAL)})

METRICS = Metrics(
    stats=Stats(NOW, [QUEUE], Totals.of([QUEUE])),
    ever={"email": {"finished": 30, "failed": 10, "retried": 5, "dead": 2}},
    workers=[],
    refused=7,
    rtt=0.001,
    memory=1_000_000,
    memory_limit=0,
    pipelines=[fake_ingest.READINGS, fake_ingest.MESSAGES],
    topics=[fake_ingest.HALL],
)


def removed(kinds: Any, *, dry_run: bool = False, **_: Any) -> Cleanup:
    """Report three deleted items of each kind."""
    batch = "20261122-044512-x7f2"
    found = [
        CleanupResult(kind, 3, 1200 if kind in ("reports", "exports") else 0, batch if kind == "failed" else None)
        for kind in kinds
    ]
    return Cleanup(found, 0.4, dry_run)


ANSWERS: dict[str, Any] = {
    "stats__names": Names(NOW, 3600.0, [NameStats("email", "welcome-email", 4, 30, 10, TIMES)], 4, 4),
    "metrics__series": Series(
        ["email"],
        300.0,
        [Step(NOW - timedelta(minutes=5), 10, 8, 6, 2, 1, 1, 4, TIMES, TIMES), Step(NOW)],
    ),
    "metrics__read": METRICS,
    "metrics__reset": None,
    "chat__deliveries": [DeliveryDay("2026-11-21", 12, 12, 9), DeliveryDay("2026-11-22", 4, 3, 0)],
    "checks__run": CHECK,
    "alerts__list": [Alert(RULE, CHECK.queues, [FIRING], MUTE)],
    "alerts__test": [Delivery("email:ops@example.com", True)],
    "alerts__mute": MUTE,
    "alerts__unmute": True,
    "cleanup__run": removed,
    "memory__read": MemoryUse(
        *(NOW, 2_000_000, 0, 1000, 200, 0),
        [MemoryShare("payload", 900, 900_000, 40_000), MemoryShare("stream", 1, 80_000, 0)],
        [NameMemory("welcome-email", 900, 800_000, 60_000, 40_000, 900_000, 40_000)],
        [LargeKey("rq:job:job-1", "payload", 60_000, "job-1", "welcome-email")],
    ),
}
