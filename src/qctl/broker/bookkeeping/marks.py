"""Marks: moments such as deployments that plots and causes show."""

from __future__ import annotations

import json

from redis import Redis

from qctl.broker.redis import annotation_keys, clock, replies, untrusted_fields
from qctl.models.annotations import Mark

MAX_MARKS = 500
"""Marks that are kept; the oldest are deleted beyond that."""


def add(connection: Redis, text: str, *, by: str, at_ms: int | None = None) -> Mark:
    """Set a mark now, or at a time. Returns it."""
    at = clock.now_ms(connection) if at_ms is None else at_ms
    with connection.pipeline() as pipe:
        pipe.zadd(annotation_keys.MARKS, {encode(text, by, at): at})
        pipe.zremrangebyrank(annotation_keys.MARKS, 0, -MAX_MARKS - 1)
        pipe.execute()
    return Mark(text, clock.to_datetime(at), by)


def read(connection: Redis) -> list[Mark]:
    """Return all marks, the oldest first."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.zrange(annotation_keys.MARKS, -MAX_MARKS, -1, withscores=True)
        (answer,) = replies.execute(pipe)
    return [mark for raw, at in replies.scored_members(answer) if (mark := _parse(raw, at))]


def delete(connection: Redis, text: str) -> int:
    """Delete the marks with this text. Returns how many there were."""
    members = replies.bytes_list(connection.zrange(annotation_keys.MARKS, 0, -1))
    chosen = [raw for raw in members if untrusted_fields.parse_object(raw).get("text") == text]
    return int(connection.zrem(annotation_keys.MARKS, *chosen)) if chosen else 0


def encode(text: str, by: str, at_ms: int) -> str:
    """Return a mark as Redis holds it. The time makes it differ from other marks with this text."""
    return json.dumps({"text": text, "by": by, "at": at_ms})


def _parse(raw: bytes, at: float) -> Mark | None:
    fields = untrusted_fields.parse_object(raw)
    moment = clock.optional_datetime(at)
    text = fields.get("text")
    return Mark(text, moment, str(fields.get("by", "?"))) if isinstance(text, str) and moment else None
