"""The way of data into the queues as it can be seen: buffers, batches, topics, what arrives. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from redis import Redis

from qctl.broker.bookkeeping import counters
from qctl.broker.bookkeeping.counters import CountWindow
from qctl.broker.ingest import buffer, topics
from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.broker.worker import pauses
from qctl.catalog.specs import PipelineSpec
from qctl.models import Arrival, Arrivals, PipelineStatus, TopicStatus

PATIENCE = 1.0
"""Seconds without an arrival after which `watch` says so."""

COUNTED = ("received", "rejected", "cut", "sessions_lost", "flushed", "flushed_at", "session_lost_at")


def pipelines(connection: Redis, specs: Sequence[PipelineSpec], threshold: int) -> list[PipelineStatus]:
    """These pipelines, in three round trips. `threshold` is how many items make a batch."""
    at = clock.now_ms(connection) / 1000
    with connection.pipeline(transaction=False) as pipe:
        pipe.hgetall(keys.PAUSED)
        for spec in specs:
            _ask(pipe, spec, at)
        held, *answers = replies.execute(pipe)
    paused = pauses.parse(replies.granted(held, {}), round(at * 1000))
    size = len(answers) // max(1, len(specs))
    asked = [answers[n * size : (n + 1) * size] for n in range(len(specs))]
    began = _began(connection, asked)
    return [
        _status(spec, answer, oldest, at, threshold, pauses.of(paused, spec.queue))
        for spec, answer, oldest in zip(specs, asked, began, strict=True)
    ]


def _ask(pipe: Any, spec: PipelineSpec, at: float) -> None:
    pipe.hmget(keys.ingest(spec.name), COUNTED)
    pipe.llen(keys.buffer(spec.name))
    pipe.lindex(keys.buffer(spec.name), 0)
    pipe.llen(keys.queue(spec.queue))
    pipe.lindex(keys.queue(spec.queue), 0)
    pipe.hkeys(keys.claims(spec.queue))
    pipe.zcard(keys.failed(spec.queue))
    pipe.hlen(keys.quarantine(spec.queue))
    for hour in counters.window_hours(at):
        pipe.hmget(keys.counts(spec.queue, hour), [f"{minute}.received" for minute in range(60)])


def _began(connection: Redis, asked: Sequence[Sequence[Any]]) -> list[datetime | None]:
    """When the oldest batch of each that is not written yet was cut."""
    ids = [{raw for raw in (replies.granted(a[4], None), *replies.granted(a[5], [])) if raw is not None} for a in asked]
    with connection.pipeline(transaction=False) as pipe:
        for raw in (raw for each in ids for raw in each):
            pipe.hget(keys.job(untrusted_fields.decode(raw)), "created_at")
        answers = iter(replies.execute(pipe))
    dated = [[untrusted_fields.parse_time(replies.granted(next(answers), None)) for _ in each] for each in ids]
    return [min((when for when in each if when), default=None) for each in dated]


def _status(
    spec: PipelineSpec, answer: Sequence[Any], began: datetime | None, at: float, threshold: int, paused: Any
) -> PipelineStatus:
    counted = dict(zip(COUNTED, map(_count, replies.granted(answer[0], [None] * len(COUNTED))), strict=True))
    oldest = buffer.item_age(replies.granted(answer[2], None))
    waited = max(0.0, at - began.timestamp()) if began else 0.0
    return PipelineStatus(
        name=spec.name,
        queue=spec.queue,
        rate=_rate(answer[8:], at),
        depth=replies.granted(answer[1], 0),
        oldest_age=oldest,
        batches=replies.granted(answer[3], 0) + len(replies.granted(answer[5], [])),
        threshold=threshold,
        flushed=counted["flushed"],
        flushed_at=_moment(counted["flushed_at"]),
        lag=max(oldest or 0.0, waited),
        dead=replies.granted(answer[6], 0) + replies.granted(answer[7], 0),
        received=counted["received"] or 0,
        rejected=counted["rejected"] or 0,
        cut=counted["cut"] or 0,
        sessions_lost=counted["sessions_lost"] or 0,
        session_lost_at=_moment(counted["session_lost_at"]),
        paused=paused,
    )


def _rate(hours: Sequence[Any], at: float) -> float | None:
    found = {
        60 * hour + minute: count
        for hour, row in zip(counters.window_hours(at), hours, strict=True)
        for minute, raw in enumerate(replies.granted(row, []))
        if (count := _count(raw)) is not None
    }
    window = CountWindow([{"received": found[m]} if m in found else {} for m in counters.window_minutes(at)], at % 60)
    return None if window.is_empty else window.rate("received")


# --- topics -------------------------------------------------------------------------------------------------


def by_topic(connection: Redis, pipeline: str) -> list[TopicStatus]:
    """Every topic that is told apart, and the others."""
    at = clock.now_ms(connection) / 1000
    with connection.pipeline(transaction=False) as pipe:
        pipe.hgetall(keys.topics(pipeline))
        pipe.zrange(keys.topics_seen(pipeline), 0, -1, withscores=True)
        counted, seen = replies.execute(pipe)
    moments = dict(replies.granted(seen, []))
    return [
        _topic(pipeline, raw, text, moments.get(raw), at)
        for raw, text in replies.granted(counted, {}).items()
        if _parts(text) is not None
    ]


def _topic(pipeline: str, raw: bytes, text: bytes, seen: float | None, at: float) -> TopicStatus:
    received, rejected, rate, lag = _parts(text) or (0, 0, 0.0, None)
    passed = max(0.0, at - seen / 1000) if seen else 0.0
    name = untrusted_fields.decode(raw)
    return TopicStatus(
        topic=None if name == topics.OTHER_TOPICS else name,
        pipeline=pipeline,
        rate=topics.decayed_rate(rate, passed),
        received=received,
        rejected=rejected,
        seen_at=_moment(seen),
        lag=lag,
    )


def _parts(text: bytes) -> tuple[int, int, float, float | None] | None:
    """What the script wrote of a topic, None where it is something else."""
    try:
        received, rejected, rate, lag = text.decode().split(" ")
        return int(received), int(rejected), float(rate), int(lag) / 1000 if lag else None
    except ValueError:
        return None


# --- arrivals -----------------------------------------------------------------------------------------------


def watch(connection: Redis, pipelines: Sequence[str]) -> Iterator[Arrivals]:
    """Yield what is taken in as it comes, and nothing about every second without any, for ever.

    The first time it yields, Redis has taken the subscription; sources know of it a second later at most.
    """
    channels = {keys.arrivals(name).encode(): name for name in pipelines}
    with connection.pubsub() as channel:
        channel.subscribe(*channels)
        while True:
            told = channel.get_message(timeout=PATIENCE)
            if told is None or told["type"] != "message":
                yield Arrivals([], 0)
            else:
                yield _arrivals(channels[told["channel"]], told["data"])


def _arrivals(pipeline: str, data: bytes) -> Arrivals:
    try:
        count, items = json.loads(data)
        return Arrivals([_arrival(pipeline, item) for item in items], int(count))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError):
        return Arrivals([], 0)  # somebody else's: nothing of ours is told like this


def _arrival(pipeline: str, item: Mapping[str, Any]) -> Arrival:
    received = clock.to_datetime(item["received_ns"] / 1e6)
    if "fields" in item:
        return Arrival(
            pipeline, received, str(item["topic"]), clock.to_datetime(item["ts_ns"] / 1e6), dict(item["fields"])
        )
    said = datetime.fromisoformat(item["timestamp"])
    return Arrival(
        pipeline, received, str(item["user_id"]), said, {"msg_id": item["msg_id"], "message": item["message"]}
    )


def _count(raw: bytes | None) -> int | None:
    """A count of ours, None where it is missing or something else."""
    return int(raw) if raw is not None and raw.isdigit() and len(raw) < 18 else None


def _moment(ms: float | None) -> datetime | None:
    try:
        return clock.to_datetime(ms) if ms else None
    except (ValueError, OverflowError, OSError):
        return None
