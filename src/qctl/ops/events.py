"""The event stream: search past events, and follow new ones."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase

from qctl import catalog
from qctl.broker.bookkeeping import events
from qctl.broker.query import id_prefixes, job_names, stats_snapshot
from qctl.broker.redis import clock
from qctl.broker.redis.connection import Backoff, translate_errors
from qctl.errors import QctlError, RedisUnreachableError, UsageError, did_you_mean
from qctl.models import Event, EventFilter
from qctl.ops.base import Part
from qctl.ops.selection import require_page, select_queues

ALL_EVENTS = EventFilter()


class EventOps(Part, name="events"):
    """The event stream, for `qctl events`."""

    def list(
        self, wanted: EventFilter = ALL_EVENTS, *, since: float | None = None, limit: int = 50
    ) -> builtins.list[Event]:
        """Return the last matching events, oldest first. `since` is an age in seconds.

        Raises UsageError for an unknown event name, NotFoundError for an unknown queue.
        """
        require_page(limit)
        _require_event_names(wanted.events)
        since_ms = 0 if since is None else clock.now_ms(self._redis) - round(since * 1000)
        matching = events.search(self._redis, _matcher(wanted), limit=limit, since_ms=max(0, since_ms))
        if not matching and wanted.queue:
            select_queues(wanted.queue, stats_snapshot.queue_names(self._redis))
        return job_names.add_to_events(self._redis, matching)

    def last_id(self) -> str:
        """Return the id of the newest event, after which `follow` continues."""
        return events.last_id(self._redis)

    def follow(
        self,
        wanted: EventFilter = ALL_EVENTS,
        *,
        after: str,
        on_disconnect: Callable[[QctlError, float], None],
    ) -> Iterator[builtins.list[Event]]:
        """Yield matching events as they arrive, and an empty list about every second without any. Never ends.

        `after` is the id of the last known event. If Redis becomes unreachable, `on_disconnect` gets the error and the
        seconds until the next attempt, and has to wait for them. Afterwards no event is missing, except those that the
        stream has dropped.
        """
        matches = _matcher(wanted)
        backoff = Backoff()
        while True:
            try:
                with translate_errors(self._settings):
                    for batch in events.follow(self._redis, after):
                        backoff.reset()
                        after = batch[-1].id if batch else after
                        yield job_names.add_to_events(self._redis, [event for event in batch if matches(event)])
            except RedisUnreachableError as error:
                on_disconnect(error, backoff.next_delay())


def _require_event_names(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in events.NAMES:
            close = get_close_matches(name, events.NAMES, n=2, cutoff=0.6)
            hint = did_you_mean(close) if close else "known events: " + ", ".join(sorted(events.NAMES))
            raise UsageError(f"unknown event {name!r}", hint)


def _matcher(wanted: EventFilter) -> Callable[[Event], bool]:
    def matches(event: Event) -> bool:
        fields = event.fields
        return (
            (not wanted.events or event.event in wanted.events)
            and (wanted.job is None or _names(wanted.job, fields.get("job", "")))
            and (wanted.trace is None or fields.get("trace") == wanted.trace)
            and (wanted.queue is None or _covers(wanted.queue, fields.get("queue", "")))
        )

    return matches


def _names(typed: str, job_id: str) -> bool:
    """Return True if this is the id, or its beginning. Jobs may be gone, so that it is not known to be unique."""
    return job_id == typed or (len(typed) >= id_prefixes.MIN_PREFIX_CHARACTERS and job_id.startswith(typed))


def _covers(pattern: str, queue: str) -> bool:
    return queue == pattern or fnmatchcase(queue, pattern) or catalog.base_queue(queue) == pattern
