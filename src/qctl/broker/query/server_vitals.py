"""Vital signs of Redis itself, and of the parts that keep queues moving. Writes nothing.

A value that this user may not read is None, because INFO and TIME are in neither @read nor @connection.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis

from qctl import catalog
from qctl.broker.bookkeeping import budgets, heartbeats
from qctl.broker.bookkeeping.budgets import Shares
from qctl.broker.ingest import broker_drops, buffer
from qctl.broker.query import reject_tallies
from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.broker.worker.lease import LEASE_SECONDS
from qctl.errors import RefusedError
from qctl.models import BudgetKind, BudgetUse, Ping, RejectTally, SourceStatus


@dataclass(frozen=True)
class Memory:
    """Memory of Redis: bytes used, their limit (0 for none), and the policy at the limit."""

    used: int
    limit: int
    policy: str


@dataclass(frozen=True)
class Persistence:
    """State of the append-only file: whether it is on, and whether the last write succeeded."""

    aof: bool
    aof_writes: bool


@dataclass(frozen=True)
class Writes:
    """Evidence of whether Redis takes writes. `snapshot_failed`: its last snapshot did; `needs_snapshots`: it takes no
    writes after a failed one; `has_scripts`: it has EVALSHA; `may_write` and `may_run_scripts`: the user's permissions.
    Each is None if the user may not ask. `lease_age` is the seconds since a worker renewed its lease last, None if none
    has one."""

    is_replica: bool
    snapshot_failed: bool
    needs_snapshots: bool | None
    has_scripts: bool
    may_write: bool | None
    may_run_scripts: bool | None
    lease_age: float | None


@dataclass(frozen=True)
class DataLoss:
    """The last loss of data: seconds ago, and a sentence."""

    age: float
    loss: str


@dataclass(frozen=True)
class QueueVitals:
    """Vital signs of one queue: the number of quarantined jobs, seconds since its first delayed job was due (None if
    none is overdue), whether a scheduler serves it, and how many times in a row its sink was down."""

    quarantined: int
    overdue: float | None
    scheduler: bool
    sink_down: int


@dataclass(frozen=True)
class BufferVitals:
    """Vital signs of one buffer: items in it, the age of the oldest in seconds (None if it is empty), how many times a
    broker lost the session of its source, and how many seconds ago that happened last (None for never)."""

    depth: int
    oldest_age: float | None
    sessions_lost: int = 0
    session_lost: float | None = None
    dropped: int = 0
    """Messages that its brokers dropped."""
    dropped_age: float | None = None
    """Time (s) since that number last grew."""


@dataclass(frozen=True)
class Vitals:
    """All vital signs at one moment. `suspended`: `rq suspend` stops all workers; `at` is
    the time of Redis in seconds."""

    memory: Memory | None
    persistence: Persistence | None
    writes: Writes
    data_loss: DataLoss | None
    suspended: bool
    at: float
    queues: dict[str, QueueVitals]
    buffers: dict[str, BufferVitals]
    budgets: list[BudgetUse]
    tallies: list[RejectTally]
    now: float
    """Redis's clock, in seconds since 1970."""
    sources: list[SourceStatus]


def ping(connection: Redis, target: str) -> Ping:
    """Measure a round trip to Redis, and read its version. `target` is its URL without a secret.

    Raises redis-py's exceptions, and RefusedError for a Sentinel.
    """
    began = time.perf_counter()
    connection.ping()
    rtt = time.perf_counter() - began
    with connection.pipeline(transaction=False) as pipe:
        pipe.execute_command("HELLO")
        pipe.time()
        hello, at = replies.execute(pipe)
    if _hello_fields(hello).get(b"mode") == b"sentinel":
        raise RefusedError(
            f"{target} is a Sentinel, which holds no data",
            "name the server it watches: SENTINEL get-master-addr-by-name",
        )
    return Ping(
        rtt=rtt,
        ts_ms=clock.reply_ms(at),
        redis_version=untrusted_fields.decode(_hello_fields(hello).get(b"version")) or "unknown",
        target=target,
    )


