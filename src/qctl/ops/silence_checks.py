"""Findings about topics without messages and jobs without runs, for longer than an alert rule allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from shlex import quote

from qctl import catalog
from qctl.broker.bookkeeping.counters import RETENTION_SECONDS
from qctl.broker.query import last_runs, pipeline_status
from qctl.broker.redis.connection import Connection
from qctl.models import Finding, HealthStatus, Level, Severity, Threshold, TopicStatus

_GRADES: dict[Level, Severity] = {Level.WARNING: "warning", Level.CRITICAL: "error"}


def check_topics(connection: Connection, patterns: Sequence[str], limit: Threshold, now: float) -> Iterator[Finding]:
    """Report topics that match and are silent. A name without wildcards that never sent is silent too."""
    topics = {
        topic.topic: topic
        for pipeline in catalog.PIPELINES
        for topic in pipeline_status.by_topic(connection, pipeline)
        if topic.topic is not None
    }
    for pattern in patterns:
        matching = [name for name in topics if fnmatchcase(name, pattern)]
        if not matching and not set(pattern) & set("*?["):
            yield _topic(pattern, None, "error")
        for name in matching:
            grade = _GRADES.get(limit.level_of(_silence(topics[name], now)))
            if grade:
                yield _topic(name, topics[name].seen_at, grade)


def check_jobs(
    connection: Connection, queues: Sequence[str], names: Sequence[str], limit: Threshold, now: float
) -> Iterator[Finding]:
    """Report jobs of which no run ended. Runs are counted for two days, by qctl's workers."""
    longest = min(max(filter(None, (limit.warning, limit.critical))) + 60, RETENTION_SECONDS)
    found = last_runs.read(connection, queues, set(names), now, longest)
    for name in names:
        minute = found.get(name)
        silence = longest if minute is None else max(0.0, now - 60 * (minute + 1))
        grade = _GRADES.get(limit.level_of(silence))
        if grade:
            since = None if minute is None else datetime.fromtimestamp(60 * minute, timezone.utc)
            ran = (
                f"the last ended at {since:%Y-%m-%d %H:%M} UTC"
                if since
                else f"none ended within {longest / 60:.0f} min"
            )
            yield _finding(f"job {name}", f"no run of the job {name}: {ran}", "qctl stats --by-name", since, grade)


def _silence(topic: TopicStatus, now: float) -> float:
    return max(0.0, now - topic.seen_at.timestamp()) if topic.seen_at else float("inf")


def _topic(name: str, seen: datetime | None, grade: Severity) -> Finding:
    last = f"the last came at {seen:%Y-%m-%d %H:%M:%S} UTC" if seen else "none came yet"
    fix = f"qctl ingest topics {quote(name)}"
    return _finding(f"topic {name}", f"topic {name} is silent: {last}", fix, seen, grade)


def _finding(subject: str, reason: str, fix: str, since: datetime | None, grade: Severity) -> Finding:
    status: HealthStatus = "degraded"
    return Finding("silence", status, reason, fix, subject, since, grade)
