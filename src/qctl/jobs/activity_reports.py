"""The reports about what ran and what devices sent. They are of the whole installation, whatever business asks."""

from __future__ import annotations

import json
import math
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from qctl.broker.worker import job_context
from qctl.errors import QctlError, RejectedError, SinkUnavailableError, UnreachableError
from qctl.history.open_store import open_store
from qctl.jobs.common_arguments import Days
from qctl.reports.report import Chart, Report
from qctl.settings import Settings
from qctl.sinks import sqlite

DEFAULT = timedelta(days=30)
"""How far back the activity goes where no startDate is given."""

EVENTS = ("created", "started", "finished", "retried", "dead")
"""What is told of by the day."""


def queue_activity(settings: Settings, business: str, days: Days) -> Report:
    """What ran on these days, by the day, from the history. Raises SinkUnavailableError where that is away."""
    del business
    until = days.until or datetime.now(timezone.utc)
    since = days.since or until - DEFAULT
    try:
        with closing(open_store(settings, reading=True)) as store:
            steps = store.steps("day", since, until)
    except UnreachableError as error:
        raise SinkUnavailableError(f"the history cannot be read: {error.message}") from error
    except QctlError as error:
        raise RejectedError(f"the history cannot be read: {error.message}") from error
    total: Counter[str] = Counter()
    for step in steps:
        total.update(step.counts)
    named = [(step.at.date().isoformat(), step) for step in steps]
    return Report(
        "Queue activity",
        f"All queues, {since.date()} to {until.date()}, days of UTC",
        datetime.now(timezone.utc),
        ("day", *EVENTS, "mean run (s)"),
        [(day, *(step.counts.get(event, 0) for event in EVENTS), step.mean_run) for day, step in named],
        {event: total.get(event, 0) for event in EVENTS},
        [
            Chart(f"{event.capitalize()} a day", {day: float(step.counts.get(event, 0)) for day, step in named}, True)
            for event in ("finished", "dead")
        ],
    )


@dataclass
class _Seen:
    """What a device sent of one field."""

    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    last: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.least, self.most, self.last = min(self.least, value), max(self.most, value), value


def sensor_summary(settings: Settings, business: str, days: Days) -> Report:
    """What devices sent on these days, by device and field. Raises RejectedError where readings are in InfluxDB."""
    del business
    if settings.influx_url:
        raise RejectedError("readings are in InfluxDB: sensor-summary reads those in SQLite alone")
    seen: dict[tuple[str, str], _Seen] = {}
    count = 0
    statement = "SELECT device, fields FROM readings WHERE ts_ns >= ? AND ts_ns < ? ORDER BY ts_ns"
    span = (_ns(days.since, -(2**63)), _ns(days.until, 2**63 - 1))
    with (
        closing(sqlite.connect(settings.database, [sqlite.READINGS.schema])) as db,
        sqlite.transaction(db, settings.database, writes=False),
    ):
        for count, (device, fields) in enumerate(db.execute(statement, span), 1):
            for name, value in json.loads(fields).items():
                seen.setdefault((device, name), _Seen()).add(float(value))
            job_context.progress(count)
    rows = [
        (device, name, each.count, each.least, each.total / each.count, each.most, each.last)
        for (device, name), each in sorted(seen.items())
    ]
    per_device = Counter({device: 0 for device, _ in seen})
    for (device, _), each in seen.items():
        per_device[device] += each.count
    return Report(
        "Sensor summary",
        f"All devices, {days}",
        datetime.now(timezone.utc),
        ("device", "field", "count", "least", "mean", "most", "last"),
        rows,
        {"devices": len(per_device), "readings": count, "values": sum(per_device.values())},
        [Chart("Values a device", {device: float(number) for device, number in per_device.most_common(15)})],
    )


def _ns(moment: datetime | None, default: int) -> int:
    return default if moment is None else int(moment.timestamp()) * 10**9
