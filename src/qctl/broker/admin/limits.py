"""Sets and clears the limits that claims obey. They count from the next claim on, for every worker."""

from __future__ import annotations

from datetime import timedelta

from redis import Redis
from redis.client import Pipeline

from qctl.broker.query import limits
from qctl.broker.redis import clock, limit_keys, replies
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
) -> Limit:
    """Set what `limit` has, and leave the other half of an earlier limit unless it is lifted. Returns the limit as set.

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
        )
        pipe.multi()
        if chosen.rate is None and chosen.concurrency is None:
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
