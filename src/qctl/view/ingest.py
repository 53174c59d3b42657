"""Tables of pipelines, topics and rejects, and lines of arriving items."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, age, count, duration, elapsed, pause_text, rate

if TYPE_CHECKING:
    from qctl.models import Arrival, DeadLetter, PipelineStatus, SourceStatus, TopicStatus
    from qctl.view.table import Style

OTHER_TOPICS = "(others)"
"""Name of the row for topics that are not counted individually."""

LAG_WARNING_SECONDS = 60.0


NO_PIPELINE = "No pipeline is used: qctl-mqtt-bridge, qctl-socket-batcher or the gateway would fill this list."


def pipeline_columns(now: datetime) -> list[Column[PipelineStatus]]:
    """Return the columns of pipelines."""
    return [
        Column("PIPELINE", lambda p: Cell(escape_line(p.name)), min_width=8),
        Column("RATE/S", lambda p: Cell(rate(p.rate)), right=True),
        Column("BUFFER", lambda p: Cell(count(p.depth)), right=True),
        Column("OLDEST", lambda p: Cell(duration(p.oldest_age)), right=True, drop=4),
        Column("BATCHES", lambda p: Cell(count(p.batches)), right=True, drop=3),
        Column("FLUSHED", lambda p: Cell(_ago(p.flushed_at, now)), right=True),
        Column("SIZE", lambda p: Cell(_size(p)), right=True, drop=2),
        Column("LAG", lambda p: Cell(duration(p.lag), _lag_style(p.lag)), right=True),
        Column("REJECTS", lambda p: Cell(count(p.dead), "bad" if p.dead else ""), right=True),
        Column("ONLY COUNTED", lambda p: Cell(count(p.counted), "bad" if p.counted else ""), right=True, drop=1),
        Column("PAUSED", lambda p: _paused(p, now), long=True),
    ]


def source_line(source: SourceStatus) -> Cell:
    """Format the last heartbeat of a source or scheduler: `mqtt-bridge:hall on pi, pid 12: serving, seen 2s ago`."""
    reason = f": {source.reason}" if source.reason else ""
    pid = f", pid {source.pid}" if source.pid is not None else ""
    text = f"{source.name} on {source.host}{pid}: {source.state}{reason}, seen {duration(source.age)} ago"
    return Cell(escape_line(text), "good" if source.state == "serving" and not source.silent else "warn")


def source_columns(now: datetime) -> list[Column[SourceStatus]]:
    """Return the columns of sources and schedulers."""
    return [
        Column("SOURCE", lambda s: Cell(escape_line(s.name)), min_width=12),
        Column("STATE", _source_state),
        Column("PIPELINE", lambda s: Cell(escape_line(s.pipeline or NO_VALUE)), drop=2),
        Column("FOR", lambda s: Cell(age(s.since, now)), right=True, drop=1),
        Column("SEEN", lambda s: Cell(f"{duration(s.age)} ago"), right=True),
        Column("HOST", lambda s: Cell(escape_line(s.host)), min_width=8, drop=3),
        Column("PID", lambda s: Cell(NO_VALUE if s.pid is None else str(s.pid)), right=True, drop=4),
        Column("REASON", lambda s: Cell(escape_line(s.reason), "warn"), long=True),
    ]


def _source_state(source: SourceStatus) -> Cell:
    if source.silent and source.state != "stopped":
        return Cell("silent", "bad")
    return Cell(escape_line(source.state), "good" if source.state == "serving" else "warn")


def topic_columns(now: datetime) -> list[Column[TopicStatus]]:
    """Return the columns of topics."""
    return [
        Column("TOPIC", lambda t: Cell(_name(t)), min_width=16),
        Column("RATE/S", lambda t: Cell(rate(t.rate)), right=True),
        Column("RECEIVED", lambda t: Cell(count(t.received)), right=True),
        Column("REJECTED", lambda t: Cell(count(t.rejected), "bad" if t.rejected else ""), right=True),
        Column("IGNORED", lambda t: Cell(count(sum(t.ignored.values()))), right=True, drop=2),
        Column("SEEN", lambda t: Cell(_ago(t.seen_at, now)), right=True),
        Column("USUAL", lambda t: Cell(elapsed(t.usual_pause)), right=True, drop=1),
        Column("LAG", lambda t: Cell(elapsed(t.lag), _lag_style(t.lag or 0.0)), right=True),
        Column("LEFT OUT", lambda t: Cell(escape_line(_not_stored(t)), "warn"), long=True),
    ]


def reject_columns(now: datetime, pipeline: Callable[[DeadLetter], str]) -> list[Column[DeadLetter]]:
    """Return the columns of rejects. `pipeline` returns the name of a reject's pipeline."""
    return [
        Column("ID", lambda d: Cell(escape_line(d.id)), min_width=39, whole=True),
        Column("PIPELINE", lambda d: Cell(escape_line(pipeline(d))), min_width=8),
        Column("AGE", lambda d: Cell(age(d.died_at, now)), right=True),
        Column("REASON", lambda d: Cell(escape_line(d.error), "bad"), long=True),
    ]


def _not_stored(topic: TopicStatus) -> str:
    """Return what was not stored, most frequent first: values by name, messages by reason, clocks."""
    by_name = sorted(topic.left_out.items(), key=lambda item: -item[1])
    parts = [f"{name} {number}" for name, number in by_name]
    parts += [f"{reason} {number}" for reason, number in sorted(topic.ignored.items(), key=lambda item: -item[1])]
    parts += [f"clock not set {topic.clocks}"] if topic.clocks else []
    return ", ".join(parts)


def _name(topic: TopicStatus) -> str:
    """Return the name of a topic, or of the row for all other topics."""
    return OTHER_TOPICS if topic.topic is None else escape_line(topic.topic)


def arrival_line(arrival: Arrival) -> Cell:
    """Format one item: its local time of arrival, its source and its content."""
    content = json.dumps(arrival.content, ensure_ascii=False)
    return Cell(f"{arrival.received_at.astimezone():%H:%M:%S} {escape_line(arrival.source)} {escape_line(content)}")


def _ago(then: datetime | None, now: datetime) -> str:
    return f"{age(then, now)} ago" if then else NO_VALUE


def _size(pipeline: PipelineStatus) -> str:
    return f"{NO_VALUE if pipeline.flushed is None else count(pipeline.flushed)}/{count(pipeline.threshold)}"


def _lag_style(seconds: float) -> Style:
    return "warn" if seconds >= LAG_WARNING_SECONDS else ""


def _paused(pipeline: PipelineStatus, now: datetime) -> Cell:
    if pipeline.paused:
        return Cell(f"{escape_line(pipeline.queue)} {pause_text(pipeline.paused, now)}", "warn")
    return Cell("")
