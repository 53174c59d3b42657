"""Status of data ingestion: buffers, batches, topics, arriving items. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from redis import Redis
from redis.client import Pipeline

from qctl.broker.bookkeeping import counters
from qctl.broker.bookkeeping.counters import CountWindow
from qctl.broker.ingest import broker_drops, buffer, topics
from qctl.broker.ingest.pauses import usual_pause
from qctl.broker.redis import clock, ingest_keys, keys, replies, untrusted_fields
from qctl.broker.worker import current_pauses
from qctl.catalog.specs import PipelineSpec
from qctl.models import Arrival, Arrivals, Pause, PipelineStatus, TopicStatus

WATCH_TIMEOUT_SECONDS = 1.0
"""Time without an arrival after which `watch` yields nothing new."""

_COUNTERS = ("received", "rejected", "counted", "cut", "sessions_lost", "flushed", "flushed_at", "session_lost_at")


class _Reading(NamedTuple):
    """The reads of one pipeline and its queue."""

    counts: dict[str, int | None]
    depth: int
    oldest_item: bytes | None
    waiting: int
    next_batch: bytes | None
    claimed: list[bytes]
    failed: int
    quarantined: int
    drops: object
    received: dict[int, int]
    """Received items by minute since 1970."""


def pipelines(connection: Redis, specs: Sequence[PipelineSpec], threshold: int) -> list[PipelineStatus]:
    """Return the status of these pipelines, in three round trips. `threshold` is the batch size in items."""
    at = clock.now_ms(connection) / 1000
    with connection.pipeline(transaction=False) as pipe:
        pipe.hgetall(keys.PAUSED)
        for spec in specs:
            _stage(pipe, spec, at)
        raw_pauses, *answers = replies.execute(pipe)
    paused = current_pauses.parse(replies.bytes_dict(raw_pauses), round(at * 1000))
    width = len(answers) // max(1, len(specs))
    readings = [_parse(answers[n * width : (n + 1) * width], at) for n in range(len(specs))]
    cut_times = _oldest_cuts(connection, readings)
    return [
        _status(spec, reading, oldest_cut, at, threshold, current_pauses.find(paused, spec.queue))
        for spec, reading, oldest_cut in zip(specs, readings, cut_times, strict=True)
    ]


def _stage(pipe: Pipeline, spec: PipelineSpec, at: float) -> None:
    """Add the reads of a pipeline; `_parse` reads their replies."""
    pipe.hmget(keys.ingest(spec.name), _COUNTERS)
    pipe.llen(keys.buffer(spec.name))
    pipe.lindex(keys.buffer(spec.name), 0)
    pipe.llen(keys.queue(spec.queue))
    pipe.lindex(keys.queue(spec.queue), 0)
    pipe.hkeys(keys.claims(spec.queue))
    pipe.zcard(keys.failed(spec.queue))
    pipe.hlen(keys.quarantine(spec.queue))
    broker_drops.stage(pipe, spec.name)
    for hour in counters.window_hours(at):
        pipe.hmget(keys.counts(spec.queue, hour), [f"{minute}.received" for minute in range(60)])


def _parse(answers: Sequence[object], at: float) -> _Reading:
    counts, depth, oldest_item, waiting, next_batch, claimed, failed, quarantined, drops, *hours = answers
    values = map(_count, replies.field_values(counts, len(_COUNTERS)))
    received = {
        60 * hour + minute: count
        for hour, row in zip(counters.window_hours(at), hours, strict=True)
        for minute, raw in enumerate(replies.field_values(row, 0))
        if (count := _count(raw)) is not None
    }
    return _Reading(
        dict(zip(_COUNTERS, values, strict=True)),
        replies.integer(depth),
        replies.optional_bytes(oldest_item),
        replies.integer(waiting),
        replies.optional_bytes(next_batch),
        replies.bytes_list(claimed),
        replies.integer(failed),
        replies.integer(quarantined),
        drops,
        received,
    )


def _oldest_cuts(connection: Redis, readings: Sequence[_Reading]) -> list[datetime | None]:
    """Return the time at which each pipeline's oldest batch that is not written yet was cut."""
    ids = [{*reading.claimed, *([reading.next_batch] if reading.next_batch else [])} for reading in readings]
    with connection.pipeline(transaction=False) as pipe:
        for job_id in (job_id for batch_ids in ids for job_id in batch_ids):
            pipe.hget(keys.job(untrusted_fields.decode(job_id)), "created_at")
        answers = map(replies.optional_bytes, replies.execute(pipe))
        times = [[untrusted_fields.parse_time(next(answers)) for _ in batch_ids] for batch_ids in ids]
    return [min((time for time in cuts if time), default=None) for cuts in times]


def _status(
    spec: PipelineSpec,
    reading: _Reading,
    oldest_cut: datetime | None,
    at: float,
    threshold: int,
    paused: Pause | None,
) -> PipelineStatus:
    counts = reading.counts
    dropped, dropped_at = broker_drops.parse_fields(reading.drops)
    oldest_age = buffer.item_age(reading.oldest_item)
    waited = max(0.0, at - oldest_cut.timestamp()) if oldest_cut else 0.0
    return PipelineStatus(
        name=spec.name,
        queue=spec.queue,
        rate=_rate(reading.received, at),
        depth=reading.depth,
        oldest_age=oldest_age,
        batches=reading.waiting + len(reading.claimed),
        threshold=threshold,
        flushed=counts["flushed"],
        flushed_at=clock.optional_datetime(counts["flushed_at"] or None),
        lag=max(oldest_age or 0.0, waited),
        dead=reading.failed + reading.quarantined,
        received=counts["received"] or 0,
        rejected=counts["rejected"] or 0,
        cut=counts["cut"] or 0,
        counted=counts["counted"] or 0,
        sessions_lost=counts["sessions_lost"] or 0,
        session_lost_at=clock.optional_datetime(counts["session_lost_at"] or None),
        broker_dropped=dropped,
        broker_dropped_at=clock.optional_datetime(dropped_at),
        paused=paused,
    )


