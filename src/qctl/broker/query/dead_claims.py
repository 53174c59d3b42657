"""Tells claims that nobody recovers: their claimant died, and neither a worker of the queue nor a scheduler runs.

`broker/worker/recovery.py` returns the jobs of a dead claimant to their queue. Where nothing runs it, its claims stay.
"""

from __future__ import annotations

from redis import Redis
from redis.client import Pipeline

from qctl.broker.redis import clock, keys, replies
from qctl.broker.worker.lease import MAX_LEASE_SECONDS

RECOVERY_SECONDS = 30
"""Time (s) after the end of a claimant's lease within which its jobs are returned, if anything runs that does it."""


class Leases:
    """The leases of all claimants, at one moment of Redis."""

    def __init__(self, raw_leases: object, now_ms: float) -> None:
        ends = dict(replies.scored_members(raw_leases))
        earliest, latest = now_ms - RECOVERY_SECONDS * 1000, now_ms + MAX_LEASE_SECONDS * 1000
        self._living = {name for name, end in ends.items() if earliest < end <= latest}

    def is_left(self, claim: bytes | None) -> bool:
        """Tell whether a claim, if there is one, is of a claimant that died longer than `RECOVERY_SECONDS` ago."""
        return claim is not None and claim.rpartition(b"|")[0] not in self._living


def stage(pipe: Pipeline) -> None:
    """Add the read of the leases to a pipeline."""
    pipe.zrange(keys.LEASES, 0, -1, withscores=True)


def read(connection: Redis) -> Leases:
    """Return the leases of now."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        stage(pipe)
        time, raw_leases = replies.execute(pipe)
    return Leases(raw_leases, clock.reply_ms(time))
