"""Backup of what only Redis holds (pauses, limits, schedules, dead letters, the trash), and its restoration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from qctl.broker.admin import restore_backup, write_backup
from qctl.broker.bookkeeping import events
from qctl.errors import AlreadyExistsError, RejectedError
from qctl.models import MAX_LISTED_OUTCOMES, Backup, Progress, RejectedLine, RestoredBackup, ignore_progress
from qctl.ops.base import Part


class BackupOps(Part, name="backup"):
    """Backup and restoration, for `qctl backup` and `qctl restore`."""

    def write(self, write: Callable[[str], None], *, progress: Progress = ignore_progress) -> Backup:
        """Write the backup, several lines at a time, including secrets. Changes nothing in Redis."""
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
        """Restore what does not exist. Lines that are corrupt, hostile or expired are rejected.

        With `dry_run` lines are only checked. May be interrupted between two lines and repeated.
        """
        self._redis.ping()  # an unreachable Redis must not count as rejected lines
        counts: Counter[str] = Counter()
        refused = existing = 0
        rejected: list[RejectedLine] = []
        for number, line in enumerate(lines, 1):
            try:
                counts[restore_backup.put(self._redis, line, trust=trust, dry_run=dry_run, actor=events.actor())] += 1
            except AlreadyExistsError:
                existing += 1
            except RejectedError as error:
                refused += 1
                if len(rejected) < MAX_LISTED_OUTCOMES:
                    rejected.append(RejectedLine(number, error.message))
            progress(number, None)
        whole = counts.pop(write_backup.END, 0) > 0
        return RestoredBackup(dict(counts), refused, rejected, whole, existing)
