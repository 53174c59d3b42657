"""Notes of operators on causes, pauses, schedules and dead letters, and acknowledgements."""

from __future__ import annotations

import builtins
from datetime import datetime, timezone

from qctl.broker.bookkeeping import events, notes
from qctl.broker.query import dead_letter_causes, dead_letters, stats_snapshot
from qctl.broker.scheduler import schedules
from qctl.broker.worker import current_pauses
from qctl.errors import NotFoundError, UsageError
from qctl.models import Note, NoteKind
from qctl.ops.base import Part
from qctl.ops.selection import require_remark

MAX_NOTE_CHARACTERS = 500

MAX_SCANNED_LETTERS = 10_000
"""Dead letters outside the index that are read to find a cause."""


class NoteOps(Part, name="notes"):
    """Writes, lists and deletes notes. There is one on each thing: a later one replaces it."""

    def put(self, kind: NoteKind, name: str, text: str, *, acknowledge: bool = False) -> Note:
        """Write a note, which acknowledges its subject if asked to: an acknowledged cause is no problem and no alert
        until it has grown. Raises UsageError, NotFoundError if there is no such thing, and RefusedError."""
        if not text.strip() and not acknowledge:
            raise UsageError("a note needs a text, or --ack")
        require_remark(text, MAX_NOTE_CHARACTERS)
        letters = self._require(kind, name)
        now = datetime.now(timezone.utc)  # replaced by Redis's time
        return notes.put(self._redis, Note(kind, name, text, events.actor(), now, acknowledge, letters))

    def list(self) -> builtins.list[Note]:
        """List all notes, the newest first."""
        return sorted(notes.read(self._redis).values(), key=lambda note: note.at, reverse=True)

    def delete(self, kind: NoteKind, name: str) -> None:
        """Delete the note on a thing, and its acknowledgement. Raises NotFoundError if there is none."""
        if not notes.delete(self._redis, kind, name):
            known = [note.name for note in self.list() if note.kind == kind]
            raise NotFoundError.with_suggestions(
                f"no note on {kind} {name!r}", name, known, "list notes with: qctl note list"
            )

    def _require(self, kind: NoteKind, name: str) -> int:
        """Return the dead letters of the thing, 0 if it is no cause. Raises NotFoundError if there is none."""
        if kind == "schedule":
            schedules.get_schedule(self._redis, name)
            return 0
        queues = stats_snapshot.queue_names(self._redis)
        if kind == "pause":
            known = list(current_pauses.read(self._redis))
            found, label, hint = name in known, "pause of queue", "pause it with: qctl pause"
        elif kind == "letter":
            known = []
            found = bool(dead_letters.find(self._redis, [name], queues))
            label, hint = "dead letter", "list dead letters with: qctl dlq list"
        else:
            causes = dead_letter_causes.groups(self._redis, queues, MAX_SCANNED_LETTERS).causes
            counts = {cause.fingerprint: cause.count for cause in causes}
            if name in counts:
                return counts[name]
            found, known, label, hint = False, list(counts), "cause", "list causes with: qctl dlq groups"
        if not found:
            raise NotFoundError.with_suggestions(f"{label} {name!r} not found", name, known, hint)
        return 0
