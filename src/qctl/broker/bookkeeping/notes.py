"""Notes of operators on causes, pauses, schedules and dead letters, and acknowledgements of these."""

from __future__ import annotations

import json
from typing import get_args

from redis import Redis
from redis.client import Pipeline

from qctl.broker.redis import annotation_keys, clock, replies, untrusted_fields
from qctl.errors import RefusedError
from qctl.models.annotations import Note, NoteKind

MAX_NOTES = 1000

KEPT_DAYS = 90
"""Days after which a note makes room for others."""

_DAY_MS = 86_400_000


def put(connection: Redis, note: Note) -> Note:
    """Write a note in the place of an earlier one on the same thing; its time is Redis's. Raises RefusedError beyond
    `MAX_NOTES`."""
    now = clock.now_ms(connection)
    field = f"{note.kind}:{note.name}"
    written = Note(note.kind, note.name, note.text, note.by, clock.to_datetime(now), note.is_acknowledged, note.letters)

    def write(pipe: Pipeline) -> None:
        before = replies.bytes_dict(pipe.hgetall(annotation_keys.NOTES))
        others = [raw for raw in before if raw != untrusted_fields.encode(field)]
        old = [raw for raw in others if _at(before[raw]) < now - KEPT_DAYS * _DAY_MS]
        if len(others) >= MAX_NOTES and not old:
            raise RefusedError(f"there are {MAX_NOTES} notes already", "delete some: qctl note list")
        pipe.multi()
        if len(others) >= MAX_NOTES:
            pipe.hdel(annotation_keys.NOTES, *old)
        pipe.hset(annotation_keys.NOTES, untrusted_fields.encode(field), encode(written))

    connection.transaction(write, annotation_keys.NOTES)
    return written


def read(connection: Redis) -> dict[tuple[NoteKind, str], Note]:
    """Return all notes by kind and name."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.hgetall(annotation_keys.NOTES)
        (answer,) = replies.execute(pipe)
    notes = (parse(field, value) for field, value in replies.bytes_dict(answer).items())
    return {(note.kind, note.name): note for note in notes if note is not None}


def delete(connection: Redis, kind: NoteKind, name: str) -> bool:
    """Delete the note on a thing. False if there was none."""
    return bool(connection.hdel(annotation_keys.NOTES, untrusted_fields.encode(f"{kind}:{name}")))


def encode(note: Note) -> str:
    """Return a note as Redis holds it."""
    data: dict[str, object] = {"text": note.text, "by": note.by, "at": round(note.at.timestamp() * 1000)}
    return json.dumps(data | ({"acknowledged": note.letters} if note.is_acknowledged else {}))


def parse(field: bytes, value: bytes) -> Note | None:
    """Return the note in a field of `annotation_keys.NOTES`, None if it is none."""
    kind, _, name = untrusted_fields.decode(field).partition(":")
    fields = untrusted_fields.parse_object(value)
    at = clock.optional_datetime(_at(value) or None)
    letters = fields.get("acknowledged")
    if kind not in get_args(NoteKind) or not name or at is None:
        return None
    is_acknowledged = isinstance(letters, int)
    by, text = str(fields.get("by", "?")), str(fields.get("text", ""))
    return Note(kind, name, text, by, at, is_acknowledged, letters if is_acknowledged else 0)  # type: ignore[arg-type]


def _at(value: bytes) -> float:
    at = untrusted_fields.parse_object(value).get("at")
    return float(at) if isinstance(at, (int, float)) and 0 <= at < 1 << 53 else 0.0
