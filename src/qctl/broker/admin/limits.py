"""Sets and clears the limits that claims obey. They count from the next claim on, for every worker."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime, timedelta

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from qctl.broker.query import limits
from qctl.broker.redis import clock, limit_keys, replies, untrusted_fields
from qctl.broker.scheduler.blackout import Blackout
from qctl.errors import RefusedError
from qctl.models.limits import Limit, LimitScope

MAX_LIMITS = 200
"""Limits that may be set at a time: each claim reads all of them."""


def put(
    connection: Redis,
    limit: Limit,
    *,
    labels: list[str],
    lifetime: float | None = None,
    lift_rate: bool = False,
    lift_concurrency: bool = False,
    lift_blackout: bool = False,
) -> Limit:
    """Set what `limit` has, and leave the other parts of an earlier limit unless they are lifted. Returns the limit as
    set.

    It ends after `lifetime` seconds, if given. Raises RefusedError beyond `MAX_LIMITS`.
    """
    field = f"{limit.scope}:{limit.name}"
    now = clock.now_ms(connection)
    chosen = limit

    def change(pipe: Pipeline) -> None:
        nonlocal chosen
        before = replies.bytes_dict(pipe.hgetall(limit_keys.LIMITS))
        old = next(
            (one for one in limits.parse(before, now) if (one.scope, one.name) == (limit.scope, limit.name)), None
        )
        if old is None and len(before) >= MAX_LIMITS:
            raise RefusedError(f"{MAX_LIMITS} limits are set already", hint="list them with: qctl limit list")
        keeps_rate = old is not None and limit.rate is None and not lift_rate
        keeps_concurrency = old is not None and limit.concurrency is None and not lift_concurrency
        at = clock.to_datetime(now)
        blackout, zone = limit.blackout, limit.zone
        if old and not blackout and not lift_blackout:
            blackout, zone = old.blackout, old.zone
        windows = _next_windows(blackout, zone, now)
        chosen = Limit(
            limit.scope,
            limit.name,
            old.rate if old and keeps_rate else limit.rate,
            old.seconds if old and keeps_rate else limit.seconds,
            old.concurrency if old and keeps_concurrency else limit.concurrency,
            by=limit.by,
            at=at,
            until=None if lifetime is None else at + timedelta(seconds=lifetime),
            reason=limit.reason,
            blackout=blackout,
            zone=zone,
            windows=windows,
            dark_until=next((end for start, end in windows if start <= at < end), None),
        )
        pipe.multi()
        if chosen.rate is None and chosen.concurrency is None and not chosen.blackout:
            pipe.hdel(limit_keys.LIMITS, field)
            pipe.delete(limit_keys.times(field), limit_keys.held(field))
        else:
            pipe.hset(limit_keys.LIMITS, field, limits.encode(chosen, labels))

    connection.transaction(change, limit_keys.LIMITS)
    return chosen


def clear(connection: Redis, scope: LimitScope, name: str) -> bool:
    """Lift a limit. False if there was none."""
    field = f"{scope}:{name}"
    with connection.pipeline() as pipe:
        pipe.hdel(limit_keys.LIMITS, field)
        pipe.delete(limit_keys.times(field), limit_keys.held(field))
        return bool(pipe.execute()[0])


def extend_blackouts(connection: Redis) -> int:
    """Store the next windows of blackouts of which half are over, so that claims know them while no scheduler runs.

    Returns how many were extended.
    """
    now = clock.now_ms(connection)
    extended = 0
    for field, raw in replies.bytes_dict(connection.hgetall(limit_keys.LIMITS)).items():
        data = untrusted_fields.parse_object(raw)
        windows = data.get("windows")
        if not data.get("blackout") or not isinstance(windows, list):
            continue
        left = [window for window in windows if isinstance(window, list) and window[-1:] > [now]]
        if len(left) > limits.MAX_STORED_WINDOWS // 2:
            continue
        following = _next_windows(str(data["blackout"]), str(data.get("zone")), now)
        data["windows"] = [[round(edge.timestamp() * 1000) for edge in window] for window in following]
        extended += _replace(connection, field, raw, json.dumps(data))
    return extended


def _replace(connection: Redis, field: bytes, before: bytes, after: str) -> int:
    """Replace the value of a limit, unless an operator has changed it meanwhile."""
    with connection.pipeline() as pipe, suppress(WatchError):
        pipe.watch(limit_keys.LIMITS)
        if pipe.hget(limit_keys.LIMITS, field) == before:
            pipe.multi()
            pipe.hset(limit_keys.LIMITS, field, after)
            pipe.execute()
            return 1
    return 0


def _next_windows(blackout: str, zone: str, now: int) -> tuple[tuple[datetime, datetime], ...]:
    if not blackout:
        return ()
    rule = Blackout(blackout, zone)
    rule.check()
    return tuple(
        (clock.to_datetime(start * 1000), clock.to_datetime(end * 1000))
        for start, end in rule.windows(now // 1000, limits.MAX_STORED_WINDOWS)
    )


def delete_ended(connection: Redis) -> int:
    """Delete the limits whose time is over, which claims ignore anyway. Returns how many."""
    raw = replies.bytes_dict(connection.hgetall(limit_keys.LIMITS))
    if not raw:
        return 0
    lasting = {f"{limit.scope}:{limit.name}" for limit in limits.parse(raw, clock.now_ms(connection))}
    ended = [field for field in (name.decode(errors="surrogateescape") for name in raw) if field not in lasting]
    return sum(clear(connection, *_split(field)) for field in ended)


def _split(field: str) -> tuple[LimitScope, str]:
    scope, _, name = field.partition(":")
    return scope, name  # type: ignore[return-value]
