"""Documents about dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Cause, Causes, DeadLetter, DeadLetterDetail, DeadLetters


def dead_letters(found: DeadLetters) -> Document:
    """`qctl dlq list`."""
    columns = ("id", "queue", "kind", "function", "error", "died_at", "attempts", "fingerprint")
    rows = [_letter(letter) for letter in found.letters]
    head = {"total": found.total, "scanned": found.scanned, "scannable": found.scannable}
    return Document("qctl.dlq.list/1", "id", columns, head, "letters", rows)


def dead_letter(detail: DeadLetterDetail) -> Document:
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
    }
    return Document("qctl.dlq.show/1", "id", tuple(head), head)


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


def causes(found: Causes) -> Document:
    """`qctl dlq groups`."""
    columns = (
        *("fingerprint", "count", "queues", "function", "exception", "message", "frame"),
        *("first_seen", "last_seen", "sample"),
    )
    head = {"grouped": found.grouped, "total": found.total}
    return Document("qctl.dlq.groups/1", "fingerprint", columns, head, "causes", [cause(each) for each in found.causes])


def cause(seen: Cause) -> Record:
    """One cause of dead letters."""
    return {
        "fingerprint": seen.fingerprint,
        "count": seen.count,
        "queues": seen.queues,
        "function": seen.function,
        "exception": seen.exception,
        "message": seen.message,
        "frame": seen.frame or None,
        "first_seen": time(seen.first_seen),
        "last_seen": time(seen.last_seen),
        "sample": seen.sample,
    }
