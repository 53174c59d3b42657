"""A queue class for workers of RQ 1.16 and newer: `rq worker --queue-class qctl_pause.PausableQueue`.

It claims jobs by qctl's own Lua scripts, which lie beside this file, so that `qctl pause` works at once and a crash
between claim and start loses nothing. It needs RQ and nothing else of qctl.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from redis import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError
from rq import defaults
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.queue import Queue
from rq.registry import StartedJobRegistry
from rq.suspension import WORKERS_SUSPENDED

__all__ = ["PausableQueue"]

log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
"""Time (s) without a renewal after which a claimant counts as dead."""

RENEWAL_SECONDS = 3.0
"""Time (s) between renewals of the lease."""

POLL_SECONDS = 0.2
"""Time (s) between checks of queues other than the one that is waited on, and of paused ones."""

MAX_BLOCK_SECONDS = 1.0
"""Longest wait (s) on a single queue: the delay after which an idle worker notices a request to stop."""

SWEEP_SECONDS = 10.0
"""Time (s) between sweeps for claims of this process that it does not know, because their reply was lost."""

MAX_EVENTS = 100_000
"""Approximate length of qctl's stream of events."""

MAX_REASON_CHARACTERS = 300
"""Length to which the reason of a quarantine is cut."""

LANES = (".high", ".low")
"""Ends of the names of lanes: a pause of `email` pauses `email.high` too."""

_LEASE_MS = int(LEASE_SECONDS * 1000)
_RQ = getattr(defaults, "RQ_KEY_PREFIX", "rq")
_QCTL = "qctl:" if _RQ == "rq" else f"{_RQ}:qctl:"
_PAUSED, _LEASES, _EVENTS, _QUIET = (f"{_QCTL}{name}" for name in ("paused", "leases", "events", "quiet"))


_GUARD = [f"{_QCTL}absent"] if "{" in _RQ else []
"""A key that never exists, named by scripts of several keys: Redis Cluster refuses them while it moves the slot."""


class _Script:
    """A Lua script beside this file. Its first lines name KEYS and ARGV in their order; its head describes them."""

    def __init__(self, name: str) -> None:
        self.text = (Path(__file__).parent / f"{name}.lua").read_text(encoding="utf-8")
        self.sha = hashlib.sha1(self.text.encode()).hexdigest()  # noqa: S324 - Redis names scripts so
        self._keys, self._args = (
            re.findall(r"\w+", names[1]) if (names := re.search(rf"local (.*) = unpack\({kind},", self.text)) else []
            for kind in ("KEYS", "ARGV")
        )

    def __call__(
        self,
        connection: Redis,
        values: Mapping[str, str | int],
        rows: tuple[Sequence[str], Sequence[str]] = ((), ()),
        counts: Sequence[int] = (),
    ) -> Any:
        """Run it with values by name. `rows` are further KEYS and further ARGV, `counts` their numbers.

        A Redis that does not know the script, because it has restarted, is sent the text.
        """
        more_keys, more_args = rows
        keys = [values[name] for name in self._keys] + [*more_keys]
        keys += _GUARD if len(keys) > 1 else []
        args = [*counts, *(values[name] for name in self._args), *more_args]
        sent = [str(value).encode(errors="surrogateescape") for value in (*keys, *args)]
        try:
            return connection.evalsha(self.sha, len(keys), *sent)
        except NoScriptError:
            return connection.eval(self.text, len(keys), *sent)


_claim, _renew, _release = _Script("claim"), _Script("renew"), _Script("release")
_putback, _quarantine = _Script("putback"), _Script("quarantine")


class _Claim(NamedTuple):
    """A claimed job. `fields` is its raw hash, or None with the `problem` if its key holds no hash."""

    queue: str
    job_id: str
    fields: dict[bytes, bytes] | None
    problem: str = ""


