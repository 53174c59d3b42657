"""Documents about dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.annotations import NOTE_FIELDS, note_fields
from qctl.cli.documents.document import Document, single, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Cause, Causes, DeadLetter, DeadLetterDetail, DeadLetters


def dlq_list(dead_letters: DeadLetters) -> Document:
    """`qctl dlq list`."""
    columns = ("id", "queue", "kind", "function", "error", "died_at", "attempts", "fingerprint")
    rows = [_letter(letter) for letter in dead_letters.letters]
    head = {
        "total": dead_letters.total,
        "scanned": dead_letters.scanned,
        "scannable": dead_letters.scannable,
    }
    return Document("qctl.dlq.list/1", "id", columns, head, "letters", rows)


def dlq_show(detail: DeadLetterDetail) -> Document:
    """`qctl dlq show`."""
    head = {
        **_letter(detail.letter),
        "created_at": time(detail.created_at),
        "enqueued_at": time(detail.enqueued_at),
        "description": detail.description,
        "payload": detail.payload,
        "payload_bytes": detail.payload_size,
        "meta": detail.meta,
        "traceback": detail.traceback,
        **note_fields(detail.note),
    }
    return single("qctl.dlq.show/1", "id", head)


def _letter(letter: DeadLetter) -> Record:
    return {
        "id": letter.id,
        "queue": letter.queue,
        "kind": letter.kind,
        "function": letter.function,
        "error": letter.error,
        "died_at": time(letter.died_at),
        "attempts": letter.attempts,
        "fingerprint": letter.fingerprint,
    }


def dlq_groups(causes: Causes) -> Document:
    """`qctl dlq groups`."""
    columns = (
        *("fingerprint", "count", "queues", "function", "exception", "message", "frame"),
        *("first_seen", "last_seen", "sample", "counted", "source", "since_mark"),
        *NOTE_FIELDS,
    )
    head = {"grouped": causes.grouped, "total": causes.total}
    return Document("qctl.dlq.groups/1", "fingerprint", columns, head, "causes", [cause(one) for one in causes.causes])


def cause(cause: Cause) -> Record:
    """Return the row of one cause of dead letters."""
    return {
        "fingerprint": cause.fingerprint,
        "count": cause.count,
        "queues": cause.queues,
        "function": cause.function,
        "exception": cause.exception,
        "message": cause.message,
        "frame": cause.frame or None,
        "first_seen": time(cause.first_seen),
        "last_seen": time(cause.last_seen),
        "sample": cause.sample,
        "counted": cause.counted,
        "source": cause.source or None,
        "since_mark": cause.since_mark or None,
        **note_fields(cause.note),
    }
