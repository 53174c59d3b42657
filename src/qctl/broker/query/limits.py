"""Reads the limits that claims obey, and how far each is used. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

from redis import Redis

from qctl.broker.redis import clock, keys, limit_keys, replies, untrusted_fields
from qctl.models.limits import Limit, LimitScope

MAX_STORED_WINDOWS = 20
"""Next windows of a blackout that Redis holds: those of three weeks for one that is daily. Each claim reads them."""


def read(connection: Redis) -> list[Limit]:
    """Return the limits that last, sorted by scope and name, with their use."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.hgetall(limit_keys.LIMITS)
        time, raw = replies.execute(pipe)
    now = clock.reply_ms(time)
    limits = parse(replies.bytes_dict(raw), now)
    with connection.pipeline(transaction=False) as pipe:
        for limit in limits:
            field = f"{limit.scope}:{limit.name}"
            pipe.lrange(limit_keys.times(field), 0, max(0, (limit.rate or 0) - 1))
            pipe.smembers(limit_keys.held(field))
        answers = iter(replies.execute(pipe))
    used = []
    for limit in limits:
        times, held = next(answers), next(answers)
        since = now - limit.seconds * 1000
        started = sum(float(at) > since for at in replies.bytes_list(times)) if limit.rate is not None else 0
        running = _living(connection, replies.bytes_set(held))
        used.append(replace(limit, started=started, running=running))
    return used


def parse(raw: Mapping[bytes, bytes], now_ms: int) -> list[Limit]:
    """Return the limits in HGETALL of `limit_keys.LIMITS` that last at `now_ms`, without their use."""
    limits = []
    for field, value in raw.items():
        scope, _, name = untrusted_fields.decode(field).partition(":")
        data = untrusted_fields.parse_object(value)
        if scope not in get_args(LimitScope) or not name or not data:
            continue
        until = _number(data.get("until"))
        if until is None or until > now_ms:
            limits.append(_limit(scope, name, data, now_ms))  # type: ignore[arg-type]
    return sorted(limits, key=lambda limit: (get_args(LimitScope).index(limit.scope), limit.name))


def encode(limit: Limit, labels: list[str]) -> str:
    """Return a limit as Redis holds it. `labels` are names with which RQ's description of its jobs begins."""
    data: dict[str, Any] = {"by": limit.by, "reason": limit.reason}
    data["at"] = round(limit.at.timestamp() * 1000) if limit.at else 0
    if limit.until:
        data["until"] = round(limit.until.timestamp() * 1000)
    if limit.rate is not None:
        data |= {"rate": limit.rate, "per": round(limit.seconds * 1000)}
    if limit.concurrency is not None:
        data["concurrency"] = limit.concurrency
    if limit.blackout:
        windows = [[round(edge.timestamp() * 1000) for edge in window] for window in limit.windows]
        data |= {"blackout": limit.blackout, "zone": limit.zone, "windows": windows}
    return json.dumps(data | ({"labels": labels} if labels else {}))


def _living(connection: Redis, held: set[bytes]) -> int:
    """Count the slots whose job still has a claim."""
    slots = [slot.partition(b"|")[::2] for slot in held]
    with connection.pipeline(transaction=False) as pipe:
        for queue, job_id in slots:
            pipe.hexists(keys.claims(untrusted_fields.decode(queue)), job_id)
        return sum(bool(answer) for answer in replies.execute(pipe)) if slots else 0


def _limit(scope: LimitScope, name: str, data: dict[str, Any], now_ms: int) -> Limit:
    rate, per, concurrency = (_number(data.get(key)) for key in ("rate", "per", "concurrency"))
    at, until = (clock.optional_datetime(_number(data.get(key))) for key in ("at", "until"))
    has_rate = bool(rate and per)
    windows = tuple(window for window in _windows(data.get("windows")) if window[1].timestamp() * 1000 > now_ms)
    lasting = (end for start, end in windows if start.timestamp() * 1000 <= now_ms)
    return Limit(
        scope,
        name,
        int(rate) if rate and has_rate else None,
        per / 1000 if per and has_rate else 0.0,
        None if concurrency is None else int(concurrency),
        by=str(data.get("by") or "?"),
        at=at,
        until=until,
        reason=str(data.get("reason") or ""),
        blackout=str(data.get("blackout") or ""),
        zone=str(data.get("zone") or ""),
        windows=windows,
        dark_until=next(lasting, None),
    )


def _windows(value: object) -> Iterator[tuple[datetime, datetime]]:
    for window in value[:MAX_STORED_WINDOWS] if isinstance(value, list) else ():
        if isinstance(window, list) and len(window) == 2:
            start, end = (clock.optional_datetime(_number(edge)) for edge in window)
            if start is not None and end is not None:
                yield start, end


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 1 << 53 else None
