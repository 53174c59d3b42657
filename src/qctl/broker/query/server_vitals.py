"""What can be seen of Redis itself, and of what keeps queues moving. Writes nothing.

INFO and TIME are in neither @read nor @connection: for a user who may not ask them, what they tell is None.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from qctl import catalog
from qctl.broker.ingest import buffer
from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.models import Ping


@dataclass(frozen=True)
class Memory:
    """Bytes that Redis uses and may use, 0 without a limit, and what it does when it is full."""

    used: int
    limit: int
    policy: str


@dataclass(frozen=True)
class Persistence:
    """Whether Redis writes its append-only file, and whether it could last time."""

    aof: bool
    aof_writes: bool


@dataclass(frozen=True)
class QueueVitals:
    """One queue: how many letters its quarantine holds, since when (seconds) its first delayed job is overdue, None
    where none is, whether a scheduler serves it, and how often in a row its sink was found down."""

    quarantined: int
    overdue: float | None
    scheduler: bool
    sink_down: int


@dataclass(frozen=True)
class BufferVitals:
    """One buffer: items in it, and the age of the oldest in seconds, None where it is empty; how often a broker forgot
    what it had kept for its source, and how many seconds ago last, None where it never did."""

    depth: int
    oldest_age: float | None
    sessions_lost: int = 0
    session_lost: float | None = None


@dataclass(frozen=True)
class Vitals:
    """All of it, at one moment. What this user may not ask is None. `suspended`: `rq suspend` stops all workers."""

    memory: Memory | None
    persistence: Persistence | None
    suspended: bool
    queues: dict[str, QueueVitals]
    buffers: dict[str, BufferVitals]


def ping(connection: Redis, target: str) -> Ping:
    """Ask Redis who and how late it is. `target` is its URL without a secret. Raises what redis-py raises."""
    began = time.perf_counter()
    connection.ping()
    rtt = time.perf_counter() - began
    with connection.pipeline(transaction=False) as pipe:
        pipe.execute_command("HELLO")
        pipe.time()
        hello, at = replies.execute(pipe)
    return Ping(rtt=rtt, ts_ms=clock.reply_ms(at), redis_version=_version(hello), target=target)


def read(connection: Redis, queues: Sequence[str]) -> Vitals:
    """Look at Redis, these queues, and the buffers of all pipelines, in one round trip."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.info("memory")
        pipe.info("persistence")
        pipe.exists(keys.SUSPENDED)
        pipe.hgetall(keys.BREAKERS)
        for queue in queues:
            pipe.hlen(keys.quarantine(queue))
            pipe.zrange(keys.scheduled(queue), 0, 0, withscores=True)
            pipe.exists(keys.scheduler_lock(queue))
        for pipeline in catalog.PIPELINES:
            pipe.llen(keys.buffer(pipeline))
            pipe.lindex(keys.buffer(pipeline), 0)
            pipe.hmget(keys.ingest(pipeline), "sessions_lost", "session_lost_at")
        at, memory, persistence, suspended, breakers, *rest = replies.execute(pipe)
    now = clock.reply_ms(at) / 1000
    tripped = replies.granted(breakers, {})
    of_queues, of_buffers = rest[: 3 * len(queues)], rest[3 * len(queues) :]
    return Vitals(
        memory=_memory(memory),
        persistence=_persistence(persistence),
        suspended=bool(replies.granted(suspended, 0)),
        queues={
            queue: _queue(
                replies.granted(held, 0),
                replies.granted(first, []),
                bool(lock),
                tripped.get(_raw(queue)),
                now,
            )
            for queue, held, first, lock in zip(queues, of_queues[::3], of_queues[1::3], of_queues[2::3], strict=True)
        },
        buffers={
            pipeline: _buffer(*of_buffers[3 * number : 3 * number + 3], now=now)
            for number, pipeline in enumerate(catalog.PIPELINES)
        },
    )


def _buffer(depth: Any, oldest: Any, lost: Any, *, now: float) -> BufferVitals:
    count, at = (int(raw) if raw and raw.isdigit() else None for raw in replies.granted(lost, [None, None]))
    return BufferVitals(
        replies.granted(depth, 0),
        buffer.item_age(replies.granted(oldest, None)),
        count or 0,
        None if at is None else max(0.0, now - at / 1000),
    )


def _raw(name: str) -> bytes:
    return name.encode(errors="surrogateescape")


def _version(hello: Any) -> str:
    """The version in the reply to HELLO, which who may connect may send."""
    if isinstance(hello, Mapping):
        fields = dict(hello)
    elif isinstance(hello, (list, tuple)):
        fields = dict(zip(hello[::2], hello[1::2], strict=False))
    else:
        return "unknown"
    return untrusted_fields.decode(fields.get(b"version")) or "unknown"


def _memory(info: Any) -> Memory | None:
    if replies.is_forbidden(info):
        return None
    fields = replies.granted(info, {})
    return Memory(
        int(fields.get("used_memory", 0)), int(fields.get("maxmemory", 0)), str(fields.get("maxmemory_policy", ""))
    )


def _persistence(info: Any) -> Persistence | None:
    if replies.is_forbidden(info):
        return None
    fields = replies.granted(info, {})
    return Persistence(bool(fields.get("aof_enabled")), fields.get("aof_last_write_status", "ok") == "ok")


def _queue(
    quarantined: int, first: list[tuple[bytes, float]], lock: bool, tripped: bytes | None, now: float
) -> QueueVitals:
    due = first[0][1] if first else None
    return QueueVitals(
        quarantined=quarantined,
        overdue=max(0.0, now - due) if due is not None and due <= now else None,
        scheduler=lock,
        sink_down=untrusted_fields.parse_count(tripped) or 0,
    )