class _Claimant:
    """One process that claims. `name` is `host.pid.random`. A thread renews its lease as long as the process lives.

    The main thread may fork; it waits until the thread does not talk to Redis, because the child would inherit locks
    of redis-py that nobody releases.
    """

    def __init__(self, connection: Redis) -> None:
        self.name = f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:6]}"
        self.pid = os.getpid()
        self._redis = connection
        self._swept_at = time.monotonic()
        self._finished: tuple[str, str] | None = None
        self._talking = threading.RLock()
        os.register_at_fork(
            before=self._talking.acquire,
            after_in_parent=self._talking.release,
            after_in_child=self._talking.release,
        )
        self._closing = threading.Event()
        atexit.register(self.close)
        threading.Thread(target=self._keep_lease, name="qctl-lease", daemon=True).start()

    def claim(self, queues: Sequence[str], timeout: float | None) -> _Claim | None:
        """Claim the next job, in the order of `queues`; wait up to `timeout` seconds for one, or not at all if None."""
        if time.monotonic() - self._swept_at > SWEEP_SECONDS:
            self._give_back_all(queues)
            self._swept_at = time.monotonic()
        deadline = time.monotonic() + (timeout or 0)
        while True:
            claim, open_queue = self._try(queues)
            if claim or timeout is None:
                return claim
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._wait(open_queue, min(left, MAX_BLOCK_SECONDS if len(queues) == 1 else POLL_SECONDS))

    def _try(self, queues: Sequence[str]) -> tuple[_Claim | None, str | None]:
        """Claim without a wait. Returns the claim, and the queue to wait on: the first that is not paused."""
        keys: list[str] = []
        args = ["1" for _ in queues]  # the most jobs to claim of each
        for queue in queues:
            keys += [_waiting(queue), _intermediate(queue), _claims(queue), _started(queue), _recoveries(queue)]
            args += [queue, _base_queue(queue), f"{_QCTL}counts:{queue}:"]
        values: dict[str, str | int] = {
            "pauses": _PAUSED,
            "suspended": WORKERS_SUSPENDED,
            "leases": _LEASES,
            "events": _EVENTS,
            "quiet": _QUIET,
            "limits": f"{_QCTL}limits",
            "claimant": self.name,
            "job_prefix": Job.redis_job_namespace_prefix,
            "lease_ms": _LEASE_MS,
            "max_events": MAX_EVENTS,
            "run_prefix": "",
            "first_run": 1,
            "now": "",
            "limit_prefix": f"{_QCTL}limit:",
            "claims_prefix": f"{_QCTL}claims:",
            "ahead": 0,
        }
        kind, number, *rest = _claim(self._redis, values, rows=(keys, args), counts=(len(queues), len(queues)))
        if kind == 0:
            return None, queues[number - 1] if number else None
        queue, job_id = queues[number - 1], rest[0].decode(errors="surrogateescape")
        if kind == 2:
            return _Claim(queue, job_id, None, f"its data is a {rest[1].decode()}, not a hash"), queue
        return _Claim(queue, job_id, dict(zip(rest[1][::2], rest[1][1::2]))), queue  # noqa: B905 - Python 3.9 has no strict

    def _wait(self, queue: str | None, seconds: float) -> None:
        """Wait for a job in `queue` without changing it: a blocking move of its head onto itself."""
        if queue is None:
            time.sleep(min(seconds, POLL_SECONDS))
            return
        try:
            key = _waiting(queue)
            # redis-py 3, which RQ 1.16 allows, has no method for it.
            self._redis.execute_command("BLMOVE", key, key, "LEFT", "LEFT", seconds)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            log.warning("cannot wait on queue %s: %s", queue, error)
            time.sleep(POLL_SECONDS)

    def note_finished(self, queue: str, job_id: str) -> None:
        """Note the job that this process takes now: it has finished when the process asks for the next."""
        self._finished = (queue, job_id)

    def release_finished(self) -> None:
        """Remove the claim on the job that this process has finished, unless another has taken the job meanwhile."""
        if self._finished:
            queue, job_id = self._finished
            _release(self._redis, self._values(queue, job_id))
            self._finished = None

    def quarantine(self, queue: str, job_id: str, reason: str) -> None:
        """Quarantine a claimed job that cannot run."""
        values = {"quarantine": f"{_QCTL}quarantine:{queue}", "reason": reason[:MAX_REASON_CHARACTERS]}
        _quarantine(self._redis, {**self._values(queue, job_id), **values})

    def _values(self, queue: str, job_id: str) -> dict[str, str | int]:
        """Values of the scripts that change a job of this process."""
        return {
            "intermediate": _intermediate(queue),
            "started": _started(queue),
            "claims": _claims(queue),
            "recoveries": _recoveries(queue),
            "job": _job(job_id),
            "executions": f"{_RQ}:executions:{job_id}",
            "events": _EVENTS,
            "job_id": job_id,
            "claimant": self.name,
            "queue": queue,
            "execution_prefix": f"{_RQ}:execution:{job_id}:",
            "max_events": MAX_EVENTS,
        }

    def _give_back_all(self, queues: Sequence[str]) -> None:
        """Give back claims of this process whose reply was lost. No job runs while it asks for the next."""
        for queue in queues:
            if self._redis.type(_claims(queue)) != b"hash":
                continue
            claims: Any = self._redis.hgetall(_claims(queue))
            own = {id_: claim for id_, claim in claims.items() if claim.startswith(f"{self.name}|".encode())}
            # The last one first: each goes to the head.
            for raw_id in sorted(own, key=lambda id_: int(own[id_].rpartition(b"|")[2]), reverse=True):
                self._give_back(queue, raw_id.decode(errors="surrogateescape"))

    def _give_back(self, queue: str, job_id: str) -> None:
        values = {
            "waiting": _waiting(queue),
            "pauses": _PAUSED,
            "breakers": f"{_QCTL}breakers",
            "reason": "",
            "actor": "",
        }
        try:
            _putback(self._redis, {**self._values(queue, job_id), **values, "first_ms": 0, "longest_ms": 0})
        except ResponseError as error:
            log.error("job %s of %s cannot be given back: %s", job_id, queue, error)  # noqa: TRY400 - the cause is Redis's

    def _keep_lease(self) -> None:
        """Renew the lease until `close`. An outage of Redis is logged once."""
        failed = False
        while not self._closing.is_set():
            seconds = RENEWAL_SECONDS
            try:
                with self._talking:
                    if self._closing.is_set():
                        return
                    _renew(self._redis, {"leases": _LEASES, "claimant": self.name, "lease_ms": _LEASE_MS})
                failed = False
            except RedisError as error:
                if not failed:
                    log.warning("the lease of %s is not renewed: %s", self.name, error)
                failed, seconds = True, 1.0
            self._closing.wait(seconds)

    def close(self) -> None:
        """Remove what is left of this process in Redis. It has finished its last job."""
        atexit.unregister(self.close)
        if self.pid != os.getpid():
            return
        self._closing.set()
        try:
            with self._talking:
                self.release_finished()
                self._redis.zrem(_LEASES, self.name)
        except RedisError as error:
            log.warning("the lease of %s runs out by itself: %s", self.name, error)


