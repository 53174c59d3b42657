"""The tables of pipelines and topics, and the lines of what arrives."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, age, count, duration, elapsed, pause_text, rate

if TYPE_CHECKING:
    from qctl.models import Arrival, DeadLetter, PipelineStatus, TopicStatus
    from qctl.view.table import Style

OTHERS = "(others)"
"""Stands for the topics that are not told apart."""

LATE = 60.0
"""Seconds of lag from which on it is marked."""


def pipeline_columns(now: datetime) -> list[Column[PipelineStatus]]:
    """Columns of the table of pipelines."""
    return [
        Column("PIPELINE", lambda p: Cell(escape_line(p.name)), min_width=8),
        Column("RATE/S", lambda p: Cell(rate(p.rate)), right=True),
        Column("BUFFER", lambda p: Cell(count(p.depth)), right=True),
        Column("OLDEST", lambda p: Cell(duration(p.oldest_age)), right=True, drop=4),
        Column("BATCHES", lambda p: Cell(count(p.batches)), right=True, drop=3),
        Column("FLUSHED", lambda p: Cell(_ago(p.flushed_at, now)), right=True),
        Column("SIZE", lambda p: Cell(_size(p)), right=True, drop=2),
        Column("LAG", lambda p: Cell(duration(p.lag), _lateness(p.lag)), right=True),
        Column("REJECTS", lambda p: Cell(count(p.dead), "bad" if p.dead else ""), right=True),
        Column("HELD", lambda p: _held(p, now), long=True),
    ]


def topic_columns(now: datetime) -> list[Column[TopicStatus]]:
    """Columns of the table of topics."""
    return [
        Column("TOPIC", lambda t: Cell(_name(t)), min_width=16),
        Column("RATE/S", lambda t: Cell(rate(t.rate)), right=True),
        Column("RECEIVED", lambda t: Cell(count(t.received)), right=True),
        Column("REJECTED", lambda t: Cell(count(t.rejected), "bad" if t.rejected else ""), right=True),
        Column("SEEN", lambda t: Cell(_ago(t.seen_at, now)), right=True),
        Column("LAG", lambda t: Cell(elapsed(t.lag), _lateness(t.lag or 0.0)), right=True),
    ]


def reject_columns(now: datetime, pipeline: Callable[[DeadLetter], str]) -> list[Column[DeadLetter]]:
    """Columns of the table of rejects. `pipeline` names that of a letter."""
    return [
        Column("ID", lambda d: Cell(escape_line(d.id)), min_width=39),
        Column("PIPELINE", lambda d: Cell(escape_line(pipeline(d))), min_width=8),
        Column("AGE", lambda d: Cell(age(d.died_at, now)), right=True),
        Column("REASON", lambda d: Cell(escape_line(d.error), "bad"), long=True),
    ]


def _name(topic: TopicStatus) -> str:
    """A topic, or that it stands for many."""
    return OTHERS if topic.topic is None else escape_line(topic.topic)


def arrival_line(arrival: Arrival) -> Cell:
    """One item: when it came on the reader's own clock, from where, and what it says."""
    said = json.dumps(arrival.content, ensure_ascii=False)
    return Cell(f"{arrival.received_at.astimezone():%H:%M:%S} {escape_line(arrival.source)} {escape_line(said)}")


def _ago(then: datetime | None, now: datetime) -> str:
    return f"{age(then, now)} ago" if then else NO_VALUE


def _size(pipeline: PipelineStatus) -> str:
    return f"{NO_VALUE if pipeline.flushed is None else count(pipeline.flushed)}/{count(pipeline.threshold)}"


def _lateness(seconds: float) -> Style:
    return "warn" if seconds >= LATE else ""


def _held(pipeline: PipelineStatus, now: datetime) -> Cell:
    if pipeline.paused:
        return Cell(f"{escape_line(pipeline.queue)} {pause_text(pipeline.paused, now)}", "warn")
    return Cell("")
