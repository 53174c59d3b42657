"""Rejects that were counted by cause and not stored. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis

from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.models import RejectTally


def read(connection: Redis, queues: Sequence[str]) -> list[RejectTally]:
    """Return the counts of these queues, the greatest first."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.hgetall(keys.rejects(queue))
        answers = replies.execute(pipe)
    found = [
        tally for queue, reply in zip(queues, answers, strict=True) for tally in parse(queue, replies.bytes_dict(reply))
    ]
    return sorted(found, key=lambda tally: (-tally.count, tally.fingerprint, tally.queue))


def parse(queue: str, fields: dict[bytes, bytes]) -> list[RejectTally]:
    """Return the counts in the hash of one queue."""
    names = [field.removesuffix(b".count") for field in fields if field.endswith(b".count")]
    return [_tally(queue, name, fields) for name in names]


def _tally(queue: str, name: bytes, fields: dict[bytes, bytes]) -> RejectTally:
    cause = untrusted_fields.parse_object(fields.get(name + b".cause"))
    return RejectTally(
        fingerprint=untrusted_fields.decode(name),
        queue=queue,
        count=_number(fields.get(name + b".count")) or 0,
        function=str(cause.get("function", "")),
        exception=str(cause.get("exception", "")),
        message=str(cause.get("message", "")),
        source=untrusted_fields.decode(fields.get(name + b".source")),
        first_seen=clock.optional_datetime(_number(fields.get(name + b".first"))),
        last_seen=clock.optional_datetime(_number(fields.get(name + b".last"))),
    )


def _number(raw: bytes | None) -> int | None:
    """Return a number of at most 15 digits, None if it is missing or invalid."""
    return int(raw) if raw is not None and raw.isdigit() and len(raw) < 16 else None
