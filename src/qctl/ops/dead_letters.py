"""Dead letters: jobs that wait for a person. What can be done to them is among the acts of `jobs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qctl.broker.query import dead_letter_causes, dead_letters, search, stats_snapshot
from qctl.errors import NotFoundError, UsageError
from qctl.models import DEAD_STATES, Causes, DeadLetterDetail, DeadLetters, Progress, Selector, ignore_progress
from qctl.ops.base import Part
from qctl.ops.selection import ALL, select


class DeadLetterOps(Part, name="dead_letters"):
    """Look at them, one by one or by their causes."""

    def list(
        self,
        selector: Selector = ALL,
        *,
        limit: int = 50,
        offset: int = 0,
        newest_first: bool = True,
        progress: Progress | None = None,
    ) -> DeadLetters:
        """A page of those that match, by when they died. Raises UsageError and NotFoundError."""
        if limit < 0 or offset < 0:
            raise UsageError("a page begins and ends at a whole number")
        queues = self._queues(selector.queue)
        if not selector.reads_jobs and selector.fingerprint is None:
            return dead_letters.page(self._redis, queues, limit=limit, offset=offset, newest_first=newest_first)
        if not selector.reads_jobs and selector.fingerprint is not None and newest_first:
            known = dead_letters.of_cause(self._redis, queues, selector.fingerprint, limit=limit, offset=offset)
            if known is not None:
                return known
        found = search.page(
            self._redis,
            replace(selector, states=DEAD_STATES),
            queues,
            DEAD_STATES,
            offset=offset,
            limit=limit,
            sort="-since" if newest_first else "since",
            progress=progress or ignore_progress,
        )
        letters = dead_letters.read(self._redis, [(row.queue, row.id) for row in found.rows])
        return DeadLetters(letters, found.matching, found.scanned, found.total)

    def show(self, job_id: str) -> DeadLetterDetail:
        """One of them with its traceback and payload, in whichever queue it lies. Raises NotFoundError."""
        queues = self._queues(None)
        place = dead_letters.find(self._redis, [job_id], queues).get(job_id)
        if place is None:
            known = search.sample_ids(self._redis, queues, DEAD_STATES)
            raise NotFoundError.with_suggestions(f"there is no dead letter {job_id}", job_id, known, "qctl dlq list")
        return dead_letters.show(self._redis, place)

    def count(self, queue: str | None = None) -> int:
        """How many there are. Raises NotFoundError."""
        return dead_letters.count(self._redis, self._queues(queue))

    def groups(self, queue: str | None = None, *, scan: int | None = 10_000) -> Causes:
        """Why they died, the most frequent cause first. Of letters that no qctl worker buried at most `scan` are read,
        all where it is None. Raises NotFoundError."""
        return dead_letter_causes.groups(self._redis, self._queues(queue), scan)

    def groups_of(self, queues: Sequence[str], *, scan: int | None = 10_000) -> dict[str, Causes]:
        """The same of each of these queues by itself, by its name."""
        return dead_letter_causes.by_queue(self._redis, queues, scan)

    def _queues(self, pattern: str | None) -> Sequence[str]:
        return select(pattern, stats_snapshot.queue_names(self._redis))
