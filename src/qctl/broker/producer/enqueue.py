"""Creates and enqueues jobs in one script call, which can be sent again because each job has a fixed id.

The jobs follow RQ's data model: stock RQ lists, runs and cancels them. A call that is sent again because its reply was
lost finds its jobs and leaves them as they are; RQ's own enqueue would put them into the queue twice (measured).
"""

from __future__ import annotations

import json
import math
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from redis import Redis
from redis.exceptions import AuthenticationError, AuthorizationError
from rq.job import Job, JobStatus, Retry
from rq.serializers import JSONSerializer
from rq.utils import now, utcformat

from qctl.broker.bookkeeping import budgets, dead_letter_index, events
from qctl.broker.bookkeeping.budgets import Shares
from qctl.broker.bookkeeping.user_sessions import Token
from qctl.broker.producer import owner_limits
from qctl.broker.producer.owner_limits import OwnerLimits
from qctl.broker.redis import keys, replication, replies, untrusted_fields
from qctl.broker.redis.connection import TRANSIENT_ERRORS, Backoff
from qctl.broker.redis.scripts import Script
from qctl.catalog import options
from qctl.catalog.options import Options
from qctl.catalog.specs import JobSpec
from qctl.errors import LoggedOutError, QctlError, UsageError
from qctl.settings import Settings

T = TypeVar("T")

JOBS_PER_CALL = 100
"""Maximum jobs that one script call creates; that blocks Redis for about 3 ms."""

MAX_ARGUMENT_BYTES = untrusted_fields.MAX_FIELD_BYTES
"""Maximum size of a job's arguments as JSON, which is what screens can show. Larger data belongs in a file that the
job names."""

_enqueue = Script("producer/enqueue", after=budgets.BUDGET)


@dataclass(frozen=True)
class NewJob:
    """A job to create. `handler` is called with `arguments` as keywords; `name` is the job's name in the catalog.

    `retry_delays` are the delays (s) before each retry. `result_ttl` is the time (s) that a finished job stays visible.
    `timeout` is in seconds. `title` is shown to people instead of the name.
    """

    id: str
    name: str
    handler: str
    queue: str
    arguments: Mapping[str, Any]
    timeout: int
    retry_delays: tuple[int, ...] = ()
    result_ttl: int = 86_400
    trace: str | None = None
    owner: str | None = None
    title: str | None = None
    max_bytes: int = MAX_ARGUMENT_BYTES
    """Maximum size of the arguments as JSON."""

    @classmethod
    def from_spec(
        cls,
        spec: JobSpec,
        data: Mapping[str, Any],
        job_options: Options,
        settings: Settings,
        *,
        id: str,
        trace: str | None,
    ) -> NewJob:
        """A job of the catalog. `job_options` take precedence over the catalog, and the catalog over the settings."""
        return cls(
            id,
            spec.name,
            spec.handler,
            options.lane(spec, job_options),
            data,
            timeout=spec.timeout,
            retry_delays=options.delays(spec, job_options, settings.attempts, settings.backoff_ms / 1000),
            result_ttl=settings.keep_finished,
            trace=trace,
            owner=job_options.get("owner"),
            title=job_options.get("title"),
            max_bytes=settings.max_argument_bytes(job_options.get("owner")),
        )

    def hash_fields(self) -> dict[str, Any]:
        """The job's hash as RQ writes it. Raises UsageError if the arguments are not JSON, or too large."""
        return {**self.shared_fields(), "data": self.payload()}

    @property
    def shared_key(self) -> tuple[Any, ...]:
        """Key of the shared fields: jobs with equal keys have equal hashes except for the payload."""
        return (
            *(self.name, self.handler, self.queue, self.timeout),
            *(self.retry_delays, self.result_ttl, self.trace, self.owner, self.title),
        )

    def shared_fields(self) -> dict[str, Any]:
        """The hash without the payload, for a job that is enqueued now."""
        created_at = utcformat(now())
        meta = {"job": self.name, "trace_id": self.trace, "owner": self.owner}
        return {
            **_catalog_fields(self.handler, self.queue, self.timeout, self.result_ttl, self.retry_delays),
            "description": self.title or self.name,
            "created_at": created_at,
            "enqueued_at": created_at,
            "meta": json.dumps({name: value for name, value in meta.items() if value is not None}),
        }

    def payload(self) -> bytes:
        """RQ's field `data`. Raises UsageError if the arguments are not JSON, or too large."""
        try:
            arguments = json.dumps(dict(self.arguments), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"job {self.name}: its arguments cannot be written as JSON: {error}") from None
        if len(arguments) > self.max_bytes:
            setting = "QCTL_MAX_JOB_BYTES" if self.owner is None else "QCTL_USER_JOB_BYTES"
            raise UsageError(
                f"job {self.name}: its arguments are {len(arguments)} bytes, more than {self.max_bytes} ({setting})",
                "put the data in a file and name the file in the arguments",
            )
        return zlib.compress(f"[{json.dumps(self.handler)}, null, [], {arguments}]".encode())


