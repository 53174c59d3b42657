"""What jobs say of themselves, read for many at once: as much of it as is asked for, and no more than fits.

Nothing is unpickled; what is in a pickled payload is found only as bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from redis import Redis

from qctl import catalog
from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.models import JobRow

if TYPE_CHECKING:
    from qctl.broker.query.job_locations import JobEntry
    from qctl.models import Selector, State

STEP = 500
"""Jobs that are read at once."""

EACH = 1 << 20
"""Bytes of one payload, as it is stored, that are looked through."""

TOGETHER = 4 << 20
"""Bytes of payloads that are read at once."""

_FIELDS = (
    *("description", "created_at", "enqueued_at", "started_at", "ended_at", "worker_name", "exc_info"),
    job_fields.FINGERPRINT,
    job_fields.MOVED_FROM,
)


@dataclass
class JobSummary:
    """One job: its place, and what was read of it. `fields` holds `data` and `meta` too where they were asked for."""

    queue: str
    state: State
    found: JobEntry
    fields: dict[str, bytes | None] = field(default_factory=dict)
    traceback: str = ""

    @property
    def function(self) -> str:
        """The function that it calls, or what its description begins with."""
        return untrusted_fields.function_name(self.fields) or "?"

    @property
    def note(self) -> dict[str, Any]:
        """What the quarantine says of it."""
        return untrusted_fields.parse_object(self.found.note)

    @property
    def error(self) -> str:
        """What went wrong, in one line."""
        return str(self.note.get("reason", "")) or dead_letter_index.last_line(self.traceback)

    @property
    def meta(self) -> dict[str, Any]:
        """Its notes, empty where they are not JSON."""
        return untrusted_fields.parse_object(self.fields.get("meta"))

    @property
    def owner(self) -> str:
        """Whose it is."""
        owner = self.meta.get("owner")
        return owner if isinstance(owner, str) else ""

    @property
    def since(self) -> datetime | None:
        """When it came into its state, as far as it tells."""
        for name in _SINCE.get(self.state, ()):
            if when := untrusted_fields.parse_time(self.fields.get(name)):
                return when
        if self.state == "quarantined":
            return _moment(self.note.get("at"))
        return _moment(self.found.score * 1000) if self.state == "canceled" else None

    @property
    def row(self) -> JobRow:
        """It as a line of a list."""
        return JobRow(
            id=untrusted_fields.decode(self.found.id),
            queue=self.queue,
            state=self.state,
            function=self.function,
            since=self.since,
            error=self.error,
            owner=self.owner,
            worker=untrusted_fields.decode(self.fields.get("worker_name")),
        )


_SINCE: dict[State, tuple[str, ...]] = {
    "queued": ("enqueued_at", "created_at"),
    "started": ("started_at",),
    "scheduled": ("created_at",),
    "deferred": ("created_at",),
    "finished": ("ended_at",),
    "failed": ("ended_at", "enqueued_at", "created_at"),
}


def _moment(ms: object) -> datetime | None:
    try:
        return clock.to_datetime(float(ms)) if ms else None  # type: ignore[arg-type]  # anything may stand there
    except (TypeError, ValueError, OverflowError, OSError):
        return None


# --- reading ------------------------------------------------------------------------------------------------


def read(connection: Redis, queue: str, state: State, found: Sequence[JobEntry]) -> Iterator[list[JobSummary]]:
    """All that a list shows and a selector asks for, of jobs in one place, in steps of two round trips and more where
    payloads are large."""
    for start in range(0, len(found), STEP):
        step = [JobSummary(queue, state, each) for each in found[start : start + STEP]]
        ids = [untrusted_fields.decode(facts.found.id) for facts in step]
        dead = state == "failed"
        with connection.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.hmget(keys.job(id_), _FIELDS)
                pipe.hstrlen(keys.job(id_), "data")
                pipe.hstrlen(keys.job(id_), "meta")
                if dead:
                    pipe.xrevrange(keys.results(id_), count=1)
            answers = replies.execute(pipe)
        width = 4 if dead else 3
        for n, facts in enumerate(step):
            values, *_ = mine = answers[n * width : (n + 1) * width]
            facts.fields = dict(zip(_FIELDS, replies.granted(values, [None] * len(_FIELDS)), strict=True))
            if dead:
                facts.traceback = untrusted_fields.last_traceback(replies.granted(mine[3], None), facts.fields)
        for name, place in (("data", 1), ("meta", 2)):
            _read_large(connection, name, step, [replies.granted(size, 0) for size in answers[place::width]])
        yield step


def _read_large(connection: Redis, name: str, step: Sequence[JobSummary], sizes: Sequence[int]) -> None:
    """Read a field that may be large of those where it is not too large."""
    batch: list[JobSummary] = []
    together = 0
    for facts, size in zip(step, sizes, strict=True):
        if 0 < size <= EACH:
            batch.append(facts)
            together += size
        if together > TOGETHER:
            _fetch(connection, name, batch)
            batch, together = [], 0
    _fetch(connection, name, batch)


def _fetch(connection: Redis, name: str, batch: Sequence[JobSummary]) -> None:
    if not batch:
        return
    with connection.pipeline(transaction=False) as pipe:
        for facts in batch:
            pipe.hget(keys.job(untrusted_fields.decode(facts.found.id)), name)
        answers = replies.execute(pipe)
    for facts, answer in zip(batch, answers, strict=True):
        facts.fields[name] = replies.granted(answer, None)


# --- matching -----------------------------------------------------------------------------------------------


def matches(facts: JobSummary, selector: Selector, now: datetime | None = None) -> bool:
    """Whether a selector means this job, by what the job says. `now` is Redis's time."""
    return (
        (selector.job is None or _is_named(facts, selector.job))
        and (selector.error is None or _holds(f"{facts.error}\n{facts.traceback}", selector.error))
        and (selector.owner is None or facts.owner.casefold() == selector.owner.casefold())
        and (
            selector.moved_from is None
            or untrusted_fields.decode(facts.fields.get(job_fields.MOVED_FROM)) == selector.moved_from
        )
        and (selector.older_than is None or _is_older(facts, selector.older_than, now))
        and (selector.argument is None or _is_called_with(facts, selector.argument))
    )


def _is_named(facts: JobSummary, pattern: str) -> bool:
    """By its function with or without its module, or by the name that the catalog knows it by."""
    function = facts.function
    names = {function, function.rpartition(".")[2], str(facts.meta.get("job", ""))}
    if pattern in catalog.JOBS:
        names.add(pattern if catalog.JOBS[pattern].handler == catalog.current_handler(function) else "")
    return any(fnmatchcase(name, pattern) for name in names if name)


def _holds(text: str, sought: str) -> bool:
    return sought.casefold() in text.casefold()


def _is_older(facts: JobSummary, seconds: float, now: datetime | None) -> bool:
    since = facts.since
    return since is not None and ((now or datetime.now(timezone.utc)) - since).total_seconds() >= seconds


def _is_called_with(facts: JobSummary, sought: str) -> bool:
    data, _ = untrusted_fields.inflate(facts.fields.get("data") or b"")
    try:
        payload = json.loads(data.decode())
    except (ValueError, RecursionError):
        return untrusted_fields.encode(sought).lower() in data.lower() or _holds(
            untrusted_fields.decode(facts.fields.get("description")), sought
        )
    arguments = payload[2:] if isinstance(payload, list) else payload
    text = json.dumps(arguments, ensure_ascii=False)
    return _holds(text, sought) or _holds(text, json.dumps(sought, ensure_ascii=False)[1:-1])
