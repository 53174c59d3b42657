"""Reports of pools, and the sizes that operators asked of them. A pool reports in its working loop, so that one that
hangs or died is seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from redis import Redis

from qctl.broker.redis import clock, pool_keys, replies, untrusted_fields
from qctl.models import Pool, PoolRequest, PoolSize

REPORT_SECONDS = 3.0
"""Pause between two reports."""

SILENT_SECONDS = 4 * REPORT_SECONDS
"""Age of a report that shows that a pool is gone or hangs."""

FORGET_SECONDS = 86_400.0
"""Age of a report that the next pool that starts deletes."""

MAX_POOLS = 1000
"""Pools that are read; further ones are left out."""

MAX_REASON_CHARACTERS = 300


def report(connection: Redis, pool: Pool) -> None:
    """Publish the state of a pool; its `seen_at` is the time of the call by Redis's clock."""
    now = clock.now_ms(connection)
    data = {
        "at": now,
        "started": _ms(pool.started_at) or now,
        "changed": _ms(pool.changed_at),
        "queues": list(pool.queues),
        "configured": pool.configured.text,
        "bounds": pool.bounds.text,
        "size": pool.size,
        "running": pool.running,
        "ends": pool.ends,
        "wanted": pool.wanted,
        "reason": pool.reason[:MAX_REASON_CHARACTERS],
        "shrinks_in": pool.shrinks_in,
    }
    connection.hset(pool_keys.POOLS, _field(pool), json.dumps(data))


def delete(connection: Redis, pool: Pool) -> None:
    """Delete the report of a pool that ends, and those of pools that ended long ago without doing so."""
    now = clock.now_ms(connection)
    raw = replies.bytes_dict(connection.hgetall(pool_keys.POOLS))
    old = [field for field, text in raw.items() if now - _time(text) > FORGET_SECONDS * 1000]
    connection.hdel(pool_keys.POOLS, _field(pool), *old)


def read(connection: Redis) -> list[Pool]:
    """Return the pools that reported lately, by host and name."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.hgetall(pool_keys.POOLS)
        pipe.hgetall(pool_keys.POOL_SIZES)
        time, reports, sizes = replies.execute(pipe)
    now = clock.reply_ms(time)
    requests = {untrusted_fields.decode(field): _parse_request(raw) for field, raw in replies.bytes_dict(sizes).items()}
    return list(_parse(replies.bytes_dict(reports), requests, now))


def request(connection: Redis, host: str, name: str, size: PoolSize, by: str) -> PoolRequest:
    """Ask the pools of this name on a host to have this size, also after a restart."""
    now = clock.now_ms(connection)
    connection.hset(pool_keys.POOL_SIZES, f"{host}/{name}", json.dumps({"size": size.text, "by": by, "at": now}))
    return PoolRequest(size, by, clock.to_datetime(now))


def withdraw(connection: Redis, host: str, name: str) -> bool:
    """Let these pools have the size that they were started with. False if nothing else was asked for."""
    return bool(connection.hdel(pool_keys.POOL_SIZES, f"{host}/{name}"))


def requested(connection: Redis, host: str, name: str) -> PoolRequest | None:
    """Return the size that an operator asked for, if any."""
    raw = replies.optional_bytes(connection.hget(pool_keys.POOL_SIZES, f"{host}/{name}"))
    return None if raw is None else _parse_request(raw)


def _parse(reports: dict[bytes, bytes], requests: dict[str, PoolRequest | None], now: int) -> Iterator[Pool]:
    for field, text in sorted(reports.items())[:MAX_POOLS]:
        place, _, pid = untrusted_fields.decode(field).rpartition(":")
        host, _, name = place.partition("/")
        at = _time(text)
        if now - at > SILENT_SECONDS * 1000 or not pid.isdecimal() or len(pid) > 10 or not name:
            continue
        pool = _parse_pool(host, name, int(pid), untrusted_fields.parse_object(text))
        if pool is not None and (latest := requests.get(place)):
            pool = replace(pool, requested=latest.size, requested_by=latest.by, requested_at=latest.at)
        if pool is not None:
            yield pool


def _parse_pool(host: str, name: str, pid: int, data: dict[str, object]) -> Pool | None:
    queues = data.get("queues")
    seen, changed, started = (clock.optional_datetime(_number(data.get(key))) for key in ("at", "changed", "started"))
    size, running, ends, wanted = (_number(data.get(key)) for key in ("size", "running", "ends", "wanted"))
    try:
        configured, bounds = (PoolSize.parse(str(data.get(key))) for key in ("configured", "bounds"))
    except ValueError:
        return None
    if seen is None or size is None or not isinstance(queues, list):
        return None
    return Pool(
        name=name,
        host=host,
        pid=pid,
        queues=tuple(str(queue) for queue in queues),
        configured=configured,
        bounds=bounds,
        size=int(size),
        running=int(running or 0),
        seen_at=seen,
        started_at=started,
        changed_at=changed,
        wanted=None if wanted is None else int(wanted),
        reason=str(data.get("reason") or ""),
        shrinks_in=_number(data.get("shrinks_in")),
        ends=int(ends or 0),
    )


def _parse_request(raw: bytes) -> PoolRequest | None:
    data = untrusted_fields.parse_object(raw)
    at = clock.optional_datetime(_number(data.get("at")))
    try:
        return PoolRequest(
            PoolSize.parse(str(data.get("size"))), str(data.get("by") or "?"), at or clock.to_datetime(0)
        )
    except ValueError:
        return None


def _field(pool: Pool) -> str:
    return f"{pool.host}/{pool.name}:{pool.pid}"


def _time(text: bytes) -> float:
    return _number(untrusted_fields.parse_object(text).get("at")) or 0.0


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1e15 else None


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)
