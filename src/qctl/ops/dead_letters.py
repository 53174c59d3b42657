"""Dead letters: failed jobs that need a decision. `jobs` retries and discards them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qctl.broker.bookkeeping import marks, notes
from qctl.broker.query import dead_letter_causes, dead_letters, id_prefixes, search, stats_snapshot
from qctl.errors import NotFoundError
from qctl.models import (
    DEAD_STATES,
    Causes,
    DeadLetterDetail,
    DeadLetters,
    Progress,
    Selector,
    ignore_progress,
    last_mark,
)
from qctl.ops.base import Part
from qctl.ops.selection import ALL_JOBS, require_page, select_queues


class DeadLetterOps(Part, name="dead_letters"):
    """Dead letters, one by one or grouped by cause."""

    def list(
        self,
        selector: Selector = ALL_JOBS,
        *,
        limit: int = 50,
        offset: int = 0,
        newest_first: bool = True,
        progress: Progress = ignore_progress,
    ) -> DeadLetters:
        """Return a page of matching dead letters, by the time they died. Raises UsageError and NotFoundError."""
        require_page(limit, offset)
        queues = self._queues(selector.queue)
        if not selector.reads_jobs and selector.fingerprint is None:
            return dead_letters.page(self._redis, queues, limit=limit, offset=offset, newest_first=newest_first)
        if not selector.reads_jobs and selector.fingerprint is not None and newest_first:
            known = dead_letters.of_cause(self._redis, queues, selector.fingerprint, limit=limit, offset=offset)
            if known is not None:
                return known
        page = search.page(
            self._redis,
            replace(selector, states=DEAD_STATES),
            queues,
            DEAD_STATES,
            offset=offset,
            limit=limit,
            sort="-since" if newest_first else "since",
            progress=progress,
        )
        letters = dead_letters.read(self._redis, [(row.queue, row.id) for row in page.rows])
        return DeadLetters(letters, page.matching, page.scanned, page.total)

    def show(self, job_id: str) -> DeadLetterDetail:
        """Return one dead letter, by its id or a unique prefix of it, with its traceback and payload.

        Raises NotFoundError, and RefusedError if several ids have the prefix.
        """
        (job_id,) = id_prefixes.complete(self._redis, [job_id])
        queues = self._queues(None)
        location = dead_letters.find(self._redis, [job_id], queues).get(job_id)
        if location is None:
            known = search.sample_ids(self._redis, queues, DEAD_STATES)
            raise NotFoundError.with_suggestions(
                f"dead letter {job_id!r} not found", job_id, known, "list dead letters with: qctl dlq list"
            )
        detail = dead_letters.show(self._redis, location)
        return replace(detail, note=notes.read(self._redis).get(("letter", job_id)))

    def count(self, queue: str | None = None) -> int:
        """Count dead letters. Raises NotFoundError."""
        return dead_letters.count(self._redis, self._queues(queue))

    def groups(self, queue: str | None = None, *, scan: int | None = 10_000) -> Causes:
        """Group dead letters by cause, the most frequent first. Dead letters that are not in qctl's index are read to
        learn their cause, at most `scan` of them, all if None. Raises NotFoundError."""
        return self._annotated(dead_letter_causes.groups(self._redis, self._queues(queue), scan))

    def groups_by_queue(self, queues: Sequence[str], *, scan: int | None = 10_000) -> dict[str, Causes]:
        """Group the dead letters of each queue by cause; returned by queue name."""
        causes = dead_letter_causes.by_queue(self._redis, queues, scan)
        return {queue: self._annotated(grouped) for queue, grouped in causes.items()}

    def _annotated(self, causes: Causes) -> Causes:
        """Add to each cause the last mark before it began, and the note on it."""
        if not causes.causes:
            return causes
        known, noted = marks.read(self._redis), notes.read(self._redis)
        rows = []
        for cause in causes.causes:
            mark = last_mark(known, cause.first_seen)
            note = noted.get(("cause", cause.fingerprint))
            rows.append(replace(cause, since_mark=mark.text if mark else "", note=note))
        return replace(causes, causes=rows)

    def _queues(self, pattern: str | None) -> Sequence[str]:
        return select_queues(pattern, stats_snapshot.queue_names(self._redis))
