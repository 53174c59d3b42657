"""Jobs: list them, select some, and retry, cancel, delete or move the selected ones."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from qctl.broker.admin import bulk, select_jobs, trash
from qctl.broker.admin import dependents as dependents_admin
from qctl.broker.admin.move_jobs import Cancel, Discard, Move, Release
from qctl.broker.admin.replay_jobs import Replay
from qctl.broker.admin.retry_jobs import Retry
from qctl.broker.bookkeeping import events
from qctl.broker.query import dependents as dependents_query
from qctl.broker.query import id_prefixes, search, stats_snapshot
from qctl.broker.redis import untrusted_fields
from qctl.broker.redis.connection import Connection
from qctl.errors import NotFoundError, UsageError
from qctl.models import (
    DEAD_STATES,
    MAX_LISTED_OUTCOMES,
    MOVABLE_STATES,
    STATES,
    BulkResult,
    CanaryState,
    DependentsChoice,
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
from qctl.ops.selection import ALL_JOBS, require_page


@dataclass(frozen=True)
class _Scope:
    """States of the jobs that a verb applies to by default, and of those that it may apply to.

    `already` has the states of jobs that the verb was applied to before, with the detail that is reported for them.
    """

    default: Sequence[State]
    allowed: Sequence[State]
    already: Mapping[str, str] = field(default_factory=dict)
    abandoned: bool = False
    """True if the verb applies to started jobs whose worker is gone."""


_RETRIED = {
    **dict.fromkeys(("queued", "rate_limited", "scheduled", "ready_to_enqueue"), "it already waits"),
    "deferred": "it waits for other jobs; enqueue it without them: qctl job release ID",
    "started": "it already runs",
    "finished": "it already ran again and finished",
}
_TRASHED = {"trash": "it is already in the trash"}

_SCOPES: Mapping[Verb, _Scope] = {
    "retry": _Scope(DEAD_STATES, Retry.states, _RETRIED, abandoned=True),
    "cancel": _Scope(Cancel.states, Cancel.states, {"canceled": "it is already canceled"}, abandoned=True),
    "delete": _Scope(Discard.states, Discard.states, _TRASHED, abandoned=True),
    "discard": _Scope(DEAD_STATES, DEAD_STATES, _TRASHED),
    "release": _Scope(Release.states, Release.states),
    "replay": _Scope(Replay.states, Replay.states),
    "move": _Scope(("queued",), Move.states),
    "export": _Scope(tuple(state for state in STATES if state != "started"), STATES),
}


def end_dependents(connection: Connection, parents: Sequence[str], choice: DependentsChoice) -> int:
    """Cancel or enqueue the jobs that wait for those of `parents` that will not finish. Returns how many changed."""
    if choice == "keep" or not parents:
        return 0
    states = dependents_query.states_of(connection, parents)
    ended = [id_ for id_ in parents if states[id_] in ("canceled", "trash", "gone")]
    return dependents_admin.end(
        connection, ended, choice, actor=events.actor(), reason=f"its dependency ended: {choice}"
    )


class JobOps(OneJobOps, name="jobs"):
    """Jobs of all queues and states."""

    def list(
        self,
        selector: Selector = ALL_JOBS,
        *,
        offset: int = 0,
        limit: int = 50,
        sort: str | None = None,
        progress: Progress = ignore_progress,
    ) -> Jobs:
        """Return `limit` matching jobs after the first `offset`: in the order of their locations, or by `sort`, which
        is one of `since queue state job id`, in reverse with a leading `-`. Raises UsageError and NotFoundError."""
        require_page(limit, offset)
        if sort is not None and sort.removeprefix("-") not in search.SORTS:
            raise UsageError(f"cannot sort jobs by {sort!r}; allowed: {', '.join(search.SORTS)}")
        return search.page(
            self._redis,
            selector,
            self._queues(selector),
            selection.select_states(selector, STATES, STATES, "list"),
            offset=offset,
            limit=limit,
            sort=sort,
            progress=progress,
        )

    def choose(self, verb: Verb, selector: Selector, *, progress: Progress = ignore_progress) -> Selection:
        """Select the jobs for a bulk operation. Writes nothing. Ids may be unique prefixes.

        Raises UsageError for a state that the verb does not allow, NotFoundError for an unknown queue or cause, and
        RefusedError for a prefix of several ids.
        """
        scope = _SCOPES[verb]
        if selector.ids:
            selector = replace(selector, ids=tuple(dict.fromkeys(id_prefixes.complete(self._redis, selector.ids))))
        chosen = select_jobs.select(
            self._redis,
            selector,
            stats_snapshot.queue_names(self._redis) if selector.ids is not None else self._queues(selector),
            selection.select_states(selector, scope.default, scope.allowed, verb),
            progress,
            scope.already,
            abandoned=scope.abandoned,
        )
        if selector.fingerprint and not chosen.count and not selector.reads_jobs:
            raise NotFoundError(
                f"no dead letter has the cause {selector.fingerprint!r}", hint="list causes with: qctl dlq groups"
            )
        if verb not in ("cancel", "delete", "discard"):
            return chosen
        ids = (untrusted_fields.decode(id_) for part in chosen.chosen for id_ in part.ids)
        parents, count = dependents_query.waiting_for(self._redis, ids)
        return replace(chosen, parents=parents, dependents=count)

    def release(
        self, chosen: Selection, *, rate: float | None = None, progress: Progress = ignore_progress
    ) -> BulkResult:
        """Enqueue deferred jobs without waiting for their dependencies. May be interrupted and repeated."""
        return bulk.run(self._redis, chosen, Release(events.actor(), self._redis), rate=rate, progress=progress)

    def retry(
        self,
        chosen: Selection,
        *,
        rate: float | None = None,
        first: int = 0,
        timeout: float = 60.0,
        progress: Progress = ignore_progress,
        watch: Callable[[CanaryState], None] | None = None,
    ) -> BulkResult:
        """Run jobs again, at most `rate` per second: each goes to the tail of its queue.

        With `first`, that many are retried first as canaries, and the others after those have succeeded. If a canary
        fails, or they take longer than `timeout` seconds, the others stay unchanged, and `halted` says why. `watch` is
        called with the state of the canaries while they are awaited.

        May be interrupted between two steps and repeated.
        """
        action = Retry(events.actor())
        if not first:
            return bulk.run(self._redis, chosen, action, rate=rate, progress=progress)
        return canary.run(
            self._redis, chosen, action, first=first, timeout=timeout, rate=rate, progress=progress, watch=watch
        )

    def replay(
        self,
        chosen: Selection,
        *,
        again: bool = False,
        rate: float | None = None,
        first: int = 0,
        timeout: float = 60.0,
        progress: Progress = ignore_progress,
    ) -> BulkResult:
        """Run copies of finished jobs, at most `rate` per second: each goes to the tail of its queue, with an id of its
        own, and is linked to its original. Jobs that have a copy count as `already`, unless `again`. `first` and
        `timeout` as for `retry`. May be interrupted between two steps and repeated."""
        action = Replay(events.actor(), again=again)
        if not first:
            return bulk.run(self._redis, chosen, action, rate=rate, progress=progress)
        return canary.run(
            self._redis,
            chosen,
            action,
            first=first,
            timeout=timeout,
            rate=rate,
            progress=progress,
            copies=action.copies,
        )

    def cancel(
        self,
        chosen: Selection,
        *,
        dependents: DependentsChoice = "keep",
        rate: float | None = None,
        progress: Progress = ignore_progress,
    ) -> BulkResult:
        """Cancel jobs: they will not run unless they are retried. `dependents` says what becomes of the jobs that wait
        for them. May be interrupted and repeated."""
        result = bulk.run(self._redis, chosen, Cancel(events.actor()), rate=rate, progress=progress)
        return self._with_dependents(result, chosen, dependents)

    def _with_dependents(self, result: BulkResult, chosen: Selection, choice: DependentsChoice) -> BulkResult:
        """Treat the jobs that wait for those that will not finish."""
        changed = end_dependents(self._redis, chosen.parents, choice)
        return replace(result, dependents=chosen.dependents, dependents_changed=changed)

    def delete(
        self,
        chosen: Selection,
        *,
        verb: Literal["delete", "discard"] = "delete",
        purge: bool = False,
        dependents: DependentsChoice = "keep",
        rate: float | None = None,
        progress: Progress = ignore_progress,
    ) -> BulkResult:
        """Move jobs to the trash, from which they can be restored; with `purge` delete them permanently. `dependents`
        says what becomes of the jobs that wait for them.

        May be interrupted and repeated; jobs that are in the trash by then stay there.
        """
        actor = events.actor()
        batch = trash.Batch(self._redis, verb, actor=actor, ttl=self._settings.trash_ttl)
        result = bulk.run(self._redis, chosen, Discard(actor, batch), rate=rate, progress=progress)
        batch.end(self._redis)
        result = self._with_dependents(result, chosen, dependents)
        if purge and result.batch:
            trash.empty(self._redis, result.batch, actor=actor, progress=ignore_progress)
            return replace(result, batch=None)
        return result

    def move(
        self, chosen: Selection, target: str, *, rate: float | None = None, progress: Progress = ignore_progress
    ) -> BulkResult:
        """Move jobs to another queue, which need not exist. Jobs of that queue count as `already` there. May be
        interrupted and repeated."""
        already: dict[str, str] = dict.fromkeys(MOVABLE_STATES, f"it is already in {target}")
        present = [part for part in chosen.chosen if part.queue == target]
        result = bulk.run(
            self._redis,
            replace(
                chosen,
                chosen=[part for part in chosen.chosen if part.queue != target],
                already_details=already,
                target=target,
            ),
            Move(events.actor(), target),
            rate=rate,
            progress=progress,
        )
        outcomes = (
            Outcome(untrusted_fields.decode(id_), target, True, already[part.state], part.state)
            for part in present
            for id_ in part.ids
        )
        return replace(
            result,
            outcomes=result.outcomes + list(islice(outcomes, MAX_LISTED_OUTCOMES)),
            already=result.already + sum(len(part.ids) for part in present),
        )

    def _queues(self, selector: Selector) -> builtins.list[str]:
        return selection.select_queues(selector.queue, stats_snapshot.queue_names(self._redis))
