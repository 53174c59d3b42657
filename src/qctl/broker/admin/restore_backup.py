"""Restores a backup line by line: existing entries stay as they are, and each line is restored whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError
from redis.typing import EncodableT, FieldT

from qctl.broker.admin import export_jobs, import_format, import_jobs, write_backup
from qctl.broker.admin.import_format import ImportedJob, Values
from qctl.broker.bookkeeping import events, marks, notes
from qctl.broker.query import limits
from qctl.broker.redis import annotation_keys, clock, job_fields, keys, limit_keys, untrusted_fields
from qctl.broker.scheduler.schedules import NAME_PATTERN
from qctl.errors import AlreadyExistsError, RejectedError

_BATCH_FIELDS = ("queue", "verb", "by", "at", "expires_at")
_MAX_BATCH_ID_CHARACTERS = 100

MAX_REMARK_CHARACTERS = 1000
"""Characters of the text of a mark or a note in a backup; more is corrupt or hostile."""


def put(connection: Redis, line: bytes, *, trust: bool, dry_run: bool, actor: str) -> str:
    """Restore the entry of a line. Returns its kind: pause, limit, schedule, job, batch, trashed, or end.

    With `dry_run` the line is only read. `trust` as for an import. Raises AlreadyExistsError if there is such an entry,
    RejectedError if the line is corrupt or hostile, or its entry has expired.
    """
    parsed = import_format.document(line)
    if parsed.get("schema") == export_jobs.SCHEMA:
        job = import_format.read(parsed, trust=trust)
        if not dry_run:
            import_jobs.put(connection, job, actor=actor)
        return "job"
    kind = parsed.get("kind")
    if parsed.get("schema") != write_backup.SCHEMA or not isinstance(kind, str):
        raise RejectedError(f"it is not {write_backup.SCHEMA}")
    if kind == write_backup.END:
        return kind
    if kind not in _READERS:
        raise RejectedError(f"its kind is {kind[:80]!r}, which no backup writes")
    restore = _READERS[kind](connection, parsed, trust, actor)
    if not dry_run:
        restore()
    return kind


def _pause(connection: Redis, parsed: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    del trust
    queue, raw = import_format.word(parsed, "queue"), import_format.value(parsed.get("pause"), "pause")
    pause = untrusted_fields.parse_object(raw)
    if not pause:
        raise RejectedError("its pause cannot be read")

    def restore() -> None:
        until, name = pause.get("until"), untrusted_fields.encode(queue)
        is_over = isinstance(until, (int, float)) and until <= clock.now_ms(connection)
        if is_over and not connection.hexists(keys.PAUSED, name):
            raise RejectedError(f"the pause of {queue} is over")
        if not connection.hsetnx(keys.PAUSED, name, raw):
            raise AlreadyExistsError(f"{queue} is paused already")
        events.record(connection, "paused", queue=queue, actor=actor, reason="from a backup")

    return restore


def _limit(connection: Redis, parsed: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    del trust, actor
    field, raw = import_format.word(parsed, "limit"), import_format.value(parsed.get("value"), "value")
    if not limits.parse({field.encode(errors="surrogateescape"): raw}, 0):
        raise RejectedError("its limit cannot be read")

    def restore() -> None:
        name = untrusted_fields.encode(field)
        if not limits.parse({name: raw}, clock.now_ms(connection)):
            raise RejectedError(f"the limit {field} is over")
        if not connection.hsetnx(limit_keys.LIMITS, name, raw):
            raise AlreadyExistsError(f"{field} is limited already")

    return restore


def _schedule(connection: Redis, parsed: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    name = import_format.word(parsed, "name")
    if not NAME_PATTERN.fullmatch(name):
        raise RejectedError(f"{name[:80]!r} is not a name of a schedule")
    due, fields = import_format.score(parsed.get("due")), import_format.values(parsed.get("fields"), "fields")
    if not fields:
        raise RejectedError("it has no data")
    if not trust:
        import_format.refuse_dangers(import_format.dangers(fields, []))

    def write(pipe: Pipeline) -> None:
        pipe.hset(keys.schedule(name), mapping=_mapping(fields))
        pipe.zadd(keys.SCHEDULES, {name: "+inf" if math.isinf(due) else due})
        events.record(pipe, "schedule", name=name, actor=actor, reason="from a backup")

    return lambda: _write_new(connection, keys.schedule(name), f"a schedule {name} exists already", write)


def _mark(connection: Redis, parsed: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    del trust, actor
    text, by = import_format.word(parsed, "text"), import_format.word(parsed, "by")
    at = import_format.time_ms(parsed, "at")
    if not at or len(text) > MAX_REMARK_CHARACTERS:
        raise RejectedError("its mark cannot be read")

    def restore() -> None:
        if not connection.zadd(annotation_keys.MARKS, {marks.encode(text, by, at): at}, nx=True):
            raise AlreadyExistsError(f"there is a mark {text} already")
        connection.zremrangebyrank(annotation_keys.MARKS, 0, -marks.MAX_MARKS - 1)

    return restore


def _note(connection: Redis, parsed: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    del trust, actor
    name = untrusted_fields.encode(import_format.word(parsed, "name"))
    note = notes.parse(name, import_format.value(parsed.get("note"), "note"))
    if note is None or len(note.text) > MAX_REMARK_CHARACTERS:
        raise RejectedError("its note cannot be read")

    def restore() -> None:
        if connection.hlen(annotation_keys.NOTES) >= notes.MAX_NOTES:
            raise RejectedError(f"there are {notes.MAX_NOTES} notes already")
        if not connection.hsetnx(annotation_keys.NOTES, name, notes.encode(note)):
            raise AlreadyExistsError(f"there is a note on {note.kind} {note.name} already")

    return restore


def _batch(connection: Redis, parsed: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    del trust, actor
    batch_id, expires_ms = _batch_id(parsed, "id"), import_format.time_ms(parsed, "expires_at")
    fields = import_format.values(parsed.get("fields"), "fields")
    if not expires_ms or set(fields) != set(_BATCH_FIELDS):
        raise RejectedError(f"its batch does not have {', '.join(_BATCH_FIELDS)}")

    def write(pipe: Pipeline) -> None:
        pipe.hset(keys.trash(batch_id), mapping=_mapping(fields))
        pipe.zadd(keys.TRASH, {batch_id: expires_ms})

    def restore() -> None:
        if expires_ms <= clock.now_ms(connection) and not connection.exists(keys.trash(batch_id)):
            raise RejectedError(f"trash batch {batch_id} has expired")
        _write_new(connection, keys.trash(batch_id), f"a trash batch {batch_id} exists already", write)

    return restore


def _trashed(connection: Redis, parsed: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    del actor
    batch_id = _batch_id(parsed, "batch")
    job = import_format.read(parsed.get("job"), trust=trust)
    raw_origin = parsed.get("origin")
    origin = None if raw_origin is None else import_format.value(raw_origin, "origin")
    if job.fields.get(job_fields.TRASH_BATCH) != batch_id.encode():
        raise RejectedError(f"its job is not in trash batch {batch_id}")

    def write(pipe: Pipeline) -> None:
        _write_job(pipe, job)
        pipe.rpush(keys.trash_jobs(batch_id), untrusted_fields.encode(job.id))
        if origin is not None:
            pipe.hset(keys.trash_origins(batch_id), untrusted_fields.encode(job.id), origin)

    def restore() -> None:
        if not connection.exists(keys.trash(batch_id)):
            raise RejectedError(f"there is no trash batch {batch_id}")
        _write_new(connection, keys.job(job.id), f"there is a job {job.id} already", write)

    return restore


_READERS: dict[str, Callable[[Redis, dict[str, Any], bool, str], Callable[[], None]]] = {
    "pause": _pause,
    "limit": _limit,
    "schedule": _schedule,
    "mark": _mark,
    "note": _note,
    "batch": _batch,
    "trashed": _trashed,
}
"""Readers of the kinds of lines. Each returns the function that restores the entry."""


def _write_job(pipe: Pipeline, job: ImportedJob) -> None:
    pipe.hset(keys.job(job.id), mapping=_mapping(job.fields))
    for entry_id, values in job.results:
        pipe.xadd(keys.results(job.id), _mapping(values), id=entry_id)
    if job.expires_at:
        pipe.pexpireat(keys.job(job.id), job.expires_at)
    if job.results_expire_at:
        pipe.pexpireat(keys.results(job.id), job.results_expire_at)


def _mapping(values: Values) -> dict[FieldT, EncodableT]:
    """Return values with the type that redis-py takes."""
    return {name: value for name, value in values.items()}  # noqa: C416 - dict() keeps the narrower type


def _batch_id(parsed: dict[str, Any], name: str) -> str:
    text = import_format.word(parsed, name)
    if len(text) > _MAX_BATCH_ID_CHARACTERS or not text.replace("-", "").replace(".", "").isalnum():
        raise RejectedError(f"{text[:80]!r} is not a name of a trash batch")
    return text


def _write_new(connection: Redis, key: str, taken: str, write: Callable[[Pipeline], None]) -> None:
    """Write in one transaction if the key does not exist. Raises AlreadyExistsError if it does by then."""
    with connection.pipeline() as pipe:
        pipe.watch(key)
        if pipe.exists(key):
            raise AlreadyExistsError(taken)
        pipe.multi()
        write(pipe)
        try:
            pipe.execute()
        except WatchError:
            raise AlreadyExistsError(taken) from None
