"""The producers' way into a queue: jobs are created by id in one step, so that a call can be sent again.

RQ's data model is kept: stock RQ lists, runs and cancels what is created here. What is sent again because its reply
was lost is found to be there already; RQ's own enqueue puts it into the queue twice then (measured).
"""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import AuthenticationError, AuthorizationError
from rq.job import Job, JobStatus, Retry
from rq.serializers import JSONSerializer
from rq.utils import now

from qctl.broker.bookkeeping import dead_letter_index, events
from qctl.broker.producer import owner_limits
from qctl.broker.producer.owner_limits import Limits
from qctl.broker.redis import keys, untrusted_fields
from qctl.broker.redis.connection import TRANSIENT_ERRORS, Backoff
from qctl.broker.redis.scripts import Script
from qctl.catalog import options
from qctl.catalog.options import Options
from qctl.catalog.specs import JobSpec
from qctl.errors import UsageError
from qctl.settings import Settings

T = TypeVar("T")

STEP = 100
"""Jobs a script call creates: some 3 ms."""

MOST = untrusted_fields.MAX_FIELD_BYTES
"""Bytes of a job's arguments as JSON: what screens look at. Larger things belong in a file that the job names."""

_enqueue = Script("producer/enqueue")


@dataclass(frozen=True)
class NewJob:
    """A job to be created. `handler` is called with `arguments` by name; `name` is the catalog's.

    `delays` are seconds before each retry, `timeout` and `keep`, how long it stays visible once finished, seconds.
    `title` is what people are shown in the place of the name.
    """

    id: str
    name: str
    handler: str
    queue: str
    arguments: Mapping[str, Any]
    timeout: int
    delays: tuple[int, ...] = ()
    keep: int = 86_400
    trace: str | None = None
    owner: str | None = None
    title: str | None = None

    @classmethod
    def of(
        cls, spec: JobSpec, data: Mapping[str, Any], how: Options, settings: Settings, *, id: str, trace: str | None
    ) -> NewJob:
        """A job of the catalog's, with what was asked for, by the settings where nothing was."""
        return cls(
            id,
            spec.name,
            spec.handler,
            options.lane(spec, how),
            data,
            timeout=spec.timeout,
            delays=options.delays(spec, how, settings.attempts, settings.backoff_ms / 1000),
            keep=settings.keep_finished,
            trace=trace,
            owner=how.get("owner"),
            title=how.get("title"),
        )

    def fields(self, connection: Redis) -> dict[str, Any]:
        """The job's hash as RQ writes it. Raises UsageError where the arguments are not JSON, or too large."""
        return {**self.shared(connection), "data": self.payload()}

    @property
    def kind(self) -> tuple[Any, ...]:
        """Jobs of which this is the same share all of their hash but the payload."""
        return (
            *(self.name, self.handler, self.queue, self.timeout),
            *(self.delays, self.keep, self.trace, self.owner, self.title),
        )

    def shared(self, connection: Redis) -> dict[str, Any]:
        """The hash without the payload, of a job that is enqueued now."""
        moment = now()
        notes = {"job": self.name, "trace_id": self.trace, "owner": self.owner}
        job = Job.create(
            self.handler,
            id=self.id,
            origin=self.queue,
            connection=connection,
            serializer=JSONSerializer,
            status=JobStatus.QUEUED,
            timeout=self.timeout,
            result_ttl=self.keep,
            failure_ttl=dead_letter_index.NEVER_EXPIRES_TTL,
            retry=Retry(max=len(self.delays), interval=list(self.delays)) if self.delays else None,
            description=self.title or self.name,
            meta={name: value for name, value in notes.items() if value is not None},
        )
        job.data = b""
        job.created_at = job.enqueued_at = moment
        return {name: value for name, value in job.to_dict().items() if name != "data"}

    def payload(self) -> bytes:
        """What RQ calls `data`. Raises UsageError where the arguments are not JSON, or too large."""
        try:
            arguments = json.dumps(dict(self.arguments), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"job {self.name}: its arguments cannot be written as JSON: {error}") from None
        if len(arguments) > MOST:
            raise UsageError(f"job {self.name}: its arguments are {len(arguments)} bytes, more than {MOST}")
        return zlib.compress(f"[{json.dumps(self.handler)}, null, [], {arguments}]".encode())


