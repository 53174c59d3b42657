"""Commands to single workers: claim nothing new, continue, stop."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from redis import Redis

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.broker.worker import pauses
from qctl.errors import WaitTimeoutError
from qctl.models import WorkerInfo

_set_quiet = Script("admin/set_quiet", after="redis/types")

POLL_SECONDS = 0.005
"""Time between two polls for a claimed job that has not started; it starts within a few milliseconds."""


@dataclass(frozen=True)
class QuietResult:
    """Effect of a command on a worker. `claims` are (queue, job id) of jobs that it has claimed, running or not."""

    changed: bool
    claims: list[tuple[str, str]]


def quiet(connection: Redis, worker: WorkerInfo, *, actor: str) -> QuietResult:
    """Have a worker claim nothing new until it ends or is resumed."""
    return _send(connection, worker, actor, "quiet")


def resume(connection: Redis, worker: WorkerInfo, *, actor: str) -> QuietResult:
    """Have a quiet worker claim jobs again."""
    return _send(connection, worker, actor, "resume")


def _send(connection: Redis, worker: WorkerInfo, actor: str, command: str) -> QuietResult:
    reply = _set_quiet(
        connection,
        quiet=keys.QUIET,
        events=keys.EVENTS,
        claims=[keys.claims(queue) for queue in worker.queues],
        claimant=worker.claimant or "",
        actor=actor,
        worker=worker.name,
        max_events=events.MAX_ENTRIES,
        command=command,
    )
    changed, *claimed = replies.array(reply)
    claims = [
        (queue, untrusted_fields.decode(id_))
        for queue, ids in zip(worker.queues, map(replies.bytes_list, claimed), strict=True)
        for id_ in ids
    ]
    return QuietResult(bool(changed), claims)


def wait_for_claims(connection: Redis, result: QuietResult, timeout: float) -> None:
    """Wait until each job that a quiet worker had claimed has started or gone back to its queue.

    Raises WaitTimeoutError if that takes more than `timeout` seconds; the worker stays quiet all the same.
    """
    deadline = time.monotonic() + timeout
    pending = result.claims
    while pending := [claim for claim in pending if pauses.is_unstarted(connection, *claim)]:
        if time.monotonic() > deadline:
            ids = ", ".join(id_ for _, id_ in pending[:5])
            raise WaitTimeoutError(f"the worker is quiet, but jobs that it claimed before may still start: {ids}")
        time.sleep(POLL_SECONDS)


def stop(connection: Redis, worker: WorkerInfo, *, actor: str) -> bool:
    """Send a worker RQ's command to finish its job and end. A second one, a second later, ends it at once. False if no
    worker listens.
    """
    with connection.pipeline() as pipe:
        pipe.publish(keys.commands(worker.name), json.dumps({"command": "shutdown"}))
        events.record(pipe, "stopping", worker=worker.name, actor=actor)
        return replies.integer(pipe.execute()[0]) > 0
