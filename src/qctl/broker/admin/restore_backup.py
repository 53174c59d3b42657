"""Bringing a backup back, line by line: what is there already stays as it is, and each line is there whole or not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError

from qctl.broker.admin import export_jobs, import_format, import_jobs, write_backup
from qctl.broker.admin.import_format import Record, Values
from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, job_fields, keys, untrusted_fields
from qctl.broker.scheduler.schedules import NAME_PATTERN
from qctl.errors import AlreadyExistsError, RejectedError

_BATCH = ("queue", "verb", "by", "at", "expires_at")
_LONGEST_ID = 100


def put(connection: Redis, line: bytes, *, trust: bool, dry_run: bool, actor: str) -> str:
    """Put back what a line holds. Returns its kind: pause, schedule, job, batch, trashed, or end.

    Raises AlreadyThereError where there is such a thing, RejectedError where it is corrupt or hostile, or its time is
    over. With `dry_run` it is only read. `trust` as for importing.
    """
    found = import_format.document(line)
    if found.get("schema") == export_jobs.SCHEMA:
        record = import_format.read(found, trust=trust)
        if not dry_run:
            import_jobs.put(connection, record, actor=actor)
        return "job"
    kind = found.get("kind")
    if found.get("schema") != write_backup.SCHEMA or not isinstance(kind, str):
        raise RejectedError(f"it is no {write_backup.SCHEMA}")
    if kind == write_backup.END:
        return kind
    if kind not in _KINDS:
        raise RejectedError(f"its kind is {kind[:80]!r}, which no backup writes")
    act = _KINDS[kind](connection, found, trust, actor)
    if not dry_run:
        act()
    return kind


def _pause(connection: Redis, found: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    del trust
    queue, raw = import_format.word(found, "queue"), import_format.value(found.get("pause"), "pause")
    until = untrusted_fields.parse_object(raw).get("until")
    if not untrusted_fields.parse_object(raw):
        raise RejectedError("its pause cannot be read")

    def act() -> None:
        over = isinstance(until, (int, float)) and until <= clock.now_ms(connection)
        if over and not connection.hexists(keys.PAUSED, untrusted_fields.encode(queue)):
            raise RejectedError(f"the pause of {queue} is over")
        if not connection.hsetnx(keys.PAUSED, untrusted_fields.encode(queue), raw):
            raise AlreadyExistsError(f"{queue} is paused already")
        events.record(connection, "paused", queue=queue, actor=actor, reason="from a backup")

    return act


def _schedule(connection: Redis, found: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    name = import_format.word(found, "name")
    if not NAME_PATTERN.fullmatch(name):
        raise RejectedError(f"{name[:80]!r} is no name of a schedule")
    due, fields = import_format.score(found.get("due")), import_format.values(found.get("fields"), "fields")
    if not fields:
        raise RejectedError("it has no data")
    called = import_format.called(fields, [])
    if called and not trust:
        raise RejectedError(f"a stock worker would run or call its {called[0]}: take it with --trust")

    def write(pipe: Pipeline) -> None:
        pipe.hset(keys.schedule(name), mapping=dict(fields))
        pipe.zadd(keys.SCHEDULES, {name: "+inf" if math.isinf(due) else due})
        events.record(pipe, "schedule", name=name, actor=actor, reason="from a backup")

    return lambda: _once(connection, keys.schedule(name), f"a schedule {name} exists already", write)


def _batch(connection: Redis, found: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    del trust, actor
    name, ends = _batch_name(found, "id"), import_format.moment(found, "expires_at")
    fields = import_format.values(found.get("fields"), "fields")
    if not ends or set(fields) != set(_BATCH):
        raise RejectedError(f"its batch does not say {', '.join(_BATCH)}")

    def write(pipe: Pipeline) -> None:
        pipe.hset(keys.trash(name), mapping=dict(fields))
        pipe.zadd(keys.TRASH, {name: ends})

    def act() -> None:
        if ends <= clock.now_ms(connection) and not connection.exists(keys.trash(name)):
            raise RejectedError(f"the time of trash batch {name} is over")
        _once(connection, keys.trash(name), f"a trash batch {name} exists already", write)

    return act


def _trashed(connection: Redis, found: dict[str, Any], trust: bool, actor: str) -> Callable[[], None]:
    del actor
    batch = _batch_name(found, "batch")
    record = import_format.read(found.get("job"), trust=trust)
    given = found.get("origin")
    origin = None if given is None else import_format.value(given, "origin")
    if record.fields.get(job_fields.TRASH_BATCH) != batch.encode():
        raise RejectedError(f"its job does not lie in trash batch {batch}")

    def write(pipe: Pipeline) -> None:
        _write_job(pipe, record)
        pipe.rpush(keys.trash_jobs(batch), untrusted_fields.encode(record.id))
        if origin is not None:
            pipe.hset(keys.trash_origins(batch), untrusted_fields.encode(record.id), origin)

    def act() -> None:
        if not connection.exists(keys.trash(batch)):
            raise RejectedError(f"its trash batch {batch} is not there")
        _once(connection, keys.job(record.id), f"there is a job {record.id} already", write)

    return act


_KINDS: dict[str, Callable[[Redis, dict[str, Any], bool, str], Callable[[], None]]] = {
    "pause": _pause,
    "schedule": _schedule,
    "batch": _batch,
    "trashed": _trashed,
}


def _write_job(pipe: Pipeline, record: Record) -> None:
    pipe.hset(keys.job(record.id), mapping=_mapping(record.fields))
    for entry, values in record.results:
        pipe.xadd(keys.results(record.id), _mapping(values), id=entry)
    if record.expires_at:
        pipe.pexpireat(keys.job(record.id), record.expires_at)
    if record.results_expire_at:
        pipe.pexpireat(keys.results(record.id), record.results_expire_at)


def _mapping(values: Values) -> dict[Any, Any]:
    return dict(values)


def _batch_name(found: dict[str, Any], name: str) -> str:
    text = import_format.word(found, name)
    if len(text) > _LONGEST_ID or not text.replace("-", "").replace(".", "").isalnum():
        raise RejectedError(f"{text[:80]!r} is no name of a trash batch")
    return text


def _once(connection: Redis, key: str, taken: str, write: Callable[[Pipeline], None]) -> None:
    """Write in one transaction where the key is not there. Raises AlreadyThereError where it is, or comes meanwhile."""
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
