"""Export of jobs as lines of JSON, and import into the same or another Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qctl.broker.admin import export_jobs, import_format, import_jobs
from qctl.broker.bookkeeping import events
from qctl.errors import AlreadyExistsError, RejectedError
from qctl.models import MAX_LISTED_OUTCOMES, ImportResult, Progress, RejectedLine, Selection, ignore_progress
from qctl.ops.base import Part


class TransferOps(Part, name="transfer"):
    """Export and import of jobs."""

    def export(self, chosen: Selection, write: Callable[[str], None], *, progress: Progress = ignore_progress) -> int:
        """Write the chosen jobs, each as a line of JSON with all its data, including secrets.

        `write` gets several complete lines at a time. Returns the number of jobs; those deleted meanwhile are left out.
        """
        total, done = chosen.count, 0
        for part in chosen.chosen:
            for lines in export_jobs.lines(self._redis, part):
                write("".join(f"{line}\n" for line in lines))
                done += len(lines)
                progress(done, total)
        return done

    def import_(
        self,
        lines: Iterable[bytes],
        *,
        trust: bool = False,
        dry_run: bool = False,
        progress: Progress = ignore_progress,
    ) -> ImportResult:
        """Restore exported jobs to their queues and states. Lines that are corrupt or hostile are rejected, and
        jobs that exist stay as they are; with `trust`, jobs that a stock worker would unpickle are accepted.

        With `dry_run` lines are only checked. May be interrupted between two lines and repeated.
        """
        taken = refused = existing = 0
        rejected: list[RejectedLine] = []
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
            except AlreadyExistsError:
                existing += 1
            except RejectedError as error:
                refused += 1
                if len(rejected) < MAX_LISTED_OUTCOMES:
                    rejected.append(RejectedLine(number, error.message))
            progress(taken + refused + existing, None)
        return ImportResult(taken, refused, rejected, sorted(queues), existing)
