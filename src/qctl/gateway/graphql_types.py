"""GraphQL types, with the field names of other routes. Text from Redis is escaped everywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import strawberry
from strawberry.scalars import JSON

from qctl import models
from qctl.safe import escape_line, redact

T = TypeVar("T")


@strawberry.enum(description="State of a job. FAILED and QUARANTINED are dead letters.")
class JobState(Enum):
    """The values of `models.State`."""

    QUEUED = "queued"
    STARTED = "started"
    SCHEDULED = "scheduled"
    DEFERRED = "deferred"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELED = "canceled"
    QUARANTINED = "quarantined"


@strawberry.type(description="A pause of a queue.")
class Pause:
    by: str
    at: datetime
    reason: str
    until: datetime | None

    @classmethod
    def of(cls, pause: models.Pause) -> Pause:
        """Convert a pause."""
        return cls(by=escape_line(pause.by), at=pause.at, reason=escape_line(pause.reason), until=pause.until)


@strawberry.type(description="A queue. Counts are jobs, ages are seconds, rates are jobs per second.")
class Queue:
    name: str
    waiting: int
    active: int
    completed: int
    failed: int
    delayed: int
    paused: bool
    pause: Pause | None
    workers: int
    oldest_age: float | None
    arrival_rate: float | None
    throughput: float | None
    error_rate: float | None
    error: str | None

    @classmethod
    def of(cls, queue: models.QueueStats) -> Queue:
        """Convert the statistics of a queue."""
        return cls(
            name=escape_line(queue.name),
            waiting=queue.waiting,
            active=queue.running,
            completed=queue.finished,
            failed=queue.dead,
            delayed=queue.scheduled + queue.deferred,
            paused=queue.paused is not None,
            pause=_maybe(Pause.of, queue.paused),
            workers=queue.workers,
            oldest_age=queue.oldest_age,
            arrival_rate=queue.in_rate,
            throughput=queue.out_rate,
            error_rate=queue.error_rate,
            error=_maybe(escape_line, queue.error),
        )


@strawberry.type(description="A job. `since`: when it entered its state; `error`: the last line of its error.")
class Job:
    id: strawberry.ID
    queue: str
    state: JobState
    function: str
    since: datetime | None
    error: str | None
    owner: str | None
    worker: str | None

    @classmethod
    def of(cls, job: models.JobRow) -> Job:
        """Convert a row of a list."""
        return cls(
            id=strawberry.ID(escape_line(job.id)),
            queue=escape_line(job.queue),
            state=JobState(job.state),
            function=escape_line(job.function),
            since=job.since,
            error=escape_line(job.error) or None,
            owner=escape_line(job.owner) or None,
            worker=escape_line(job.worker) or None,
        )


@strawberry.type(description="One page of `matching` jobs, found by examining `scanned` of `total` jobs.")
class Jobs:
    jobs: list[Job]
    matching: int
    scanned: int
    total: int

    @classmethod
    def of(cls, found: models.Jobs) -> Jobs:
        """Convert a page of jobs."""
        rows = [Job.of(row) for row in found.rows]
        return cls(jobs=rows, matching=found.matching, scanned=found.scanned, total=found.total)


@strawberry.type(description="A moment that plots and causes show, such as a deployment.")
class Mark:
    text: str
    at: datetime
    by: str

    @classmethod
    def of(cls, mark: models.Mark) -> Mark:
        """Convert a mark."""
        return cls(text=escape_line(mark.text), at=mark.at, by=escape_line(mark.by))


@strawberry.type(description="A note of an operator. An acknowledged cause is no problem until it grows.")
class Note:
    text: str
    by: str
    at: datetime
    acknowledged: bool

    @classmethod
    def of(cls, note: models.Note) -> Note:
        """Convert a note."""
        text, by = escape_line(note.text), escape_line(note.by)
        return cls(text=text, by=by, at=note.at, acknowledged=note.is_acknowledged)


@strawberry.type(description="A cause of dead letters and their number. `sample`: the id of one of them.")
class Cause:
    fingerprint: str
    count: int
    queues: list[str]
    function: str
    exception: str
    message: str
    frame: str | None
    first_seen: datetime | None
    last_seen: datetime | None
    sample: strawberry.ID
    since_mark: str | None
    note: Note | None

    @classmethod
    def of(cls, cause: models.Cause) -> Cause:
        """Convert a cause."""
        return cls(
            fingerprint=escape_line(cause.fingerprint),
            count=cause.count,
            queues=[escape_line(name) for name in cause.queues],
            function=escape_line(cause.function),
            exception=escape_line(cause.exception),
            message=escape_line(cause.message),
            frame=escape_line(cause.frame) or None,
            first_seen=cause.first_seen,
            last_seen=cause.last_seen,
            sample=strawberry.ID(escape_line(cause.sample)),
            since_mark=escape_line(cause.since_mark) or None,
            note=_maybe(Note.of, cause.note),
        )


@strawberry.type(
    description="Causes of dead letters, the most frequent first. They cover `grouped` of `total` dead letters."
)
class DeadLetters:
    causes: list[Cause]
    grouped: int
    total: int

    @classmethod
    def of(cls, found: models.Causes, limit: int) -> DeadLetters:
        """Convert the first `limit` causes."""
        return cls(causes=[Cause.of(cause) for cause in found.causes[:limit]], grouped=found.grouped, total=found.total)


@strawberry.type(description="A line that a job logged or printed, with the number of its attempt from 1.")
class LogLine:
    attempt: int
    at: datetime
    level: str
    text: str

    @classmethod
    def of(cls, attempt: int, line: models.LogLine) -> LogLine:
        """Convert a line of an attempt."""
        text = escape_line(redact(line.text))
        return cls(attempt=attempt, at=line.at, level=escape_line(line.level), text=text)


@strawberry.type(
    description="Memory of one use, estimated; the true number is within `errorBytes` with 95 % confidence."
)
class MemoryShare:
    use: str
    keys: float
    bytes: float
    error_bytes: float

    @classmethod
    def of(cls, part: models.MemoryShare) -> MemoryShare:
        """Convert the memory of a use."""
        return cls(use=part.kind, keys=part.keys, bytes=part.bytes, error_bytes=part.error)


@strawberry.type(description="Memory of the jobs of one name, with their results, estimated.")
class NameMemory:
    name: str
    jobs: float
    bytes: float
    payload_bytes: float
    result_bytes: float
    dead_letter_bytes: float
    error_bytes: float

    @classmethod
    def of(cls, name: models.NameMemory) -> NameMemory:
        """Convert the memory of a name."""
        return cls(
            name=escape_line(name.name),
            jobs=name.jobs,
            bytes=name.bytes,
            payload_bytes=name.payload,
            result_bytes=name.result,
            dead_letter_bytes=name.dead,
            error_bytes=name.error,
        )


@strawberry.type(description="A large key, with the id and the name of its job if it has one.")
class LargeKey:
    key: str
    use: str
    bytes: float
    job: strawberry.ID | None
    name: str | None

    @classmethod
    def of(cls, key: models.LargeKey) -> LargeKey:
        """Convert a key."""
        return cls(
            key=escape_line(key.key),
            use=key.kind,
            bytes=key.bytes,
            job=_maybe(lambda job: strawberry.ID(escape_line(job)), key.job),
            name=_maybe(escape_line, key.name),
        )


@strawberry.type(
    description="Where Redis's memory goes, from `measured` of `keys` keys. Bytes are floats: Int is too small."
)
class MemoryUse:
    used_bytes: float | None
    max_bytes: float | None
    keys: float
    measured: int
    bytes: float
    error_bytes: float
    uses: list[MemoryShare]
    jobs: list[NameMemory]
    largest: list[LargeKey]

    @classmethod
    def of(cls, use: models.MemoryUse) -> MemoryUse:
        """Convert the use of memory."""
        return cls(
            used_bytes=use.used,
            max_bytes=use.limit,
            keys=use.keys,
            measured=use.measured,
            bytes=use.bytes,
            error_bytes=use.error,
            uses=[MemoryShare.of(part) for part in use.shares],
            jobs=[NameMemory.of(name) for name in use.names],
            largest=[LargeKey.of(key) for key in use.largest],
        )


@strawberry.type(description="A stored reading. `timeNs`: time of measurement in nanoseconds since 1970, as text.")
class Reading:
    topic: str
    device: str
    time_ns: str
    received_at: datetime | None
    fields: JSON
    tags: JSON

    @classmethod
    def of(cls, reading: models.StoredReading) -> Reading:
        """Convert a reading."""
        fields: Any = {
            escape_line(name): escape_line(value) if isinstance(value, str) else value
            for name, value in reading.fields.items()
        }
        tags: Any = {escape_line(name): escape_line(value) for name, value in reading.tags.items()}
        return cls(
            topic=escape_line(reading.topic),
            device=escape_line(reading.device),
            time_ns=str(reading.ts_ns),
            received_at=reading.received_at,
            fields=fields,
            tags=tags,
        )


@strawberry.type(
    description="Result of a pause. `changed` is false if the queue was paused already; `running`: ids of running jobs."
)
class Paused:
    changed: bool
    pause: Pause
    running: list[strawberry.ID]

    @classmethod
    def of(cls, done: models.PauseResult) -> Paused:
        """Convert the result of a pause."""
        running = [strawberry.ID(escape_line(job.id)) for job in done.running]
        return cls(changed=done.changed, pause=Pause.of(done.pause), running=running)


@strawberry.type(description="Result of a resume. `changed` is false if the queue was not paused.")
class Resumed:
    changed: bool


@strawberry.type(description="Numbers of dead letters that were enqueued again, could not be, or had been already.")
class Retried:
    done: int
    failed: int
    already: int

    @classmethod
    def of(cls, result: models.BulkResult) -> Retried:
        """Convert the result of a bulk operation."""
        return cls(done=result.done, failed=result.failed, already=result.already)


def _maybe(make: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else make(value)
