"""What a store of the history is, and which one the settings ask for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from qctl.models import Event, HistoryStep, Span

LONGEST = 1000
"""Characters of one field of an event that are kept."""

MOST = 1000
"""Events of one job that are told."""


class Store(Protocol):
    """Keeps events by their ids. One thread uses it at a time. Every method raises UnreachableError where the database
    does not answer, SettingsError where it can never be used as it is set."""

    def write(self, events: Sequence[Event]) -> int:
        """Keep events; one whose id is there already changes nothing. Returns how many were new.

        When it returns they are stored for good.
        """

    def life_of(self, job_id: str) -> list[Event]:
        """What happened to a job, oldest first, at most 1000 events."""

    def steps(
        self, span: Span, since: datetime, until: datetime, queues: Collection[str] | None = None
    ) -> list[HistoryStep]:
        """What happened between two moments, by the hour or day, in these queues or all. Steps without any are left
        out."""

    def forget(self, before: datetime, most: int) -> int:
        """Delete at most so many events that are older. Returns how many."""

    def close(self) -> None:
        """Close connections and files."""


def parts(event: Event) -> tuple[int, int]:
    """The two numbers of an event's id: milliseconds since 1970, and a count within."""
    ms, _, sequence = event.id.partition("-")
    return int(ms), int(sequence or 0)


def clean(text: str) -> str:
    """Text that every database takes: without zeros and lone surrogates, not too long."""
    return text[:LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def milliseconds(event: Event) -> int | None:
    """How long the run took that the event ended, None where it does not say."""
    said = event.fields.get("ms", "")
    return int(said) if said.isdecimal() and len(said) < 15 else None