def create(
    connection: Redis,
    jobs: Sequence[NewJob],
    *,
    at: datetime | None = None,
    delay: float = 0.0,
    limits: OwnerLimits = OwnerLimits(),  # noqa: B008 - it is frozen
    shares: Shares = Shares(),  # noqa: B008 - it is frozen
    actor: str,
    retry_seconds: float,
) -> list[bool]:
    """Create jobs of one queue, owner and trace, to run now, `delay` seconds from now, or `at` a time.

    Returns one flag for each job: False if a job with its id exists, which stays as it is. If Redis is unreachable, the
    call is repeated for `retry_seconds`. More than 100 jobs are created in batches, each completely or not at all.

    Raises UsageError if the arguments are not JSON, RateLimitedError if `limits` or the owner's part of the memory are
    exceeded, BudgetError if users' jobs or the queue's dead letters fill their share, and redis-py's errors.
    """
    created: list[bool] = []
    hashes = _hashes(jobs)
    for start in range(0, len(jobs), JOBS_PER_CALL):
        batch = slice(start, start + JOBS_PER_CALL)
        values = _values(jobs[batch], hashes[batch], at, delay, limits, shares, actor)
        # The repeated call is identical, so that it finds the jobs that the first one created by their ids.
        reply = retry_while_away(lambda v=values: replication.run(connection, _enqueue, **v), retry_seconds)  # type: ignore[misc]
        created += _flags(reply, jobs[0], limits)
    return created


def create_each(
    connection: Redis,
    jobs: Sequence[NewJob],
    tokens: Sequence[Token | None],
    *,
    limits: OwnerLimits,
    shares: Shares,
    actor: str,
    retry_seconds: float,
) -> list[bool | Exception]:
    """Create jobs of any queues, owners and traces, to run now, each by a call of its own, in one round trip.

    `tokens`: for each the owner's token that must be open as `user_sessions.are_open` checks it, if any. Returns for
    each what `create` returns for it alone, or the exception that it raises, such as LoggedOutError. Raises redis-py's
    errors if Redis is unreachable: then any of the jobs may exist.
    """
    calls: list[dict[str, Any]] = []
    outcomes: list[bool | Exception] = [False] * len(jobs)
    sent: list[int] = []
    for n, (job, token) in enumerate(zip(jobs, tokens, strict=True)):
        try:
            calls.append(_values([job], _hashes([job]), None, 0.0, limits, shares, actor, token))
            sent.append(n)
        except UsageError as error:
            outcomes[n] = error
    given = retry_while_away(lambda: replication.run_each(connection, _enqueue, calls), retry_seconds) if calls else []
    for n, reply in zip(sent, given, strict=True):
        try:
            outcomes[n] = reply if isinstance(reply, Exception) else _flags(reply, jobs[n], limits)[0]
        except QctlError as error:
            outcomes[n] = error
    return outcomes


def _flags(reply: object, job: NewJob, limits: OwnerLimits) -> list[bool]:
    """The flags in a reply of `enqueue.lua` to a call for `job` and others. Raises its rejection."""
    word, *rest = replies.array(reply)
    if word == b"session":
        raise LoggedOutError("Logged out")
    if word == b"memory":
        raise budgets.error_from_reply(rest, job.queue)
    if word != b"done":
        raise limits.error_from_reply([word, *rest])
    return [bool(flag) for flag in rest]


