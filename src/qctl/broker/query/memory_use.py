"""Estimates where Redis's memory goes, from a sample of its keys. Writes nothing, and never blocks Redis.

Keys that may be large, and that are few, are measured each. Of all others those are measured that SCAN returns first:
Redis keeps keys in the order of a hash with a random seed, so that they are a random sample. MEMORY USAGE looks at a
few entries of a key, whatever its length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis

from qctl import catalog
from qctl.broker.query import key_kinds
from qctl.broker.query.memory_sample import MeasuredKey, MemorySample
from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.models.memory import MemoryKind, MemoryUse

SAMPLED_ENTRIES = 64
"""Entries of a key that MEMORY USAGE looks at: all fields of an ordinary job."""

KEYS_PER_READ = 200
"""Keys in one round trip."""

SCAN_COUNT = 500

MAX_NAME_BYTES = 16_384
"""Size of a job's description and meta up to which they are read for its name."""

_LENGTHS = ("data", "result", "description", "meta")


@dataclass
class _JobPart:
    """A key that may be a job's hash or its results. `job` is that job's id, None for any other key."""

    key: str
    job: str | None
    is_hash: bool
    bytes: int | None = None
    lengths: tuple[int, ...] = (0,) * len(_LENGTHS)
    status: str = ""
    name: str = "?"

    @classmethod
    def of(cls, key: str) -> _JobPart:
        job = key_kinds.job_of(key)
        return cls(key, key_kinds.result_of(key) if job is None else job, is_hash=job is not None)


def read(connection: Redis, queues: Sequence[str], max_keys: int) -> MemoryUse:
    """Estimate the memory of each kind of key, and of the jobs of each name.

    `max_keys` is the size of the sample. Keys beyond it are estimated, with an error.
    """
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.info("memory")
        pipe.dbsize()
        time, info, size = replies.execute(pipe)
    sample = MemorySample()
    large = key_kinds.few_large(queues, list(catalog.PIPELINES))
    known = _measure_large(connection, large, sample)
    is_all = _measure_scanned(connection, set(large), max_keys, sample)
    population = sample.seen if is_all else max(replies.integer(size) - known, sample.seen + 1)
    memory: dict[str, Any] = info if isinstance(info, dict) else {}
    return MemoryUse(
        at=clock.to_datetime(clock.reply_ms(time)),
        used=memory.get("used_memory"),
        limit=memory.get("maxmemory"),
        keys=known + population,
        measured=known + sample.seen,
        hidden=sample.hidden,
        shares=sample.shares(population),
        names=sample.names(population),
        largest=sample.largest,
    )


def _measure_large(connection: Redis, large: Sequence[str], sample: MemorySample) -> int:
    """Measure each of these keys. Returns how many of them exist."""
    known = 0
    for start in range(0, len(large), KEYS_PER_READ):
        names = large[start : start + KEYS_PER_READ]
        with connection.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.memory_usage(name, samples=SAMPLED_ENTRIES)
            answers = replies.execute(pipe)
        sizes = [(name, _size(answer, sample)) for name, answer in zip(names, answers, strict=True)]
        measured = [MeasuredKey(name, size, {key_kinds.kind_of(name): size}) for name, size in sizes if size]
        sample.add(measured, sample.certain)
        known += len(measured)
    return known


def _measure_scanned(connection: Redis, measured: set[str], max_keys: int, sample: MemorySample) -> bool:
    """Measure up to `max_keys` keys as SCAN returns them. Returns True if there are no others."""
    seen: set[str] = set()
    cursor = 0
    while True:
        cursor, page = connection.scan(cursor, count=SCAN_COUNT)
        new = {untrusted_fields.decode(key) for key in replies.bytes_list(page)} - measured - seen
        room = max_keys - len(seen)
        chosen = sorted(new)[:room]
        seen.update(chosen)
        sample.seen = len(seen)
        for start in range(0, len(chosen), KEYS_PER_READ):
            sample.add(_measure(connection, chosen[start : start + KEYS_PER_READ], sample), sample.sampled)
        if cursor == 0 or len(new) > room:
            return len(new) <= room


def _measure(connection: Redis, names: Sequence[str], sample: MemorySample) -> Iterator[MeasuredKey]:
    """Yield what keys are used for, in two round trips; those that are gone are left out."""
    parts = [_JobPart.of(name) for name in names]
    with connection.pipeline(transaction=False) as pipe:
        for part in parts:
            pipe.memory_usage(part.key, samples=SAMPLED_ENTRIES)
            for field in _LENGTHS if part.job is not None else ():
                pipe.hstrlen(keys.job(part.job or ""), field)
        answers = iter(replies.execute(pipe))
    for part in parts:
        part.bytes = _size(next(answers), sample)
        if part.job is not None:
            part.lengths = tuple(replies.integer(next(answers)) for _ in _LENGTHS)
    _read_names(connection, [part for part in parts if part.job is not None])
    for part in parts:
        if part.bytes:
            yield _divided(part, part.bytes)


def _read_names(connection: Redis, parts: Sequence[_JobPart]) -> None:
    """Read the status of jobs, and their names as far as these are in short fields."""
    if not parts:
        return
    with connection.pipeline(transaction=False) as pipe:
        for part in parts:
            _, _, *lengths = part.lengths
            short = [
                name if size <= MAX_NAME_BYTES else ""
                for name, size in zip(("description", "meta"), lengths, strict=True)
            ]
            pipe.hmget(keys.job(part.job or ""), ["status", *short])
        answers = replies.execute(pipe)
    for part, answer in zip(parts, answers, strict=True):
        status, description, meta = replies.field_values(answer, 3)
        part.status = untrusted_fields.decode(status)
        name = untrusted_fields.parse_object(meta).get("job")
        function = untrusted_fields.function_name({"description": description})
        part.name = name if isinstance(name, str) and name else catalog.name_of(function) or "?"


def _divided(part: _JobPart, size: int) -> MeasuredKey:
    """Divide the bytes of a key by what they are used for."""
    if part.job is None:
        return MeasuredKey(part.key, size, {key_kinds.kind_of(part.key): size})
    divided: dict[MemoryKind, int]
    if part.status == "failed":
        divided = {"dead letter": size}
    elif not part.is_hash:
        divided = {"result": size}
    else:
        payload = min(part.lengths[0], size)
        result = min(part.lengths[1], size - payload)
        divided = {"payload": payload, "result": result, "job record": size - payload - result}
    used = {kind: amount for kind, amount in divided.items() if amount}
    return MeasuredKey(part.key, size, used, part.job, part.name, part.is_hash)


def _size(answer: object, sample: MemorySample) -> int | None:
    """Read the reply to MEMORY USAGE. A key that this user may not read is counted as hidden."""
    if replies.is_hidden(answer):
        sample.hidden += 1
    return replies.optional_integer(answer)