def create(
    connection: Redis,
    jobs: Sequence[NewJob],
    *,
    at: datetime | None = None,
    delay: float = 0.0,
    allowed: Limits = Limits(),  # noqa: B008 - it is frozen
    actor: str,
    patience: float,
) -> list[bool]:
    """Create jobs of one queue, owner and trace: now, `delay` seconds from now, or `at` a time.

    Returns for each whether it was created; False where a job of its id is remembered, which is left as it is. While
    Redis is away it tries again for `patience` seconds. More than 100 jobs go in steps, each whole or not at all.

    Raises UsageError where the arguments are not JSON, RateLimitedError where `allowed` does not allow it, and what
    redis-py raises.
    """
    created: list[bool] = []
    hashes = _hashes(connection, jobs)
    for start in range(0, len(jobs), STEP):
        step = slice(start, start + STEP)
        keys_, args = _call(jobs[step], hashes[step], at, delay, allowed, actor)
        # The identical call again, so that what the first one did is known by its ids.
        word, *rest = persistently(lambda k=keys_, a=args: _enqueue(connection, k, a), patience)  # type: ignore[misc]
        if word != b"done":
            raise allowed.refusal([word, *rest])
        created += [bool(each) for each in rest]
    return created


def _hashes(connection: Redis, jobs: Sequence[NewJob]) -> list[tuple[Mapping[str, Any], bytes]]:
    """Of each job the part of its hash that it shares with others of its kind, and its payload."""
    shared: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    hashes = []
    for job in jobs:
        kind = job.kind
        if kind not in shared:
            shared[kind] = job.shared(connection)
        hashes.append((shared[kind], job.payload()))
    return hashes


def _call(
    step: Sequence[NewJob],
    hashes: Sequence[tuple[Mapping[str, Any], bytes]],
    at: datetime | None,
    delay: float,
    allowed: Limits,
    actor: str,
) -> tuple[list[str], list[Any]]:
    """KEYS and ARGV of `enqueue.lua`, for jobs with these hashes."""
    first = step[0]
    told = {"queue": first.queue, "name": first.name, "trace": first.trace, "owner": first.owner, "actor": actor}
    words = [word for name, value in told.items() if value is not None for word in (name, value)]
    limited = allowed if first.owner is not None else Limits()
    args: list[Any] = [
        events.MAX_ENTRIES,
        "" if at is None else math.ceil(at.timestamp()),
        round(delay * 1000),
        limited.per_minute,
        owner_limits.WINDOW * 1000,
        limited.active,
        owner_limits.REMEMBER,
        keys.JOB_PREFIX,
        keys.results(""),
        0 if first.owner is None else owner_limits.SHOWN,
        len(words),
        *words,
    ]
    # What all of them share is sent once.
    common = hashes[0][0] if all(each is hashes[0][0] for each, _ in hashes) else {}
    args += [2 * len(common), *(part for pair in common.items() for part in pair)]
    for job, (fields, payload) in zip(step, hashes, strict=True):
        own = () if common else [part for pair in fields.items() for part in pair]
        args += [job.id, len(own) + 2, *own, "data", payload]
    owner = first.owner or ""
    where = [
        keys.queue(first.queue),
        keys.scheduled(first.queue),
        keys.QUEUES,
        keys.EVENTS,
        keys.owner_created(owner),
        keys.owner_active(owner),
        keys.LIMIT_REJECTIONS,
        keys.owner_jobs(owner),
    ]
    return [*where, *(keys.job(job.id) for job in step)], args


def persistently(act: Callable[[], T], patience: float) -> T:
    """Do it again while Redis is away, for `patience` seconds. Only for what may be done twice."""
    deadline = time.monotonic() + patience
    backoff = Backoff(first_seconds=0.05, max_seconds=1.0)
    while True:
        try:
            return act()
        except (AuthenticationError, AuthorizationError):
            raise
        except TRANSIENT_ERRORS:
            delay = backoff.next_delay()
            if time.monotonic() + delay > deadline:
                raise
            time.sleep(delay)
