"""Findings about topics without messages and jobs without runs, for longer than a rule allows or than is usual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from shlex import quote

from qctl import catalog
from qctl.broker.bookkeeping.counters import RETENTION_SECONDS
from qctl.broker.ingest import pauses
from qctl.broker.query import last_runs, pipeline_status
from qctl.broker.redis.connection import Connection
from qctl.models import Finding, HealthStatus, Level, Severity, Threshold, TopicStatus
from qctl.ops import health_rules as rules
from qctl.ops.quiet_topics import is_quiet
from qctl.quantities import clause

_GRADES: dict[Level, Severity] = {Level.WARNING: "warning", Level.CRITICAL: "error"}


def check_quiet_topics(connection: Connection) -> Iterator[Finding]:
    """Report topics that are quiet for much longer than usual, and not for so long that they seem to be given up."""
    quiet = [topic for topic in _topics(connection).values() if is_quiet(topic)]
    quiet.sort(key=lambda topic: topic.silence)
    for topic in quiet[: rules.MAX_QUIET_TOPICS]:
        yield replace(_quiet(topic, "notice"), check="quiet topic")
    more = len(quiet) - rules.MAX_QUIET_TOPICS
    if more > 0:
        reason = f"{clause(more, 'more topic', 'is', 'are')} quiet for longer than usual"
        yield Finding("quiet topic", "ok", reason, "qctl ingest topics", grade="notice")


def check_topics(
    connection: Connection, patterns: Sequence[str], limit: Threshold | None, now: float
) -> Iterator[Finding]:
    """Report topics that match and are silent: for longer than the limit, or than usual if there is none. A name
    without wildcards that never sent is silent too."""
    topics = _topics(connection)
    for pattern in patterns:
        matching = [name for name in topics if fnmatchcase(name, pattern)]
        if not matching and not set(pattern) & set("*?["):
            yield _topic(pattern, None, "error")
        for name in matching:
            if limit is None:
                if is_quiet(topics[name]):
                    yield _quiet(topics[name], "warning")
                continue
            grade = _GRADES.get(limit.level_of(_silence(topics[name], now)))
            if grade:
                yield _topic(name, topics[name].seen_at, grade)


def check_jobs(
    connection: Connection,
    queues: Sequence[str],
    names: Sequence[str],
    limit: Threshold | None,
    now: float,
    *,
    is_watch: bool,
) -> Iterator[Finding]:
    """Report jobs of which no run ended: within the limit, or for longer than usual if there is none. Runs are counted
    for two days, by qctl's workers. A watch notes the runs that it sees, by which usual pauses are known."""
    longest: float = RETENTION_SECONDS - 60
    if limit is not None:
        longest = min(max(filter(None, (limit.warning, limit.critical))) + 60, RETENTION_SECONDS)
    found = last_runs.read(connection, queues, set(names), now, longest)
    for name in names:
        minute = found.get(name)
        silence = longest if minute is None else max(0.0, now - 60 * (minute + 1))
        grade = (
            _GRADES.get(limit.level_of(silence))
            if limit
            else _unusual(connection, name, minute, silence, is_watch=is_watch)
        )
        if grade:
            since = None if minute is None else datetime.fromtimestamp(60 * minute, timezone.utc)
            ran = (
                f"the last ended at {since:%Y-%m-%d %H:%M} UTC"
                if since
                else f"none ended within {longest / 60:.0f} min"
            )
            yield _finding(f"job {name}", f"no run of the job {name}: {ran}", "qctl stats --by-name", since, grade)


def _unusual(
    connection: Connection, name: str, minute: int | None, silence: float, *, is_watch: bool
) -> Severity | None:
    """Return the severity of a job's silence if it is much longer than usual."""
    if minute is None:
        return None
    usual = pauses.note_run(connection, name, minute) if is_watch else pauses.of_job(connection, name)
    return "warning" if usual and silence > max(rules.HABIT_FACTOR * usual, rules.MIN_QUIET_SECONDS) else None


def _topics(connection: Connection) -> dict[str, TopicStatus]:
    return {
        topic.topic: topic
        for pipeline in catalog.PIPELINES
        for topic in pipeline_status.by_topic(connection, pipeline)
        if topic.topic is not None
    }


def _quiet(topic: TopicStatus, grade: Severity) -> Finding:
    seen = topic.seen_at
    last = f"; the last came at {seen:%Y-%m-%d %H:%M:%S} UTC" if seen else ""
    usual = f"its longest usual pause is {topic.usual_pause:.0f} s"
    reason = f"topic {topic.topic} has been quiet for {topic.silence:.0f} s, and {usual}{last}"
    return _finding(f"topic {topic.topic}", reason, f"qctl ingest topics {quote(topic.topic or '')}", seen, grade)


def _silence(topic: TopicStatus, now: float) -> float:
    return max(0.0, now - topic.seen_at.timestamp()) if topic.seen_at else float("inf")


def _topic(name: str, seen: datetime | None, grade: Severity) -> Finding:
    last = f"the last came at {seen:%Y-%m-%d %H:%M:%S} UTC" if seen else "none came yet"
    fix = f"qctl ingest topics {quote(name)}"
    return _finding(f"topic {name}", f"topic {name} is silent: {last}", fix, seen, grade)


def _finding(subject: str, reason: str, fix: str, since: datetime | None, grade: Severity) -> Finding:
    status: HealthStatus = "ok" if grade == "notice" else "degraded"
    return Finding("silence", status, reason, fix, subject, since, grade)
