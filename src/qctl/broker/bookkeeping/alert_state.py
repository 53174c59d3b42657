"""What is remembered of alerts: which queues are bad by which rule, who was told when, and which rules are muted.

It is in Redis, so that any number of schedulers tell of a thing once, and a restart does not tell of it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from redis import Redis

from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.models import Firing, Level, Mute


def firing(connection: Redis) -> dict[str, dict[str, Firing]]:
    """What is bad, by rule and queue. What cannot be read is as if it had never been noted."""
    found: dict[str, dict[str, Firing]] = {}
    for raw, value in _all(connection, keys.ALERTS).items():
        rule, _, queue = untrusted_fields.decode(raw).partition("|")
        try:
            note = json.loads(value)
            told = {
                str(channel): (clock.to_datetime(at), Level(level)) for channel, (at, level) in note["told"].items()
            }
            found.setdefault(rule, {})[queue] = Firing(
                queue, Level(note["level"]), clock.to_datetime(note["since"]), told
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
            continue
    return found


def note(connection: Redis, rule: str, firing: Firing) -> None:
    """Remember that a queue is bad by a rule, and who was told."""
    told = {channel: [_ms(at), int(level)] for channel, (at, level) in firing.told.items()}
    value = json.dumps({"level": int(firing.level), "since": _ms(firing.since), "told": told})
    connection.hset(keys.ALERTS, f"{rule}|{firing.queue}", value)


def forget(connection: Redis, rule: str, queue: str) -> None:
    """A queue is well again, or no rule looks at it any more."""
    connection.hdel(keys.ALERTS, f"{rule}|{queue}")


def mutes(connection: Redis) -> dict[str, Mute]:
    """The rules that are muted now."""
    found: dict[str, Mute] = {}
    now = clock.to_datetime(clock.now_ms(connection))
    for raw, value in _all(connection, keys.MUTED_ALERTS).items():
        try:
            said = json.loads(value)
            until = None if said["until"] is None else clock.to_datetime(said["until"])
            mute = Mute(str(said["by"]), clock.to_datetime(said["at"]), until, str(said["reason"]))
        except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
            continue
        if until is None or until > now:
            found[untrusted_fields.decode(raw)] = mute
    return found


def mute(connection: Redis, rule: str, *, by: str, seconds: float | None, reason: str) -> Mute:
    """Mute a rule for so many seconds, or until it is ended, in place of what was said before."""
    now = clock.now_ms(connection)
    until = None if seconds is None else now + round(seconds * 1000)
    connection.hset(keys.MUTED_ALERTS, rule, json.dumps({"by": by, "at": now, "until": until, "reason": reason}))
    return Mute(by, clock.to_datetime(now), None if until is None else clock.to_datetime(until), reason)


def unmute(connection: Redis, rule: str) -> bool:
    """Tell of a rule again. Returns whether it was muted."""
    was = rule in mutes(connection)
    connection.hdel(keys.MUTED_ALERTS, rule)
    return was


def _all(connection: Redis, key: str) -> Mapping[bytes, bytes]:
    with connection.pipeline(transaction=False) as pipe:
        pipe.hgetall(key)
        return replies.granted(replies.execute(pipe)[0], {})


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
