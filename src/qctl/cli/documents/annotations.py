"""Documents about marks and notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, single, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Mark, Note, NoteKind


def mark_add(mark: Mark) -> Document:
    """`qctl mark add`."""
    return single("qctl.mark.add/1", "text", _mark(mark))


def mark_list(marks: Sequence[Mark]) -> Document:
    """`qctl mark list`."""
    return Document("qctl.mark.list/1", "text", ("text", "at", "by"), {}, "marks", [_mark(mark) for mark in marks])


def mark_delete(text: str, deleted: int) -> Document:
    """`qctl mark delete`."""
    return single("qctl.mark.delete/1", "text", {"text": text, "deleted": deleted})


def note_add(note: Note) -> Document:
    """`qctl note add`."""
    return single("qctl.note.add/1", "name", _note(note))


def note_list(notes: Sequence[Note]) -> Document:
    """`qctl note list`."""
    columns = ("kind", "name", "text", "by", "at", "acknowledged", "letters")
    return Document("qctl.note.list/1", "name", columns, {}, "notes", [_note(note) for note in notes])


def note_delete(kind: NoteKind, name: str) -> Document:
    """`qctl note delete`."""
    return single("qctl.note.delete/1", "name", {"kind": kind, "name": name})


NOTE_FIELDS = ("note", "note_by", "note_at", "acknowledged")
"""The fields of `note_fields`."""


def note_fields(note: Note | None) -> Record:
    """Return what other documents have of a note, null without one."""
    values = (None,) * 3 + (False,) if note is None else (note.text, note.by, time(note.at), note.is_acknowledged)
    return dict(zip(NOTE_FIELDS, values, strict=True))


def _note(note: Note) -> Record:
    return {
        "kind": note.kind,
        "name": note.name,
        "text": note.text,
        "by": note.by,
        "at": time(note.at),
        "acknowledged": note.is_acknowledged,
        "letters": note.letters if note.is_acknowledged else None,
    }


def _mark(mark: Mark) -> Record:
    return {"text": mark.text, "at": time(mark.at), "by": mark.by}
