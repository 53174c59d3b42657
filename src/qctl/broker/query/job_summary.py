"""Reads summaries of many jobs at once: the fields that a list shows or a selector matches, within a limit of memory.

Nothing is unpickled; a pickled payload is matched as bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from redis import Redis

from qctl import catalog, conditions
from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.models import STATE_ALIASES, JobRow

if TYPE_CHECKING:
    from qctl.broker.query.job_locations import JobEntry
    from qctl.conditions import Condition
    from qctl.models import Selector, State

JOBS_PER_READ = 500

MAX_FIELD_BYTES = 1 << 20
"""Stored size of a payload or meta field up to which it is read."""

GONE = "its data is gone: it expired, was evicted or was deleted"
"""Shown as the error of an entry whose job's hash does not exist."""

BYTES_PER_READ = 4 << 20
"""Stored size of payloads that are read at once."""

_FIELDS = (
    *("description", "created_at", "enqueued_at", "started_at", "ended_at", "worker_name", "exc_info"),
    job_fields.FINGERPRINT,
    job_fields.MOVED_FROM,
)


@dataclass
class JobSummary:
    """One job: its location, and the fields read of it. `data` and `meta` are missing if they are too large."""

    queue: str
    state: State
    entry: JobEntry
    fields: dict[str, bytes | None] = field(default_factory=dict)
    traceback: str = ""

    @property
    def function(self) -> str:
        """Function that the job calls, or the start of its description."""
        return untrusted_fields.function_name(self.fields) or "?"

    @property
    def note(self) -> dict[str, Any]:
        """Its entry in the quarantine."""
        return untrusted_fields.parse_object(self.entry.note)

    @property
    def error(self) -> str:
        """Its last error, in one line."""
        if self.is_gone:
            return GONE
        return str(self.note.get("reason", "")) or dead_letter_index.last_line(self.traceback)

    @property
    def is_gone(self) -> bool:
        """True if the job's hash does not exist; a quarantined job may have none, and says why."""
        return self.state != "quarantined" and not any(value is not None for value in self.fields.values())

    @property
    def meta(self) -> dict[str, Any]:
        """Its meta, empty if it is not JSON."""
        return untrusted_fields.parse_object(self.fields.get("meta"))

    @property
    def owner(self) -> str:
        """Its owner, empty if it has none."""
        owner = self.meta.get("owner")
        return owner if isinstance(owner, str) else ""

    @property
    def since(self) -> datetime | None:
        """Time at which it came into its state, None if that is unknown."""
        for name in _SINCE_FIELDS.get(self.state, ()):
            if time := untrusted_fields.parse_time(self.fields.get(name)):
                return time
        if self.state == "quarantined":
            return _time(self.note.get("at"))
        return _time(self.entry.score * 1000) if self.state == "canceled" else None

    @property
    def row(self) -> JobRow:
        """The job as a row of a list."""
        return JobRow(
            id=untrusted_fields.decode(self.entry.id),
            queue=self.queue,
            state=self.state,
            function=self.function,
            since=self.since,
            error=self.error,
            owner=self.owner,
            worker=untrusted_fields.decode(self.fields.get("worker_name")),
        )


_SINCE_FIELDS: dict[State, tuple[str, ...]] = {
    "queued": ("enqueued_at", "created_at"),
    "started": ("started_at",),
    "scheduled": ("created_at",),
    "deferred": ("created_at",),
    "finished": ("ended_at",),
    "failed": ("ended_at", "enqueued_at", "created_at"),
}


def _time(ms: object) -> datetime | None:
    try:
        return clock.to_datetime(float(ms)) if ms else None  # type: ignore[arg-type]  # it may be any JSON value
    except (TypeError, ValueError, OverflowError, OSError):
        return None


# --- reading ------------------------------------------------------------------------------------------------


def read(connection: Redis, queue: str, state: State, entries: Sequence[JobEntry]) -> Iterator[list[JobSummary]]:
    """Yield summaries of jobs in one location, in pages of two round trips, or more if payloads are large."""
    for start in range(0, len(entries), JOBS_PER_READ):
        page = [JobSummary(queue, state, entry) for entry in entries[start : start + JOBS_PER_READ]]
        ids = [untrusted_fields.decode(job.entry.id) for job in page]
        is_dead = state == "failed"
        with connection.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.hmget(keys.job(id_), _FIELDS)
                pipe.hstrlen(keys.job(id_), "data")
                pipe.hstrlen(keys.job(id_), "meta")
                if is_dead:
                    pipe.xrevrange(keys.results(id_), count=1)
            answers = replies.execute(pipe)
        width = 4 if is_dead else 3
        for n, job in enumerate(page):
            values, *_, last = answers[n * width : (n + 1) * width]
            job.fields = dict(zip(_FIELDS, replies.field_values(values, len(_FIELDS)), strict=True))
            if is_dead:
                job.traceback = untrusted_fields.last_traceback(replies.stream_entries(last), job.fields)
        for name, offset in (("data", 1), ("meta", 2)):
            _read_field(connection, name, page, [replies.integer(size) for size in answers[offset::width]])
        yield page


