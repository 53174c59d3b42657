"""Jobs as lines of JSON: out of Redis, and back into the same or another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qctl.broker.admin import export_jobs, import_format, import_jobs
from qctl.broker.bookkeeping import events
from qctl.errors import RejectedError
from qctl.models import MAX_LISTED_OUTCOMES, ImportResult, Progress, RejectedLine, Selection, ignore_progress
from qctl.ops.base import Part


class TransferOps(Part, name="transfer"):
    """Export and import."""

    def export(self, chosen: Selection, write: Callable[[str], None], *, progress: Progress | None = None) -> int:
        """Write the jobs that were chosen, each a line of JSON with everything that is known of it, secrets too.

        `write` gets some lines at a time, with their ends. Returns how many; what is gone meanwhile is left out.
        """
        told, total, done = progress or ignore_progress, chosen.count, 0
        for part in chosen.chosen:
            for lines in export_jobs.lines(self._redis, part):
                write("".join(f"{line}\n" for line in lines))
                done += len(lines)
                told(done, total)
        return done

    def import_(
        self, lines: Iterable[bytes], *, trust: bool = False, dry_run: bool = False, progress: Progress | None = None
    ) -> ImportResult:
        """Put exported jobs where they were. Lines that are corrupt, hostile, or of jobs that are there already are
        refused, and the others taken; with `trust` also those that a stock worker would unpickle or call something for.

        With `dry_run` they are only read. May be interrupted between two lines and run again.
        """
        told, taken, refused = progress or ignore_progress, 0, 0
        bad: list[RejectedLine] = []
        queues: set[str] = set()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = import_format.parse(line, trust=trust)
                if not dry_run:
                    import_jobs.put(self._redis, record, actor=events.actor())
                taken += 1
                queues.add(record.queue)
            except RejectedError as error:
                refused += 1
                if len(bad) < MAX_LISTED_OUTCOMES:
                    bad.append(RejectedLine(number, error.message))
            told(taken + refused, None)
        return ImportResult(taken, refused, bad, sorted(queues))
