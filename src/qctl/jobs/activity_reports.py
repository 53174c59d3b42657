"""Reports on queue activity, device readings and chat messages of the whole site. They ignore the business id."""

from __future__ import annotations

import json
import math
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from qctl.broker.worker import job_context
from qctl.databases import sqlite
from qctl.errors import QctlError, RejectedError, SinkUnavailableError, UnreachableError
from qctl.history import open_store
from qctl.jobs.common_arguments import DateRange
from qctl.reports.report import Chart, Report
from qctl.settings import Settings
from qctl.sinks.sqlite import READINGS
from qctl.store import chat_deliveries

DEFAULT_PERIOD = timedelta(days=30)
"""Period of `queue-activity` and `chat-delivery` without a startDate."""

EVENTS = ("created", "started", "finished", "retried", "dead")
"""Events counted per day."""


def queue_activity(settings: Settings, business: str, days: DateRange) -> Report:
    """Events per day from the history. Raises SinkUnavailableError if the history is unreachable."""
    del business
    until = days.until or datetime.now(timezone.utc)
    since = days.since or until - DEFAULT_PERIOD
    try:
        with closing(open_store(settings, read_only=True)) as store:
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
class _FieldStatistics:
    """Statistics of one field of one device."""

    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    last: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.least, self.most, self.last = min(self.least, value), max(self.most, value), value


def sensor_summary(settings: Settings, business: str, days: DateRange) -> Report:
    """Statistics of the numbers of readings, by device and field. Raises RejectedError if InfluxDB stores them."""
    del business
    if settings.influx_urls:
        raise RejectedError("sensor-summary reads SQLite only, and INFLUX_URL is set: query InfluxDB instead")
    statistics: dict[tuple[str, str], _FieldStatistics] = {}
    count = 0
    statement = "SELECT device, fields FROM readings WHERE ts_ns >= ? AND ts_ns < ? ORDER BY ts_ns"
    span = (_ns(days.since, -(2**63)), _ns(days.until, 2**63 - 1))
    with (
        closing(sqlite.connect(settings.database, [READINGS.schema])) as db,
        sqlite.transaction(db, settings.database, writes=False),
    ):
        for count, (device, fields) in enumerate(db.execute(statement, span), 1):
            numbers = {name: value for name, value in json.loads(fields).items() if not isinstance(value, str)}
            for name, value in numbers.items():
                statistics.setdefault((device, name), _FieldStatistics()).add(float(value))
            job_context.progress(count)
    rows = [
        (device, name, field.count, field.least, field.total / field.count, field.most, field.last)
        for (device, name), field in sorted(statistics.items())
    ]
    per_device = Counter({device: 0 for device, _ in statistics})
    for (device, _), field in statistics.items():
        per_device[device] += field.count
    return Report(
        "Sensor summary",
        f"All devices, {days}",
        datetime.now(timezone.utc),
        ("device", "field", "count", "least", "mean", "most", "last"),
        rows,
        {"devices": len(per_device), "readings": count, "values": sum(per_device.values())},
        [Chart("Values a device", {device: float(number) for device, number in per_device.most_common(15)})],
    )


def chat_delivery(settings: Settings, business: str, days: DateRange) -> Report:
    """Chat messages sent per day, and how many of them were delivered and read. Raises SinkError."""
    del business
    until = days.until or datetime.now(timezone.utc)
    since = days.since or until - DEFAULT_PERIOD
    counts = chat_deliveries.count_by_day(settings, since, until)
    return Report(
        "Chat delivery",
        f"All messages, {since.date()} to {until.date()}, days of UTC",
        datetime.now(timezone.utc),
        ("day", "sent", "delivered", "read"),
        [(day.day, day.sent, day.delivered, day.read) for day in counts],
        {
            "sent": sum(day.sent for day in counts),
            "delivered": sum(day.delivered for day in counts),
            "read": sum(day.read for day in counts),
        },
        [
            Chart("Sent a day", {day.day: float(day.sent) for day in counts}, True),
            Chart("Read of those", {day.day: float(day.read) for day in counts}, True),
        ],
        ["Delivered: in the receiver's inbox. Read: by `POST /api/messages/USER/read`."],
    )


def _ns(moment: datetime | None, default: int) -> int:
    return default if moment is None else int(moment.timestamp()) * 10**9