class PausableQueue(Queue):
    """A queue whose jobs are claimed, not popped.

    A worker of RQ runs one job at a time, so when it asks for the next it has finished the one before, whose claim is
    removed then.
    """

    _claimant: _Claimant | None = None

    @classmethod
    def dequeue_any(
        cls,
        queues: Iterable[Queue],
        timeout: int | None,
        connection: Redis,
        job_class: type[Job] | None = None,
        serializer: Any = None,
        death_penalty_class: Any = None,  # noqa: ARG003 - RQ passes it
    ) -> tuple[Job, Queue] | None:
        """The next job and its queue; None, or DequeueTimeout after a wait of `timeout` seconds, if there is none.

        A job that cannot be read is quarantined, and the next one taken.
        """
        if timeout == 0:
            raise ValueError("a timeout of 0 is not allowed: give seconds, or None not to wait")
        listed = list(queues)
        claimant = PausableQueue._claimant
        if claimant is None or claimant.pid != os.getpid():
            claimant = PausableQueue._claimant = _Claimant(connection)
        claimant.release_finished()
        while claim := claimant.claim([queue.name for queue in listed], timeout):
            try:
                job = _restore(claim, job_class or cls.job_class, connection, serializer)
            except Exception as error:  # noqa: BLE001 - a corrupt hash may raise anything; it must not stop the worker
                reason = f"it cannot be read: {type(error).__name__}: {error}"
                log.warning("quarantined job %s of %s: %s", claim.job_id, claim.queue, reason)
                claimant.quarantine(claim.queue, claim.job_id, reason)
                continue
            claimant.note_finished(claim.queue, claim.job_id)
            return job, next(queue for queue in listed if queue.name == claim.queue)
        if timeout is None:
            return None
        raise DequeueTimeout(timeout, [queue.key for queue in listed])


def _restore(claim: _Claim, job_class: type[Job], connection: Redis, serializer: Any) -> Job:
    """The job of a claim, made from the hash that came with it. Raises any error of parsing it."""
    if claim.fields is None:
        raise ValueError(claim.problem)
    job = job_class(claim.job_id, connection=connection, serializer=serializer)
    job.restore(claim.fields)
    job.origin = claim.queue
    return job


def _base_queue(queue: str) -> str:
    """The queue that a lane belongs to: `email` for `email.high`."""
    return next((queue[: -len(lane)] for lane in LANES if queue.endswith(lane)), queue)


def _waiting(queue: str) -> str:
    return Queue.redis_queue_namespace_prefix + queue


def _intermediate(queue: str) -> str:
    return f"{_waiting(queue)}:intermediate"


def _started(queue: str) -> str:
    return StartedJobRegistry.key_template.format(queue)


def _claims(queue: str) -> str:
    return f"{_QCTL}claims:{queue}"


def _recoveries(queue: str) -> str:
    return f"{_QCTL}recoveries:{queue}"


def _job(job_id: str) -> str:
    return Job.redis_job_namespace_prefix + job_id
