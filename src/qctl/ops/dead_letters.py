"""Dead letters: jobs that wait for a person."""

from __future__ import annotations

from collections.abc import Sequence

from qctl.broker import dead_letters, events, retry, snapshot
from qctl.broker.dead_letters import Place
from qctl.errors import NotFoundError, UsageError
from qctl.models import BulkResult, DeadLetterDetail, DeadLetters, Outcome
from qctl.ops.part import Part, Progress, silent
from qctl.ops.selection import select


class DeadLetterOps(Part):
    """Look at them, and run them again. `queue` is a name, a pattern, or None for all queues."""

    def list(
        self, queue: str | None = None, *, limit: int = 50, offset: int = 0, newest_first: bool = True
    ) -> DeadLetters:
        """A page of them by when they died. Raises NotFoundError."""
        if limit < 0 or offset < 0:
            raise UsageError("a page begins and ends at a whole number")
        found = self._queues(queue)
        return dead_letters.page(self._redis, found, limit=limit, offset=offset, newest_first=newest_first)

    def show(self, job_id: str) -> DeadLetterDetail:
        """One of them with its traceback and payload, in whichever queue it lies. Raises NotFoundError."""
        place = dead_letters.find(self._redis, [job_id], self._queues(None)).get(job_id)
        if place is None:
            raise NotFoundError(f"there is no dead letter {job_id}", hint="qctl dlq list")
        return dead_letters.show(self._redis, place)

    def count(self, queue: str | None = None) -> int:
        """How many there are. Raises NotFoundError."""
        return dead_letters.count(self._redis, self._queues(queue))

    def retry(
        self,
        ids: Sequence[str] = (),
        *,
        queue: str | None = None,
        all: bool = False,
        limit: int | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> BulkResult:
        """Run dead letters again: those of `ids`, or with `all` those of the queues, at most `limit` of them, those
        first that have waited longest. With `dry_run` nothing is done, and the outcomes say what would be.

        May be interrupted between two steps and run again. Raises UsageError and NotFoundError.
        """
        if bool(ids) == all:
            raise UsageError("name the dead letters, or ask for --all")
        if limit is not None and limit < 0:
            raise UsageError("a limit is not negative")
        places, missing = self._chosen(list(dict.fromkeys(ids)), self._queues(queue), limit)
        if dry_run:
            would = [Outcome(place.id, place.queue, False, "would be retried") for place in places]
            return BulkResult([*missing, *would])
        done = retry.retry(self._redis, places, actor=events.actor(), progress=progress or silent)
        return BulkResult([*missing, *done])

    def _queues(self, pattern: str | None) -> Sequence[str]:
        return select(pattern, snapshot.names(self._redis))

    def _chosen(
        self, ids: Sequence[str], queues: Sequence[str], limit: int | None
    ) -> tuple[Sequence[Place], Sequence[Outcome]]:
        """The letters that are meant, and outcomes for the ids that are none."""
        if ids:
            found = dead_letters.find(self._redis, ids, queues)
            missing = [Outcome(id_, "", False, "it is no dead letter") for id_ in ids if id_ not in found]
            return [found[id_] for id_ in ids if id_ in found][:limit], missing
        if limit is not None:
            return dead_letters.oldest(self._redis, queues, limit), []
        return [place for queue in queues for place in dead_letters.every(self._redis, queue)], []