def read(connection: Redis, queues: Sequence[str], shares: Shares = Shares()) -> Vitals:  # noqa: B008 - it is frozen
    """Return the vital signs of Redis, of these queues, and of the buffers of all pipelines, in two round trips."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.info("memory")
        pipe.info("persistence")
        pipe.info("replication")
        pipe.execute_command("COMMAND INFO", "EVALSHA")
        pipe.execute_command("ACL", "WHOAMI")
        pipe.config_get("stop-writes-on-bgsave-error")
        pipe.config_get("save")
        pipe.zrange(keys.LEASES, -1, -1, withscores=True)
        pipe.hmget(keys.IDENTITY, "lost_at", "loss")
        pipe.exists(keys.SUSPENDED)
        pipe.hgetall(keys.BREAKERS)
        pipe.hgetall(keys.BUDGETS)
        pipe.hgetall(keys.HEARTBEATS)
        for queue in queues:
            pipe.hlen(keys.quarantine(queue))
            pipe.zrange(keys.scheduled(queue), 0, 0, withscores=True)
            pipe.exists(keys.scheduler_lock(queue))
        for pipeline in catalog.PIPELINES:
            pipe.llen(keys.buffer(pipeline))
            pipe.lindex(keys.buffer(pipeline), 0)
            pipe.hmget(keys.ingest(pipeline), "sessions_lost", "session_lost_at")
            broker_drops.stage(pipe, pipeline)
        at, memory, persistence, replication, script, user, stops, save, lease, *others = replies.execute(pipe)
    identity, suspended, raw_breakers, sums, beats, *rest = others
    now = clock.reply_ms(at) / 1000
    breakers = replies.bytes_dict(raw_breakers)
    of_queues, of_buffers = rest[: 3 * len(queues)], rest[3 * len(queues) :]
    return Vitals(
        memory=_memory(memory),
        persistence=_persistence(persistence),
        writes=_writes(
            connection, clock.reply_ms(at), persistence, replication, script, user, _needs_snapshots(stops, save), lease
        ),
        data_loss=_data_loss(identity, now),
        suspended=bool(replies.integer(suspended)),
        at=now,
        queues={
            queue: _queue(of_queues[3 * n : 3 * n + 3], breakers.get(untrusted_fields.encode(queue)), now)
            for n, queue in enumerate(queues)
        },
        buffers={pipeline: _buffer(of_buffers[4 * n : 4 * n + 4], now) for n, pipeline in enumerate(catalog.PIPELINES)},
        budgets=_budgets(replies.bytes_dict(sums), shares.limits(found.limit if (found := _memory(memory)) else 0)),
        tallies=reject_tallies.read(connection, [spec.queue for spec in catalog.PIPELINES.values()]),
        now=now,
        sources=heartbeats.parse(at, beats),
    )


def _budgets(sums: dict[bytes, bytes], limits: Mapping[BudgetKind, int]) -> list[BudgetUse]:
    """Return the use of each budget."""
    uses = []
    for kind, (used, groups) in budgets.parse(sums).items():
        most = max(groups.items(), key=lambda group: group[1], default=None)
        uses.append(BudgetUse(kind, used, limits[kind], most))
    return uses


def _queue(answers: Sequence[object], breaker: bytes | None, now: float) -> QueueVitals:
    quarantined, raw_first, lock = answers
    first = replies.scored_members(raw_first)
    due = first[0][1] if first else None
    return QueueVitals(
        quarantined=replies.integer(quarantined),
        overdue=max(0.0, now - due) if due is not None and due <= now else None,
        scheduler=bool(lock),
        sink_down=untrusted_fields.parse_count(breaker) or 0,
    )


def _buffer(answers: Sequence[object], now: float) -> BufferVitals:
    depth, oldest, sessions, drops = answers
    dropped, dropped_at = broker_drops.parse_fields(drops)
    lost, lost_at = (int(raw) if raw and raw.isdigit() else None for raw in replies.field_values(sessions, 2))
    return BufferVitals(
        replies.integer(depth),
        buffer.item_age(replies.optional_bytes(oldest)),
        lost or 0,
        None if lost_at is None else max(0.0, now - lost_at / 1000),
        dropped,
        None if dropped_at is None else max(0.0, now - dropped_at / 1000),
    )


def _hello_fields(hello: object) -> dict[bytes, Any]:
    """Read the reply to HELLO, which every user may send."""
    if isinstance(hello, Mapping):
        return dict(hello)
    return dict(zip(hello[::2], hello[1::2], strict=False)) if isinstance(hello, (list, tuple)) else {}


def _memory(reply: object) -> Memory | None:
    if replies.is_forbidden(reply):
        return None
    info = _info(reply)
    return Memory(int(info.get("used_memory", 0)), int(info.get("maxmemory", 0)), str(info.get("maxmemory_policy", "")))


def _persistence(reply: object) -> Persistence | None:
    if replies.is_forbidden(reply):
        return None
    info = _info(reply)
    return Persistence(bool(info.get("aof_enabled")), info.get("aof_last_write_status", "ok") == "ok")


def _writes(
    connection: Redis,
    now_ms: int,
    persistence: object,
    replication: object,
    script: object,
    user: object,
    needs_snapshots: bool | None,
    lease: object,
) -> Writes:
    replica = {} if replies.is_forbidden(replication) else _info(replication)
    disk = {} if replies.is_forbidden(persistence) else _info(persistence)
    newest = replies.scored_members(lease)
    may_write = may_run_scripts = None
    if isinstance(user, bytes):
        with connection.pipeline(transaction=False) as pipe:
            pipe.execute_command("ACL", "DRYRUN", user, "SET", keys.TOTALS, "")
            pipe.execute_command("ACL", "DRYRUN", user, "EVALSHA", "0" * 40, "0")
            may_write, may_run_scripts = map(_permission, replies.execute(pipe))
    return Writes(
        is_replica=replica.get("role") == "slave",
        snapshot_failed=disk.get("rdb_last_bgsave_status", "ok") != "ok",
        needs_snapshots=needs_snapshots,
        has_scripts=not (isinstance(script, list) and script == [None]),
        may_write=may_write,
        may_run_scripts=may_run_scripts,
        lease_age=(now_ms - newest[0][1]) / 1000 + LEASE_SECONDS if newest else None,
    )


def _needs_snapshots(stops: object, save: object) -> bool | None:
    """Read the replies to CONFIG GET: Redis stops taking writes only if it makes snapshots by itself."""
    if not isinstance(stops, dict) or not isinstance(save, dict):
        return None
    return stops.get("stop-writes-on-bgsave-error") == "yes" and bool(save.get("save"))


def _data_loss(reply: object, now: float) -> DataLoss | None:
    at, loss = replies.field_values(reply, 2)
    if not at or not at.isdigit() or len(at) > 15:
        return None
    return DataLoss(max(0.0, now - int(at) / 1000), untrusted_fields.decode(loss))


def _permission(reply: object) -> bool | None:
    """Read the reply to ACL DRYRUN: OK, or a sentence about the missing permission. None if this user may not ask."""
    return None if isinstance(reply, Exception) else reply in (b"OK", "OK", True)


def _info(reply: object) -> dict[str, Any]:
    """Read the reply to INFO."""
    if isinstance(reply, Exception):
        raise reply
    return cast("dict[str, Any]", reply)