@lru_cache(maxsize=256)
def _catalog_fields(
    handler: str, queue: str, timeout: int, result_ttl: int, retry_delays: tuple[int, ...]
) -> Mapping[str, Any]:
    """The fields of RQ's hash that are the same for many jobs, cached because RQ takes longer than all else here."""
    job = Job.create(
        handler,
        origin=queue,
        connection=Redis(),  # RQ wants one; it is not used
        serializer=JSONSerializer,
        status=JobStatus.QUEUED,
        timeout=timeout,
        result_ttl=result_ttl,
        failure_ttl=dead_letter_index.NEVER_EXPIRES_TTL,
        retry=Retry(max=len(retry_delays), interval=list(retry_delays)) if retry_delays else None,
    )
    job.data = b""
    return {name: value for name, value in job.to_dict().items() if name != "data"}


def _hashes(jobs: Sequence[NewJob]) -> list[tuple[Mapping[str, Any], bytes]]:
    """For each job, the fields that it shares with similar jobs, and its payload."""
    shared: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    hashes = []
    for job in jobs:
        key = job.shared_key
        if key not in shared:
            shared[key] = job.shared_fields()
        hashes.append((shared[key], job.payload()))
    return hashes


class _JobRow(NamedTuple):
    """A job in a call of `enqueue.lua`; `values` is the number of its own fields and values."""

    job: str
    id: str
    values: int


def _values(
    jobs: Sequence[NewJob],
    hashes: Sequence[tuple[Mapping[str, Any], bytes]],
    at: datetime | None,
    delay: float,
    limits: OwnerLimits,
    shares: Shares,
    actor: str,
    token: Token | None = None,
) -> dict[str, Any]:
    """The values of `enqueue.lua` for jobs with these hashes. `token`: the owner's, which must be open."""
    first = jobs[0]
    owner = first.owner or ""
    event = {"queue": first.queue, "name": first.name, "trace": first.trace, "owner": first.owner, "actor": actor}
    applied = limits if first.owner is not None else OwnerLimits()
    # Fields that all jobs share are sent once.
    common = hashes[0][0] if all(fields is hashes[0][0] for fields, _ in hashes) else {}
    rows: list[_JobRow] = []
    own: list[Any] = []
    for job, (fields, payload) in zip(jobs, hashes, strict=True):
        before = len(own)
        if not common:
            own += [part for pair in fields.items() for part in pair]
        own += ("data", payload)
        rows.append(_JobRow(keys.job(job.id), job.id, len(own) - before))
    return {
        "waiting": keys.queue(first.queue),
        "scheduled": keys.scheduled(first.queue),
        "queues": keys.QUEUES,
        "events": keys.EVENTS,
        "created": keys.owner_created(owner),
        "active": keys.owner_active(owner),
        "rejections": keys.LIMIT_REJECTIONS,
        "owned": keys.owner_jobs(owner),
        "totals": keys.TOTALS,
        "sessions": keys.USER_SESSIONS,
        "logged_out": keys.logged_out("" if token is None else token.id),
        "max_events": events.MAX_ENTRIES,
        "due": "" if at is None else math.ceil(at.timestamp()),
        "delay_ms": round(delay * 1000),
        "max_created": applied.per_minute,
        "window_ms": owner_limits.WINDOW_SECONDS * 1000,
        "max_active": applied.active,
        "owner_ttl": owner_limits.OWNER_TTL_SECONDS,
        **budgets.script_values("users"),
        "owner": owner,
        "overhead": budgets.JOB_OVERHEAD_BYTES,
        "users_percent": shares.users,
        "owner_percent": budgets.OWNER_PERCENT,
        "letters_percent": shares.letters,
        "queue": first.queue,
        "results_prefix": keys.results(""),
        "session": "" if token is None else token.version,
        "max_owned": 0 if first.owner is None else owner_limits.MAX_OWNED_JOBS,
        "jobs": rows,
        "event": [word for name, value in event.items() if value is not None for word in (name, value)],
        "common": [part for pair in common.items() for part in pair],
        "fields": own,
    }


def retry_while_away(call: Callable[[], T], seconds: float) -> T:
    """Repeat an idempotent call for up to `seconds` while Redis is unreachable."""
    deadline = time.monotonic() + seconds
    backoff = Backoff(first_seconds=0.05, max_seconds=1.0)
    while True:
        try:
            return call()
        except (AuthenticationError, AuthorizationError):
            raise
        except TRANSIENT_ERRORS:
            delay = backoff.next_delay()
            if time.monotonic() + delay > deadline:
                raise
            time.sleep(delay)