def _rate(received: Mapping[int, int], at: float) -> float | None:
    minutes = counters.window_minutes(at)
    window = CountWindow([{"received": received[m]} if m in received else {} for m in minutes], at % 60)
    return None if window.is_empty else window.rate("received")


# --- topics -------------------------------------------------------------------------------------------------


def by_topic(connection: Redis, pipeline: str) -> list[TopicStatus]:
    """Return the status of every topic that is counted by itself, and of all others together."""
    at = clock.now_ms(connection) / 1000
    with connection.pipeline(transaction=False) as pipe:
        pipe.hgetall(keys.topics(pipeline))
        pipe.zrange(keys.topics_seen(pipeline), 0, -1, withscores=True)
        pipe.hgetall(keys.topic_notes(pipeline))
        pipe.hgetall(ingest_keys.topic_pauses(pipeline))
        counted, seen, noted, paused = replies.execute(pipe)
    notes, pauses_by_topic = replies.bytes_dict(noted), replies.bytes_dict(paused)
    seen_ms = dict(replies.scored_members(seen))
    return [
        replace(
            _topic(pipeline, raw, counts, _notes(notes.get(raw)), seen_ms.get(raw), at),
            usual_pause=usual_pause(pauses_by_topic.get(raw)),
        )
        for raw, text in replies.bytes_dict(counted).items()
        if (counts := _topic_counts(text)) is not None
    ]


TopicCounts = tuple[int, int, float, float | None]
"""Items received and rejected, items per second, and the lag in seconds."""


def _topic(
    pipeline: str, raw: bytes, counts: TopicCounts, notes: Mapping[str, Any], seen_ms: float | None, at: float
) -> TopicStatus:
    received, rejected, rate, lag = counts
    silence = max(0.0, at - seen_ms / 1000) if seen_ms else 0.0
    name = untrusted_fields.decode(raw)
    return TopicStatus(
        topic=None if name == topics.OTHER_TOPICS else name,
        pipeline=pipeline,
        rate=topics.decayed_rate(rate, silence),
        received=received,
        rejected=rejected,
        seen_at=clock.optional_datetime(seen_ms or None),
        lag=lag,
        silence=silence,
        ignored=_counts_by_name(notes.get("ignored")),
        left_out=_counts_by_name(notes.get("left_out")),
        clocks=notes["clocks"] if type(notes.get("clocks")) is int else 0,
    )


def _notes(raw: bytes | None) -> Mapping[str, Any]:
    """Return what topics.lua wrote about values that were not stored; empty if that has another format."""
    try:
        notes = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return notes if isinstance(notes, dict) else {}


def _counts_by_name(counts: object) -> dict[str, int]:
    if not isinstance(counts, dict):
        return {}
    return {name: count for name, count in counts.items() if type(count) is int}


def _topic_counts(text: bytes) -> TopicCounts | None:
    """Return the values that topics.lua wrote for a topic, None if they have another format."""
    try:
        received, rejected, rate, lag = text.decode().split(" ")
        return int(received), int(rejected), float(rate), int(lag) / 1000 if lag else None
    except ValueError:
        return None


# --- arrivals -----------------------------------------------------------------------------------------------


def watch(connection: Redis, pipelines: Sequence[str]) -> Iterator[Arrivals]:
    """Yield received items as they come, for ever; an empty result about every second without any.

    At the first yield, Redis has taken the subscription; sources notice it within a second.
    """
    channels = {keys.arrivals(name).encode(): name for name in pipelines}
    with connection.pubsub() as subscription:
        subscription.subscribe(*channels)
        while True:
            message = subscription.get_message(timeout=WATCH_TIMEOUT_SECONDS)
            if message is None or message["type"] != "message":
                yield Arrivals([], 0)
            else:
                yield _arrivals(channels[message["channel"]], message["data"])


def _arrivals(pipeline: str, data: bytes) -> Arrivals:
    try:
        count, items = json.loads(data)
        return Arrivals([_arrival(pipeline, item) for item in items], int(count))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError):
        return Arrivals([], 0)  # not published by qctl


def _arrival(pipeline: str, item: Mapping[str, Any]) -> Arrival:
    received = clock.to_datetime(item["received_ns"] / 1e6)
    if "fields" in item:
        measured = clock.to_datetime(item["ts_ns"] / 1e6)
        return Arrival(pipeline, received, str(item["topic"]), measured, dict(item["fields"]))
    sent = datetime.fromisoformat(item["timestamp"])
    message = {"msg_id": item["msg_id"], "message": item["message"]}
    return Arrival(pipeline, received, str(item["user_id"]), sent, message)


def _count(raw: bytes | None) -> int | None:
    """Return one of qctl's counts, None if it is missing or invalid."""
    return int(raw) if raw is not None and raw.isdigit() and len(raw) < 18 else None
