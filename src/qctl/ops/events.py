"""What happens: looked up in the event stream, and told as it comes."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase

from qctl import catalog
from qctl.broker.bookkeeping import events
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import clock
from qctl.broker.redis.connection import Backoff, translate_errors
from qctl.errors import QctlError, RedisUnreachableError, UsageError
from qctl.models import Event, EventFilter
from qctl.ops.base import Part
from qctl.ops.selection import select

EVERYTHING = EventFilter()
"""Means every event."""


class EventOps(Part, name="events"):
    """What `qctl events` shows."""

    def list(
        self, wanted: EventFilter = EVERYTHING, *, since: float | None = None, limit: int = 50
    ) -> builtins.list[Event]:
        """The last events that are meant, oldest of them first. `since` is how many seconds ago.

        Raises UsageError for an event that there is none of, NotFoundError for a queue.
        """
        if limit < 0:
            raise UsageError("a limit is not negative")
        _require_events(wanted.events)
        since_ms = 0 if since is None else clock.now_ms(self._redis) - round(since * 1000)
        found = events.search(self._redis, _test(wanted), limit=limit, since_ms=max(0, since_ms))
        if not found and wanted.queue:
            select(wanted.queue, stats_snapshot.queue_names(self._redis))
        return found

    def last_id(self) -> str:
        """The id of the newest event: what `follow` goes on after."""
        return events.last_id(self._redis)

    def follow(
        self,
        wanted: EventFilter = EVERYTHING,
        *,
        after: str,
        away: Callable[[QctlError, float], None],
    ) -> Iterator[builtins.list[Event]]:
        """Yield the events that are meant as they come, and an empty list about every second without any, for ever.

        `after` is the id of the last event that is known. Where Redis goes away, `away` is told why and in how many
        seconds it is asked again, which it has to wait; nothing is left out after that but what the stream dropped.
        """
        matches = _test(wanted)
        backoff = Backoff()
        while True:
            try:
                with translate_errors(self._settings):
                    for batch in events.follow(self._redis, after):
                        backoff.reset()
                        after = batch[-1].id if batch else after
                        yield [event for event in batch if matches(event)]
            except RedisUnreachableError as error:
                away(error, backoff.next_delay())


def _require_events(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in events.NAMES:
            close = get_close_matches(name, events.NAMES, n=2, cutoff=0.6)
            hint = f"did you mean {' or '.join(close)}?" if close else "it is one of " + ", ".join(sorted(events.NAMES))
            raise UsageError(f"there is no event {name!r}", hint)


def _test(wanted: EventFilter) -> Callable[[Event], bool]:
    def matches(event: Event) -> bool:
        fields = event.fields
        return (
            (not wanted.events or event.event in wanted.events)
            and (wanted.job is None or fields.get("job") == wanted.job)
            and (wanted.trace is None or fields.get("trace") == wanted.trace)
            and (wanted.queue is None or _is_of(wanted.queue, fields.get("queue", "")))
        )

    return matches


def _is_of(pattern: str, queue: str) -> bool:
    return queue == pattern or fnmatchcase(queue, pattern) or catalog.base_queue(queue) == pattern
