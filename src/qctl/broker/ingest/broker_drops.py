"""Messages that a broker dropped, by the count that it publishes itself."""

from __future__ import annotations

from redis import Redis
from redis.client import Pipeline

from qctl.broker.redis import ingest_keys, replies
from qctl.broker.redis.scripts import Script

MAX_COUNTERS = 50
"""Counts that are kept: one for each node of a broker."""

MAX_COUNT_DIGITS = 15
"""Digits of a count; a longer one is no count."""

_note_drops = Script("ingest/note_drops", after="redis/types")


def parse(payload: bytes) -> int | None:
    """Return the count in a message of a broker, None if it is none."""
    text = payload.strip()
    return int(text) if text.isdigit() and len(text) <= MAX_COUNT_DIGITS else None


def note(connection: Redis, pipeline: str, counter: str, value: int) -> int:
    """Note a count that a broker told; `counter` names the broker and the topic. Returns by how many it has grown, 0
    when it is first told."""
    reply = _note_drops(
        connection,
        drops=ingest_keys.broker_drops(pipeline),
        counter=f"of {counter}",
        value=value,
        max_counters=MAX_COUNTERS,
    )
    return replies.integer(reply)


def stage(pipe: Pipeline, pipeline: str) -> None:
    """Add the read of a pipeline's drops; `parse_fields` reads its reply."""
    pipe.hmget(ingest_keys.broker_drops(pipeline), "dropped", "at")


def parse_fields(reply: object) -> tuple[int, int | None]:
    """Return how many messages were dropped, and when (ms) that number last grew."""
    values = replies.field_values(reply, 2)
    dropped, at = (int(raw) if raw and raw.isdigit() and len(raw) < 17 else None for raw in values)
    return dropped or 0, at
