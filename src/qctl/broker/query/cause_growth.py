"""Counts the newest dead letters of each cause, from the index that qctl's workers keep. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from redis import Redis

from qctl.broker.redis import keys, replies, untrusted_fields

MAX_CAUSES = 1000
"""Causes of all queues that are counted; further ones are left out."""


class CauseGrowth(NamedTuple):
    """A cause in one queue: its parts, when its first dead letter died (s), the newest one, and how many died in the
    last period and in the one before."""

    queue: str
    fingerprint: str
    exception: str
    message: str
    function: str
    first: float
    sample: str
    new: int
    before: int


def read(connection: Redis, queues: Sequence[str], now: float, seconds: float) -> list[CauseGrowth]:
    """Return the causes of these queues of which a letter died in the last `seconds`, in two round trips."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.hgetall(keys.causes(queue))
        answers = [replies.bytes_dict(reply) for reply in replies.execute(pipe)]
    named = [
        (queue, untrusted_fields.decode(fingerprint), untrusted_fields.parse_object(parts))
        for queue, causes in zip(queues, answers, strict=True)
        for fingerprint, parts in causes.items()
    ][:MAX_CAUSES]
    since, earlier = 1000 * (now - seconds), 1000 * (now - 2 * seconds)
    with connection.pipeline(transaction=False) as pipe:
        for queue, fingerprint, _ in named:
            key = keys.cause(queue, fingerprint)
            pipe.zrange(key, 0, 0, withscores=True)
            pipe.zrange(key, -1, -1)
            pipe.zcount(key, since, "+inf")
            pipe.zcount(key, earlier, f"({since}")
        found = replies.execute(pipe)
    growths = []
    for (queue, fingerprint, parts), first, last, new, before in zip(
        named, found[::4], found[1::4], found[2::4], found[3::4], strict=True
    ):
        oldest, newest = replies.scored_members(first), replies.bytes_list(last)
        if oldest and newest and replies.integer(new):
            exception, message, function = (str(parts.get(name, "")) for name in ("exception", "message", "function"))
            sample = untrusted_fields.decode(newest[0])
            counts = replies.integer(new), replies.integer(before)
            died = oldest[0][1] / 1000
            growths.append(CauseGrowth(queue, fingerprint, exception, message, function, died, sample, *counts))
    return growths
