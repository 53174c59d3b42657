"""Fake of `Ops` for the monitor: a small deployment with something of everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from cli.fake import NOW, FakeOps, pause_of, stats_of
from cli.fake_ingest import HALL, NOT_JSON, OTHERS, READINGS
from cli.fake_jobs import CAUSE, ROW, done
from cli.fake_operating import TIMER
from qctl import catalog
from qctl.errors import RedisUnreachableError
from qctl.histogram import Histogram, bucket
from qctl.models import (
    BulkResult,
    Causes,
    ClearResult,
    Concern,
    Daemon,
    DeadLetter,
    DeadLetters,
    Event,
    Finding,
    Health,
    Jobs,
    QueueStats,
    ScheduleRun,
    Selection,
    Series,
    Step,
    Timer,
    Timers,
    Topics,
)
from qctl.tui.data.site_list import SiteList

BATCH = "20261122-044512-x7f2"

QUEUES = (
    QueueStats("email", waiting=4, dead=2, finished=12, oldest_age=300.0, workers=1, paused=pause_of("email").pause),
    QueueStats(
        "report", waiting=1204, running=2, in_rate=3.1, out_rate=4.2, dead_rate=0.04, workers=2, oldest_age=41.0
    ),
    QueueStats("sensor-data", running=1, finished=340, in_rate=1.25, out_rate=1.2, workers=2),
)

RUNS = tuple(
    ScheduleRun(
        NOW - timedelta(days=8 - n),
        outcome,  # type: ignore[arg-type]
        "" if outcome == "missed" else f"cron-nightly-{n}",
        None if outcome == "missed" else NOW - timedelta(days=8 - n),
        None if outcome == "missed" else NOW - timedelta(days=8 - n) + timedelta(seconds=20 + 7 * n),
        overlaps=n == 5,
    )
    for n, outcome in enumerate(("finished", "finished", "failed", "missed", "finished", "finished", "finished"))
)

TIMERS = [
    replace(TIMER, last_runs=RUNS, concerns=(Concern("missed", count=1),)),
    replace(TIMER, kind="every", name="hourly", cron=None, every=(3600,), next_at=None, paused_by="ops@host"),
    Timer("rq-scheduler", "legacy", "app.tick", "report", NOW + timedelta(hours=5), source="rq-scheduler"),
    Timer("once", "job-7", "app.send", "email", NOW + timedelta(hours=7)),
]

DAEMONS = [
    Daemon("email", "qctl-worker@email.service", "active", "running", "enabled", 812, NOW, 0, 48_000_000, "idle"),
    Daemon("scheduler", "qctl-scheduler.service", "failed", "failed", "enabled", None, NOW, 5, None, "no Redis"),
]

LETTERS = [
    DeadLetter(f"job-{n}", "email", "dead", "app.send", f"ValueError: no such host h{n}", NOW, 4, CAUSE.fingerprint)
    for n in (1, 2, 3)
]


def batched(chosen: Selection, **_: Any) -> BulkResult:
    """Moves all of them to the trash."""
    return replace(done(chosen), batch=BATCH)


def measured() -> Series:
    """An hour of rising throughput."""
    runs = Histogram({bucket(0.01): 50, bucket(0.2): 45, bucket(1.5): 5})
    waits = [Histogram({bucket(0.4 + abs(30 - n) / 20): 9} if n not in range(35, 41) else {}) for n in range(60)]
    steps = [
        Step(
            NOW - timedelta(minutes=60 - n),
            finished=n * 7,
            failed=n // 3,
            depth=200 - 3 * n,
            waits=waits[n],
            runs=runs,
        )
        for n in range(60)
    ]
    return Series(["email"], 60.0, steps)


def causes(queue: str | None = None, **_: Any) -> Causes:
    """The rejects of the pipelines, or the dead letters of all queues."""
    if queue and READINGS.queue in queue.split(","):
        return Causes([NOT_JSON], 1, 1)
    return Causes([CAUSE, replace(CAUSE, fingerprint="aaaaaaaaaaaa", count=3, new=7)], 15, 15)


TOPICS = [
    replace(HALL, usual_pause=12.0),
    replace(
        HALL, topic="sensors/attic", rate=0.25, seen_at=NOW - timedelta(minutes=15), silence=900.0, usual_pause=30.0
    ),
    OTHERS,
]


def depths(_minutes: int) -> dict[str, dict[int, int]]:
    """A queue that fills up, and one that empties, in the last minutes."""
    now = int(NOW.timestamp()) // 60
    return {"report": {now - n: 1200 - 100 * n for n in range(1, 12)}, "sensor-data": {now - n: n for n in range(1, 9)}}


def quiet(**_: Any) -> Iterator[list[Event]]:
    """No events: Redis answers, and nothing happens."""
    yield []


ANSWERS: dict[str, Any] = {
    "stats__read": stats_of(*QUEUES),
    "events__follow": quiet,
    "queues__clear": lambda name, **_: ClearResult(name, 1204, BATCH),
    "jobs__delete": batched,
    "dead_letters__list": DeadLetters(LETTERS, 3),
    "dead_letters__groups": causes,
    "ingest__topics": lambda **_: Topics(TOPICS, 3, 2),
    "health__check": Health(
        "degraded",
        [
            Finding("redis", "ok", "Redis answers"),
            Finding("quarantine", "degraded", "1 job killed its workers", "qctl dlq list"),
        ],
    ),
    "jobs__list": Jobs([ROW, replace(ROW, id="job-2", state="started")], 2, 2, 2),
    "schedules__list": Timers(TIMERS, 4),
    "jobs__offered": catalog.JOBS,
    "metrics__series": lambda *_, **__: measured(),
    "metrics__depths": lambda minutes=12: depths(minutes),
}
"""Answers to the monitor, by operation."""


class MonitorOps(FakeOps):
    """Every operation that the monitor uses, and the daemons of this machine."""

    def __init__(self, **answers: Any) -> None:
        super().__init__(**{**ANSWERS, "daemons__list": DAEMONS, **answers})
        self.daemons = SimpleNamespace(list=lambda: self._operate("daemons__list", (), {}))


def away() -> Any:
    """The reader of a context whose Redis does not answer."""
    raise RedisUnreachableError("Redis at stage does not answer")


def sites() -> SiteList:
    """Three contexts: one with a problem, one away, one without queues."""
    bad = Health("degraded", [Finding("late", "degraded", "the oldest job waits 2 h", subject="email")])
    return SiteList(
        {"prod": lambda: (stats_of(*QUEUES), bad), "stage": away, "dev": lambda: (stats_of(), Health("ok", []))}, "prod"
    )
