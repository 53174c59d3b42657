"""Reads the pauses of queues that last now. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone

from redis import Redis

from qctl import catalog
from qctl.broker.redis import clock, keys, replies
from qctl.models import Pause


def parse(raw: Mapping[bytes, bytes], now_ms: int) -> dict[str, Pause]:
    """The pauses in HGETALL of `keys.PAUSED` that last at `now_ms`. One that cannot be parsed lasts for ever."""
    current = {}
    for field, value in raw.items():
        queue = field.decode(errors="surrogateescape")
        pause = parse_one(queue, value)
        if pause.until is None or pause.until.timestamp() * 1000 > now_ms:
            current[queue] = pause
    return current


def read(connection: Redis) -> dict[str, Pause]:
    """The pauses that last now, by queue."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.hgetall(keys.PAUSED)
        time, raw = replies.execute(pipe)
    return parse(replies.bytes_dict(raw), clock.reply_ms(time))


def find(pauses: Mapping[str, Pause], queue: str) -> Pause | None:
    """The pause of this queue: its own, or that of the queue whose lane it is."""
    return pauses.get(queue) or pauses.get(catalog.base_queue(queue))


def parse_one(queue: str, raw: bytes) -> Pause:
    """Return the pause of a queue, by its value in `keys.PAUSED`."""
    try:
        data = json.loads(raw)
        return Pause(
            queue=queue,
            by=str(data["by"]),
            at=_time(data["at"]),
            reason=str(data["reason"]),
            until=_time(data["until"]) if data.get("until") is not None else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return Pause(queue, by="?", at=_time(0), reason="the pause cannot be read; resume removes it")


def _time(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, timezone.utc)