def _read_field(connection: Redis, name: str, page: Sequence[JobSummary], sizes: Sequence[int]) -> None:
    """Read a field of each job in which it is not too large."""
    batch: list[JobSummary] = []
    batch_bytes = 0
    for job, size in zip(page, sizes, strict=True):
        if 0 < size <= MAX_FIELD_BYTES:
            batch.append(job)
            batch_bytes += size
        if batch_bytes > BYTES_PER_READ:
            _read_batch(connection, name, batch)
            batch, batch_bytes = [], 0
    _read_batch(connection, name, batch)


def _read_batch(connection: Redis, name: str, batch: Sequence[JobSummary]) -> None:
    if not batch:
        return
    with connection.pipeline(transaction=False) as pipe:
        for job in batch:
            pipe.hget(keys.job(untrusted_fields.decode(job.entry.id)), name)
        answers = replies.execute(pipe)
    for job, answer in zip(batch, answers, strict=True):
        job.fields[name] = replies.optional_bytes(answer)


# --- matching -----------------------------------------------------------------------------------------------


def matches(job: JobSummary, selector: Selector, now: datetime | None = None) -> bool:
    """Tell whether a selector matches a job by its fields. `now` is Redis's time."""
    return (
        (selector.job is None or _has_name(job, selector.job))
        and (selector.error is None or _contains(f"{job.error}\n{job.traceback}", selector.error))
        and (selector.owner is None or job.owner.casefold() == selector.owner.casefold())
        and (
            selector.moved_from is None
            or untrusted_fields.decode(job.fields.get(job_fields.MOVED_FROM)) == selector.moved_from
        )
        and (selector.older_than is None or _is_older(job, selector.older_than, now))
        and (selector.argument is None or _has_argument(job, selector.argument))
        and _is_between(job, selector.since, selector.until)
        and (selector.where is None or _meets(job, selector.where, now))
    )


def _is_between(job: JobSummary, since: float | None, until: float | None) -> bool:
    if since is None and until is None:
        return True
    at = job.since
    return at is not None and (since is None or at.timestamp() >= since) and (until is None or at.timestamp() < until)


def _meets(job: JobSummary, condition: Condition, now: datetime | None) -> bool:
    since = job.since
    age = None if since is None else ((now or datetime.now(timezone.utc)) - since).total_seconds()
    return conditions.matches(condition, lambda name: _texts(job, name), age)


def _texts(job: JobSummary, name: str) -> list[str]:
    """The texts of a field of the filter language."""
    if name == "name":
        return [*_names(job), catalog.name_of(job.function)]
    if name == "argument":
        return [_arguments(job)]
    if name == "state":
        return [job.state, *(alias for alias, states in STATE_ALIASES.items() if job.state in states)]
    text = {
        "id": lambda: untrusted_fields.decode(job.entry.id),
        "queue": lambda: job.queue,
        "owner": lambda: job.owner,
        "worker": lambda: untrusted_fields.decode(job.fields.get("worker_name")),
        "error": lambda: f"{job.error}\n{job.traceback}",
        "cause": lambda: untrusted_fields.decode(job.fields.get(job_fields.FINGERPRINT)),
    }[name]
    return [text()]


def _has_name(job: JobSummary, pattern: str) -> bool:
    """Match the function's name with or without its module, and the name in the catalog."""
    function, names = job.function, _names(job)
    if pattern in catalog.JOBS:
        names.add(pattern if catalog.JOBS[pattern].handler == catalog.current_handler(function) else "")
    return any(fnmatchcase(name, pattern) for name in names if name)


def _names(job: JobSummary) -> set[str]:
    return {job.function, job.function.rpartition(".")[2], str(job.meta.get("job", ""))}


def _contains(text: str, part: str) -> bool:
    return part.casefold() in text.casefold()


def _is_older(job: JobSummary, seconds: float, now: datetime | None) -> bool:
    since = job.since
    return since is not None and ((now or datetime.now(timezone.utc)) - since).total_seconds() >= seconds


def _has_argument(job: JobSummary, part: str) -> bool:
    text = _arguments(job)
    return _contains(text, part) or _contains(text, json.dumps(part, ensure_ascii=False)[1:-1])


def _arguments(job: JobSummary) -> str:
    """The arguments as JSON; of a payload that is not JSON its text, with RQ's description."""
    data, _ = untrusted_fields.inflate(job.fields.get("data") or b"")
    try:
        payload = json.loads(data.decode())
    except (ValueError, RecursionError):
        return f"{untrusted_fields.decode(data)}\n{untrusted_fields.decode(job.fields.get('description'))}"
    arguments = payload[2:] if isinstance(payload, list) else payload
    return json.dumps(arguments, ensure_ascii=False)
