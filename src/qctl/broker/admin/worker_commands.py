"""What single workers are told: to take nothing new, to go on, to stop."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from redis import Redis

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.redis.scripts import Script
from qctl.broker.worker import pauses
from qctl.errors import WaitTimeoutError
from qctl.models import WorkerInfo

_quiet = Script("admin/quiet", after="redis/types")

POLL = 0.005
"""Seconds between looks at a claim that has not started yet; it does within a few milliseconds."""


@dataclass(frozen=True)
class Told:
    """A worker that was told something. `claims` are (queue, id) that it holds, running or about to."""

    changed: bool
    claims: list[tuple[str, str]]


def quiet(connection: Redis, worker: WorkerInfo, *, actor: str) -> Told:
    """Have a worker take nothing new. From now on it claims nothing, until it ends or is told to go on."""
    return _tell(connection, worker, actor, "quiet")


def resume(connection: Redis, worker: WorkerInfo, *, actor: str) -> Told:
    """Have a quiet worker go on."""
    return _tell(connection, worker, actor, "resume")


def _tell(connection: Redis, worker: WorkerInfo, actor: str, what: str) -> Told:
    changed, *held = _quiet(
        connection,
        [keys.QUIET, keys.EVENTS, *(keys.claims(queue) for queue in worker.queues)],
        [worker.claimant or "", actor, worker.name, events.MAX_ENTRIES, what],
    )
    return Told(
        bool(changed),
        [
            (queue, id_.decode(errors="surrogateescape"))
            for queue, ids in zip(worker.queues, held, strict=True)
            for id_ in ids
        ],
    )


def settle(connection: Redis, told: Told, timeout: float) -> None:
    """Wait until what a quiet worker had claimed has started or gone back.

    Raises WaitTimeoutError where it has not within `timeout` seconds; the worker stays quiet all the same.
    """
    deadline = time.monotonic() + timeout
    left = told.claims
    while left := [claim for claim in left if pauses.unstarted(connection, *claim)]:
        if time.monotonic() > deadline:
            ids = ", ".join(id_ for _, id_ in left[:5])
            raise WaitTimeoutError(f"it is quiet, but what it claimed before may still start: {ids}")
        time.sleep(POLL)


def stop(connection: Redis, worker: WorkerInfo, *, actor: str) -> bool:
    """Send a worker RQ's command to finish its job and end; a second one, a second later, has it end at once.

    False where nobody listens for it.
    """
    with connection.pipeline() as pipe:
        pipe.publish(keys.commands(worker.name), json.dumps({"command": "shutdown"}))
        events.record(pipe, "stopping", worker=worker.name, actor=actor)
        heard, _ = pipe.execute()
    return bool(heard)
