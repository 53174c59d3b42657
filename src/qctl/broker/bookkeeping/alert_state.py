"""Alert state in Redis: which queues violate which rule, who was notified when, and which rules are muted.

Because it is in Redis, any number of schedulers notify once for each alert, and a restart does not notify again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from redis import Redis

from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.models import Firing, Level, Mute


def read_firing(connection: Redis) -> dict[str, dict[str, Firing]]:
    """The alerts that fire, by rule and queue. Entries that cannot be parsed are left out."""
    alerts: dict[str, dict[str, Firing]] = {}
    for raw, value in _read_hash(connection, keys.ALERTS).items():
        rule, _, queue = untrusted_fields.decode(raw).partition("|")
        try:
            state = json.loads(value)
            notified = {
                str(channel): (clock.to_datetime(at), Level(level)) for channel, (at, level) in state["told"].items()
            }
            since, check = clock.to_datetime(state["since"]), str(state.get("check", ""))
            firing = Firing(queue, Level(state["level"]), since, notified, check)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
            continue
        alerts.setdefault(rule, {})[queue] = firing
    return alerts


def record(connection: Redis, rule: str, firing: Firing) -> None:
    """Record that a queue violates a rule, and who was notified."""
    notified = {channel: [_ms(at), int(level)] for channel, (at, level) in firing.notified.items()}
    state = {"level": int(firing.level), "since": _ms(firing.since), "told": notified}
    value = json.dumps({**state, "check": firing.check} if firing.check else state)
    connection.hset(keys.ALERTS, f"{rule}|{firing.queue}", value)


def delete(connection: Redis, rule: str, queue: str) -> None:
    """Delete the alert of a queue that has recovered, or that no rule covers."""
    connection.hdel(keys.ALERTS, f"{rule}|{queue}")


def read_mutes(connection: Redis) -> dict[str, Mute]:
    """The mutes in force now, by rule."""
    mutes: dict[str, Mute] = {}
    now = clock.to_datetime(clock.now_ms(connection))
    for raw, value in _read_hash(connection, keys.MUTED_ALERTS).items():
        try:
            fields = json.loads(value)
            until = None if fields["until"] is None else clock.to_datetime(fields["until"])
            muted = Mute(str(fields["by"]), clock.to_datetime(fields["at"]), until, str(fields["reason"]))
        except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
            continue
        if until is None or until > now:
            mutes[untrusted_fields.decode(raw)] = muted
    return mutes


def mute(connection: Redis, rule: str, *, by: str, seconds: float | None, reason: str) -> Mute:
    """Mute a rule for `seconds`, or until `unmute` if None. Replaces an earlier mute of the rule."""
    now = clock.now_ms(connection)
    until = None if seconds is None else now + round(seconds * 1000)
    connection.hset(keys.MUTED_ALERTS, rule, json.dumps({"by": by, "at": now, "until": until, "reason": reason}))
    return Mute(by, clock.to_datetime(now), None if until is None else clock.to_datetime(until), reason)


def unmute(connection: Redis, rule: str) -> bool:
    """End the mute of a rule. Returns False if the rule was not muted."""
    was_muted = rule in read_mutes(connection)
    connection.hdel(keys.MUTED_ALERTS, rule)
    return was_muted


def _read_hash(connection: Redis, key: str) -> Mapping[bytes, bytes]:
    with connection.pipeline(transaction=False) as pipe:
        pipe.hgetall(key)
        return replies.bytes_dict(replies.execute(pipe)[0])


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
