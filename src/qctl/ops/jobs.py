"""Jobs: find them, look at one, and do something to those that a selector means."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from qctl.broker.admin import bulk, select_jobs, trash
from qctl.broker.admin.move_jobs import Cancel, Discard, Move
from qctl.broker.admin.retry_jobs import Retry
from qctl.broker.bookkeeping import events
from qctl.broker.query import search, stats_snapshot
from qctl.broker.redis import untrusted_fields
from qctl.errors import NotFoundError, UsageError
from qctl.models import (
    DEAD_STATES,
    MAX_LISTED_OUTCOMES,
    MOVABLE_STATES,
    STATES,
    BulkResult,
    Jobs,
    Outcome,
    Progress,
    Selection,
    Selector,
    State,
    Verb,
    ignore_progress,
)
from qctl.ops import canary, selection
from qctl.ops.one_job import OneJobOps
from qctl.ops.selection import ALL


@dataclass(frozen=True)
class _Kind:
    """Which jobs an act is done to where nothing is said, to which it can be done, and the word for it.

    `already` is what is said of named jobs with which it was done before, by their states.
    """

    usual: Sequence[State]
    possible: Sequence[State]
    done: str
    already: Mapping[str, str] = field(default_factory=dict)


_AGAIN = {
    **dict.fromkeys(("queued", "rate_limited", "scheduled", "deferred", "ready_to_enqueue"), "it waits already"),
    "started": "it runs already",
    "finished": "it was run again, and has finished",
}
_TRASHED = {"trash": "it is in the trash already"}

_KINDS: Mapping[Verb, _Kind] = {
    "retry": _Kind(DEAD_STATES, Retry.states, "run again", _AGAIN),
    "cancel": _Kind(Cancel.states, Cancel.states, "canceled", {"canceled": "it was canceled already"}),
    "delete": _Kind(Discard.states, Discard.states, "deleted", _TRASHED),
    "discard": _Kind(DEAD_STATES, DEAD_STATES, "discarded", _TRASHED),
    "move": _Kind(("queued",), Move.states, "moved"),
    "export": _Kind(tuple(state for state in STATES if state != "started"), STATES, "exported"),
}


class JobOps(OneJobOps, name="jobs"):
    """Jobs of all queues and states."""

    def list(
        self,
        selector: Selector = ALL,
        *,
        offset: int = 0,
        limit: int = 50,
        sort: str | None = None,
        progress: Progress | None = None,
    ) -> Jobs:
        """`limit` jobs that match, after the first `offset`: in the order of their places, or by `sort`, one of
        `since queue state job id`, with `-` before it the other way round. Raises UsageError and NotFoundError."""
        if limit < 0 or offset < 0:
            raise UsageError("a page begins and ends at a whole number")
        if sort is not None and sort.removeprefix("-") not in search.SORTS:
            raise UsageError(f"jobs are not sorted by {sort!r}, but by {', '.join(search.SORTS)}")
        return search.page(
            self._redis,
            selector,
            self._queues(selector),
            selection.states(selector, STATES, STATES, "listed"),
            offset=offset,
            limit=limit,
            sort=sort,
            progress=progress or ignore_progress,
        )

    def choose(self, act: Verb, selector: Selector, *, progress: Progress | None = None) -> Selection:
        """The jobs that a selector means for an act. Writes nothing.

        Raises UsageError where it names what this cannot be done to, and NotFoundError for a queue or a cause that is
        not there.
        """
        kind = _KINDS[act]
        chosen = select_jobs.select(
            self._redis,
            selector,
            stats_snapshot.queue_names(self._redis) if selector.ids is not None else self._queues(selector),
            selection.states(selector, kind.usual, kind.possible, kind.done),
            progress or ignore_progress,
            kind.already,
        )
        if selector.fingerprint and not chosen.count and not selector.reads_jobs:
            raise NotFoundError(f"no dead letter has the cause {selector.fingerprint}", hint="qctl dlq groups")
        return chosen

    def retry(
        self,
        chosen: Selection,
        *,
        rate: float | None = None,
        first: int = 0,
        timeout: float = 60.0,
        progress: Progress | None = None,
    ) -> BulkResult:
        """Run them again, at most `rate` a second: each goes back to the tail of its queue.

        With `first`, so many go ahead as canaries, and the others follow once those have finished well. Where one
        fails, or they take longer than `timeout` seconds, the others are left as they are, and `halted` says why.

        May be interrupted between two steps and run again.
        """
        act, told = Retry(events.actor()), progress or ignore_progress
        if not first:
            return bulk.run(self._redis, chosen, act, rate=rate, progress=told)
        return canary.run(self._redis, chosen, act, first=first, timeout=timeout, rate=rate, progress=told)

    def cancel(self, chosen: Selection, *, rate: float | None = None, progress: Progress | None = None) -> BulkResult:
        """Cancel them: they will not run, unless somebody retries them. May be interrupted and run again."""
        return bulk.run(self._redis, chosen, Cancel(events.actor()), rate=rate, progress=progress or ignore_progress)

    def delete(
        self,
        chosen: Selection,
        *,
        verb: Literal["delete", "discard"] = "delete",
        purge: bool = False,
        rate: float | None = None,
        progress: Progress | None = None,
    ) -> BulkResult:
        """Put them into the trash, from where they can be restored; with `purge` delete them for good.

        May be interrupted and run again; what was in the trash by then stays there.
        """
        told, actor = progress or ignore_progress, events.actor()
        batch = trash.Batch(self._redis, verb, actor=actor, ttl=self._settings.trash_ttl)
        result = bulk.run(self._redis, chosen, Discard(actor, batch), rate=rate, progress=told)
        if purge and result.batch:
            trash.empty(self._redis, result.batch, actor=actor, progress=ignore_progress)
            return replace(result, batch=None)
        return result

    def move(
        self, chosen: Selection, target: str, *, rate: float | None = None, progress: Progress | None = None
    ) -> BulkResult:
        """Move them to another queue, which need not exist. What is in it is there already. May be interrupted and
        run again."""
        so: dict[str, str] = dict.fromkeys(MOVABLE_STATES, f"it is in {target} already")
        there = [part for part in chosen.chosen if part.queue == target]
        result = bulk.run(
            self._redis,
            replace(chosen, chosen=[part for part in chosen.chosen if part.queue != target], so=so, target=target),
            Move(events.actor(), target),
            rate=rate,
            progress=progress or ignore_progress,
        )
        seen = (
            Outcome(untrusted_fields.decode(id_), target, True, so[part.state], part.state)
            for part in there
            for id_ in part.ids
        )
        return replace(
            result,
            outcomes=result.outcomes + list(islice(seen, MAX_LISTED_OUTCOMES)),
            already=result.already + sum(len(part.ids) for part in there),
        )

    def _queues(self, selector: Selector) -> builtins.list[str]:
        return selection.select(selector.queue, stats_snapshot.queue_names(self._redis))
