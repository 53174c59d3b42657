"""Findings about sources and schedulers, by their heartbeats: silent, stopped, waiting, or run twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from shlex import quote

from qctl.models import Finding, Severity, SourceStatus
from qctl.ops import health_rules as rules
from qctl.quantities import clause

UNIQUE = "mqtt-bridge"
"""Daemon whose processes do not replace each other: each takes the messages of its own client id."""

_EFFECTS = {
    "mqtt-bridge": "no readings come in through it",
    "socket-batcher": "no messages of Socket.IO come in",
    "scheduler": "no schedule, retry, clean-up or alert runs",
}


def check(sources: Sequence[SourceStatus]) -> Iterator[Finding]:
    """Check the sources and schedulers that ran within a day. None is no finding: a site may have none."""
    findings = [finding for source in sources if (finding := _judge(source, sources)) is not None]
    yield from findings
    if sources and not findings:
        yield Finding(
            "sources", "ok", f"{clause(len(sources), 'source and scheduler', 'reports', 'report')} that it works"
        )


def _judge(source: SourceStatus, sources: Sequence[SourceStatus]) -> Finding | None:
    """Return what is wrong with a daemon, None if nothing is."""
    replaced = source.daemon != UNIQUE and any(
        other.daemon == source.daemon and other.state != "stopped" and not other.silent for other in sources
    )
    if source.state == "stopped":
        return None if replaced else _stopped(source)
    if source.silent:
        return _silent(source, replaced=replaced)
    if source.rival_age is not None and source.rival_age < rules.RIVAL_SECONDS:
        reason = f"two processes run as {source.name}, the last on {source.host}: they end each other's session"
        return _finding(source, reason, "give each bridge its own MQTT_CLIENT_ID", None)
    if source.state == "contested":
        fix = "give each bridge its own MQTT_CLIENT_ID, and let the broker ask for a password"
        return _finding(source, f"{_place(source)}: {source.reason}", fix, source.since)
    waited = (source.seen_at - source.since).total_seconds() + source.age
    if source.state == "waiting" and waited > rules.SOURCE_WAITING_SECONDS:
        reason = f"{_place(source)} takes nothing: {source.reason or 'no reason given'}"
        return _finding(source, reason, "qctl ingest status", source.since)
    return None


def _stopped(source: SourceStatus) -> Finding:
    fix = f"qctl daemon start {quote(source.daemon)}, or run: qctl-{source.daemon}"
    reason = f"{_place(source)} was stopped: {_effect(source)}"
    return _finding(source, reason, fix, source.seen_at, "warning")


def _silent(source: SourceStatus, *, replaced: bool) -> Finding | None:
    said = f"{_place(source)} has been silent for {source.age:.0f} s: it hangs, was killed or cannot reach Redis"
    fix = f"qctl daemon restart {quote(source.daemon)}"
    if not replaced:
        return _finding(source, f"{said}; {_effect(source)}", fix, source.seen_at)
    if source.age > rules.REPLACED_SECONDS:
        return None
    check_name, name = _check_name(source), source.name
    return Finding(check_name, "ok", f"{said}; others of its kind run", fix, name, source.seen_at, "notice")


def _finding(source: SourceStatus, reason: str, fix: str, since: datetime | None, grade: Severity = "error") -> Finding:
    return Finding(_check_name(source), "degraded", reason, fix, source.name, since, grade)


def _check_name(source: SourceStatus) -> str:
    return "scheduler" if source.daemon == "scheduler" else "source"


def _place(source: SourceStatus) -> str:
    return f"{source.name} on {source.host}"


def _effect(source: SourceStatus) -> str:
    return _EFFECTS.get(source.daemon, "it does nothing")
