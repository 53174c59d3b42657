"""Finding what dead claimants held and giving it back.

Two looks, at least `SECOND_LOOK` apart, must both find the lease run out: after Redis itself was away every lease
looks run out, and its holders need a moment to renew. Lease, two looks and the time between passes add up to less
than 30 s (P2).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, keys, replies
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claim_protocol import claimed_at

log = logging.getLogger(__name__)

PASS = 4.0
"""Seconds between passes."""

SECOND_LOOK = 4.0
"""Seconds that a lease must have been seen run out before its jobs are taken."""

DEATHS = 3
"""Times that a job's worker may die under it before the job is quarantined."""

_recover = Script("worker/recover", after=("redis/types", "worker/runs"))


@dataclass(frozen=True)
class _Suspect:
    queue: str
    job_id: str
    claim: str


class Recoverer:
    """Remembers between passes whom it suspects. `name` signs what it does; without `queues` it looks at all."""

    def __init__(self, connection: Redis, name: str, queues: Iterable[str] | None = None) -> None:
        self._redis = connection
        self._name = name
        self._queues = None if queues is None else list(queues)
        self._suspects: dict[_Suspect, float] = {}
        self._next = 0.0

    def maybe_run(self) -> None:
        """Make a pass if the last one is long enough ago. Raises what redis-py raises."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PASS
            self.run()

    def run(self) -> int:
        """Make a pass: take what was suspected long enough, suspect what is new. Returns the jobs taken."""
        now = time.monotonic()
        seen = {suspect: self._suspects.get(suspect, now) for suspect in self._look()}
        taken = 0
        # The last claim first: each goes to the head.
        for suspect, since in sorted(seen.items(), key=lambda item: claimed_at(item[0].claim))[::-1]:
            if now - since >= SECOND_LOOK:
                del seen[suspect]
                taken += self._take(suspect)
        for suspect in seen.keys() - self._suspects.keys():
            log.debug(
                "job %s of %s: the lease of its worker has run out; looked at again", suspect.job_id, suspect.queue
            )
        self._suspects = seen
        return taken

    def forget(self) -> None:
        """Suspect nobody: Redis was away, and nobody could renew."""
        self._suspects.clear()

    def _look(self) -> list[_Suspect]:
        """The claims whose claimant has no lease now, in two round trips."""
        queues = self._queues
        if queues is None:
            queues = [keys.queue_name(key) for key in replies.bytes_set(self._redis.smembers(keys.QUEUES))]
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.zrange(keys.LEASES, 0, -1, withscores=True)
            for queue in queues:
                pipe.hgetall(keys.claims(queue))
            time, leases, *claims = replies.execute(pipe)
        now = clock.reply_ms(time)
        alive = {name for name, ends in replies.scored_members(leases) if ends > now}
        return [
            _Suspect(queue, job_id.decode(errors="surrogateescape"), claim.decode(errors="surrogateescape"))
            for queue, held in zip(queues, claims, strict=True)
            for job_id, claim in replies.bytes_dict(held).items()
            if claim.rpartition(b"|")[0] not in alive
        ]

    def _take(self, suspect: _Suspect) -> bool:
        try:
            outcome = recover(self._redis, suspect.queue, suspect.job_id, suspect.claim, by=self._name)
        except ResponseError as error:
            if not replies.is_wrong_type(error):
                raise
            log.error("job %s of %s cannot be given back: %s", suspect.job_id, suspect.queue, error)  # noqa: TRY400 - the cause is Redis's
            return False
        if outcome in ("recovered", "quarantined"):
            told = {"event": "dlq" if outcome == "quarantined" else "recover", "jobId": suspect.job_id}
            log.warning("job %s of %s: %s, its worker died", suspect.job_id, suspect.queue, outcome, extra=told)
        return outcome in ("recovered", "quarantined")


def recover(connection: Redis, queue: str, job_id: str, claim: str, *, by: str, own: bool = False) -> str:
    """Take one job from a claimant that is dead, or with `own` from the caller whose child died under the job.

    Returns alive, changed, ended, recovered or quarantined.
    """
    outcome = _recover(
        connection,
        waiting=keys.queue(queue),
        intermediate=keys.intermediate(queue),
        started=keys.started(queue),
        claims=keys.claims(queue),
        job=keys.job(job_id),
        executions=keys.executions(job_id),
        leases=keys.LEASES,
        recoveries=keys.recoveries(queue),
        quarantine=keys.quarantine(queue),
        events=keys.EVENTS,
        job_id=job_id,
        claim=claim,
        queue=queue,
        execution_prefix=keys.execution_prefix(job_id),
        max_events=events.MAX_ENTRIES,
        max_deaths=DEATHS,
        actor=by,
        own="own" if own else "",
    )
    return replies.word(outcome)


def forget_dead_leases(connection: Redis) -> int:
    """Remove leases that ran out an hour ago, and what their claimants were told. Returns how many."""
    seconds, _ = connection.time()
    for name in connection.hkeys(keys.QUIET):
        if connection.zscore(keys.LEASES, name) is None:
            connection.hdel(keys.QUIET, name)
    return int(connection.zremrangebyscore(keys.LEASES, 0, (seconds - 3600) * 1000))
