"""Defines the interface of history stores, and the forms in which they keep events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from qctl.models import Event, HistoryStep, Span

MAX_FIELD_CHARACTERS = 1000
"""Maximum length of a field of an event; the rest is cut off."""

MAX_EVENTS_OF_JOB = 1000
"""Maximum events that are read for one job; later ones are left out."""


class HistoryStore(Protocol):
    """Stores events by their ids. One thread uses it at a time.

    Every method raises UnreachableError if the database does not answer, and SettingsError if its settings are invalid.
    """

    def write(self, events: Sequence[Event]) -> int:
        """Store events durably. An event whose id exists changes nothing. Returns the number of new events."""

    def events_of_job(self, job_id: str) -> list[Event]:
        """The events of a job, oldest first, at most MAX_EVENTS_OF_JOB."""

    def steps(
        self, span: Span, since: datetime, until: datetime, queues: Collection[str] | None = None
    ) -> list[HistoryStep]:
        """Counts of events by hour or day between two times, for these queues or all. Empty steps are left out."""

    def delete_before(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` events that are older. Returns their number."""

    def close(self) -> None:
        """Close connections and files."""


def id_parts(event: Event) -> tuple[int, int]:
    """The numbers of an event's id: milliseconds since 1970, and a sequence number within the millisecond."""
    ms, _, sequence = event.id.partition("-")
    return int(ms), int(sequence or 0)


def clean_text(text: str) -> str:
    """Text that every database accepts: without zeros and lone surrogates, of limited length."""
    return text[:MAX_FIELD_CHARACTERS].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def duration_ms(event: Event) -> int | None:
    """Duration (ms) of the run that the event ended; None if the event has none."""
    text = event.fields.get("ms", "")
    return int(text) if text.isdecimal() and len(text) < 15 else None
