"""Waiting for jobs to end. Reads only: a user who may do no more can wait too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from redis import Redis

from qctl.broker.redis import keys, replies, untrusted_fields

LOOK = 0.1
"""Seconds between looks."""

STEP = 500
"""Jobs that are looked at in one round trip."""

ENDS = frozenset({"finished", "failed", "stopped", "canceled", "gone"})
"""Statuses that a job does not leave by itself. One that vanished had ended, and was not to be kept."""


@dataclass(frozen=True)
class Seen:
    """What a job's hash says now. `status` is `gone` where there is none, `quarantined` comes from the quarantine."""

    queue: str
    status: str
    failures: int


def look(connection: Redis, ids: Sequence[str]) -> dict[str, Seen]:
    """How these jobs are. `failures` counts the entries of their results: it grows with each attempt that ended."""
    seen: dict[str, Seen] = {}
    for start in range(0, len(ids), STEP):
        step = ids[start : start + STEP]
        with connection.pipeline(transaction=False) as pipe:
            for id_ in step:
                pipe.hmget(keys.job(id_), "status", "origin")
                pipe.xlen(keys.results(id_))
            answers = replies.execute(pipe)
        for n, id_ in enumerate(step):
            status, queue = (untrusted_fields.decode(value) for value in replies.granted(answers[2 * n], [None] * 2))
            seen[id_] = Seen(queue, status or "gone", replies.granted(answers[2 * n + 1], 0))
    return seen


def until(
    connection: Redis, ids: Sequence[str], timeout: float, ended: Callable[[str, Seen], bool]
) -> tuple[dict[str, Seen], float]:
    """Look until each of these jobs has `ended`, or `timeout` seconds have passed. Returns how they are, and the
    seconds it took. Raises what redis-py raises."""
    began = time.monotonic()
    left, seen = list(ids), {}
    while True:
        seen.update(look(connection, left))
        left = [id_ for id_ in left if not ended(id_, seen[id_])]
        passed = time.monotonic() - began
        if not left or passed >= timeout:
            return seen, passed
        time.sleep(min(LOOK, timeout - passed))
