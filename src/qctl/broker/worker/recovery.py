"""Finds the claims of dead claimants, and gives the jobs back.

Two passes, at least `CONFIRMATION_SECONDS` apart, must both find that the lease has run out: after Redis itself was
away every lease seems to have, and the workers need a moment to renew them. The lease, the confirmation and the time
between passes add up to less than 30 s, within which a job of a killed worker runs again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, keys, replies
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claim_request import claimed_at
from qctl.broker.worker.lease import MAX_LEASE_SECONDS

log = logging.getLogger(__name__)

PASS_SECONDS = 4.0
"""Time (s) between passes."""

CONFIRMATION_SECONDS = 4.0
"""Time (s) after which a lease that was seen to have run out must be seen so again, before its jobs are taken."""

MAX_DEATHS = 3
"""Number of deaths of its worker at which a job is quarantined."""

_recover = Script("worker/recover", after=("redis/types", "worker/runs", "worker/kept_runs"))


@dataclass(frozen=True)
class _Suspect:
    queue: str
    job_id: str
    claim: str


class Recoverer:
    """Makes passes over the claims of these queues, or of all. `name` signs its events.

    One thread makes the passes; another may call `reset`.
    """

    def __init__(self, connection: Redis, name: str, queues: Iterable[str] | None = None) -> None:
        self._redis = connection
        self._name = name
        self._queues = None if queues is None else list(queues)
        self._lock = threading.Lock()
        self._suspects: dict[_Suspect, float] = {}
        self._resets = 0
        self._due = 0.0

    def run_if_due(self) -> None:
        """Make a pass if the last one is long enough ago. Raises redis-py's exceptions."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + PASS_SECONDS
            self.run()

    def run(self) -> int:
        """Make a pass: take the claims that were suspected long enough. Returns how many jobs were taken."""
        with self._lock:
            before, resets = self._suspects, self._resets
        now = time.monotonic()
        suspects = {suspect: before.get(suspect, now) for suspect in self._find_expired()}
        taken = 0
        # The last claim first: each goes to the head.
        for suspect, since in sorted(suspects.items(), key=lambda item: claimed_at(item[0].claim))[::-1]:
            if now - since >= CONFIRMATION_SECONDS:
                del suspects[suspect]
                taken += self._take(suspect)
        for suspect in suspects.keys() - before.keys():
            log.debug(
                "job %s of %s: the lease of its worker has run out; to be confirmed", suspect.job_id, suspect.queue
            )
        with self._lock:
            if resets == self._resets:
                self._suspects = suspects
        return taken

    def reset(self) -> None:
        """Clear all suspicions: Redis was away, so no lease could be renewed."""
        with self._lock:
            self._suspects = {}
            self._resets += 1

    def _find_expired(self) -> list[_Suspect]:
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
        latest = now + MAX_LEASE_SECONDS * 1000
        alive = {name for name, ends in replies.scored_members(leases) if now < ends <= latest}
        return [
            _Suspect(queue, job_id.decode(errors="surrogateescape"), claim.decode(errors="surrogateescape"))
            for queue, by_job in zip(queues, claims, strict=True)
            for job_id, claim in replies.bytes_dict(by_job).items()
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
            extra = {"event": "dlq" if outcome == "quarantined" else "recover", "jobId": suspect.job_id}
            log.warning("job %s of %s: %s, its worker died", suspect.job_id, suspect.queue, outcome, extra=extra)
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
        max_deaths=MAX_DEATHS,
        max_lease_ms=round(MAX_LEASE_SECONDS * 1000),
        actor=by,
        own="own" if own else "",
    )
    return replies.word(outcome)


def delete_dead_leases(connection: Redis) -> int:
    """Delete leases that ran out an hour ago, and the quiet marks of their claimants. Returns how many leases."""
    seconds, _ = connection.time()
    for name in connection.hkeys(keys.QUIET):
        if connection.zscore(keys.LEASES, name) is None:
            connection.hdel(keys.QUIET, name)
    return int(connection.zremrangebyscore(keys.LEASES, 0, (seconds - 3600) * 1000))
