"""What Redis alone knows, as one file, and back: pauses, schedules, dead letters, the trash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from qctl.broker.admin import restore_backup, write_backup
from qctl.broker.bookkeeping import events
from qctl.errors import AlreadyExistsError, RejectedError
from qctl.models import MAX_LISTED_OUTCOMES, Backup, Progress, RejectedLine, RestoredBackup, ignore_progress
from qctl.ops.base import Part


class BackupOps(Part, name="backup"):
    """What `qctl backup` and `qctl restore` do."""

    def write(self, write: Callable[[str], None], *, progress: Progress = ignore_progress) -> Backup:
        """Write the backup, some lines at a time, with what is secret in it. Nothing in Redis is changed."""
        counts: Counter[str] = Counter()
        for kind, step in write_backup.lines(self._redis):
            write("".join(f"{line}\n" for line in step))
            counts[kind] += len(step)
            progress(sum(counts.values()), None)
        del counts[write_backup.END]
        return Backup({kind: count for kind, count in counts.items() if count})

    def restore(
        self,
        lines: Iterable[bytes],
        *,
        trust: bool = False,
        dry_run: bool = False,
        progress: Progress = ignore_progress,
    ) -> RestoredBackup:
        """Put back what is not there. Lines that are corrupt, hostile or over are refused.

        With `dry_run` they are only read. May be interrupted between two lines and run again.
        """
        self._redis.ping()  # who is away is no fault of the lines
        counts: Counter[str] = Counter()
        refused = there = 0
        bad: list[RejectedLine] = []
        for number, line in enumerate(lines, 1):
            try:
                counts[restore_backup.put(self._redis, line, trust=trust, dry_run=dry_run, actor=events.actor())] += 1
            except AlreadyExistsError:
                there += 1
            except RejectedError as error:
                refused += 1
                if len(bad) < MAX_LISTED_OUTCOMES:
                    bad.append(RejectedLine(number, error.message))
            progress(number, None)
        whole = counts.pop(write_backup.END, 0) > 0
        return RestoredBackup(dict(counts), refused, bad, whole, there)
