"""`qctl cleanup`: deletes old data. For cron: prints one line if it deleted something, nothing otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.session import Session
from qctl.models import Cleanup, CleanupKind, CleanupResult
from qctl.view import Cell

Queues = Annotated[
    list[str] | None,
    typer.Option("--queue", "-Q", metavar="GLOB", help="Queue with its lanes, or glob; repeatable. Default: all."),
]
Keep = Annotated[
    int | None,
    typer.Option("--keep", min=0, metavar="N", help="Newest jobs of each queue to keep at any age."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be deleted.")]

NOUNS: dict[CleanupKind, tuple[str, str]] = {
    "finished": ("finished job", "finished jobs"),
    "failed": ("dead letter", "dead letters"),
    "results": ("result without a job", "results without a job"),
    "reports": ("report", "reports"),
    "exports": ("export", "exports"),
    "images": ("image or file of a message", "images and files of messages"),
    "history": ("event of the history", "events of the history"),
    "trash": ("job in the trash", "jobs in the trash"),
}
"""Singular and plural of each kind."""


def _older_than(default: str) -> object:
    return typer.Option("--older-than", metavar="TIME", help=f"Minimum age: 12h, 7d. Default: {default}.")


@command(
    "finished",
    examples="qctl cleanup finished\nqctl cleanup finished -Q inventory --older-than 7d --keep 0 --dry-run",
    changes=True,
)
def finished(
    session: Session,
    older_than: Annotated[str | None, _older_than("24h")] = None,
    keep: Keep = 100,
    queues: Queues = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Delete old finished jobs with their results."""
    return _clean(session, "finished", older_than, keep, queues, dry_run)


@command(
    "failed", examples="qctl cleanup failed\nqctl cleanup failed --older-than 30d --keep 0 --dry-run", changes=True
)
def failed(
    session: Session,
    older_than: Annotated[str | None, _older_than("7d")] = None,
    keep: Keep = 50,
    queues: Queues = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Move old dead letters to the trash."""
    return _clean(session, "failed", older_than, keep, queues, dry_run)


@command("results", examples="qctl cleanup results\nqctl cleanup results --dry-run", changes=True)
def results(session: Session, dry_run: DryRun = False) -> ExitCode:
    """Delete results without a job.

    Scans all keys of Redis, in steps.
    """
    return _clean(session, "results", None, None, None, dry_run)


@command("reports", examples="qctl cleanup reports\nqctl cleanup reports --older-than 90d --dry-run", changes=True)
def reports(
    session: Session,
    older_than: Annotated[str | None, _older_than("QCTL_KEEP_REPORTS")] = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Delete old reports on this machine."""
    return _clean(session, "reports", older_than, None, None, dry_run)


@command("exports", examples="qctl cleanup exports\nqctl cleanup exports --older-than 1d --dry-run", changes=True)
def exports(
    session: Session,
    older_than: Annotated[str | None, _older_than("QCTL_KEEP_EXPORTS")] = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Delete old exports and rejected rows of imports."""
    return _clean(session, "exports", older_than, None, None, dry_run)


@command("images", examples="qctl cleanup images\nqctl cleanup images --older-than 1d --dry-run", changes=True)
def images(
    session: Session,
    older_than: Annotated[str | None, _older_than("QCTL_KEEP_IMAGES")] = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Delete images and files here that no chat message uses."""
    return _clean(session, "images", older_than, None, None, dry_run)


@command("history", examples="qctl cleanup history\nqctl cleanup history --older-than 30d --dry-run", changes=True)
def history(
    session: Session,
    older_than: Annotated[str | None, _older_than("QCTL_KEEP_HISTORY, 90d")] = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Delete old events from the history."""
    return _clean(session, "history", older_than, None, None, dry_run)


@command("trash", examples="qctl cleanup trash\nqctl cleanup trash --dry-run", changes=True)
def trash(session: Session, dry_run: DryRun = False) -> ExitCode:
    """Delete expired trash batches for good.

    The scheduler does the same.
    """
    return _clean(session, "trash", None, None, None, dry_run)


@command("all", examples="qctl cleanup all\nqctl cleanup all --dry-run", changes=True)
def all_kinds(session: Session, queues: Queues = None, dry_run: DryRun = False) -> ExitCode:
    """Run all cleanups with their defaults."""
    return _clean(session, "all", None, None, queues, dry_run)


def _clean(
    session: Session, target: str, older_than: str | None, keep: int | None, queues: Sequence[str] | None, dry_run: bool
) -> ExitCode:
    from qctl.ops.cleanup import ALL_KINDS  # imports redis and rq

    seconds = durations.parse(older_than, "--older-than") if older_than is not None else None
    kinds = [kind for kind in ALL_KINDS if target in (kind, "all")]
    with session.out.progress("cleaning up") as progress:
        cleanup = session.ops.cleanup.run(
            kinds, older_than=seconds, keep=keep, queues=queues or (), dry_run=dry_run, progress=progress
        )
    session.out.report(documents.cleanup(target, cleanup), _summary(cleanup))
    failed = [result for result in cleanup.removed if result.problem]
    for result in failed:
        session.out.complain(f"{NOUNS[result.kind][1]}: {result.problem}")
    if not failed:
        return ExitCode.DONE
    return ExitCode.FAILED if len(failed) == len(kinds) else ExitCode.PARTIAL


def _summary(cleanup: Cleanup) -> list[Cell]:
    """Format one line, or none if nothing was deleted."""
    counts = [_count(result) for result in cleanup.removed if result.count]
    if cleanup.dry_run:
        return [Cell(f"would delete {', '.join(counts)}" if counts else "nothing to delete")]
    if not counts:
        return []
    undo = [f"; undo: qctl trash restore {result.batch}" for result in cleanup.removed if result.batch]
    return [Cell(f"deleted {', '.join(counts)} in {view.elapsed(cleanup.seconds)}{''.join(undo)}")]


def _count(result: CleanupResult) -> str:
    singular, plural = NOUNS[result.kind]
    size = f" ({view.size(result.bytes)})" if result.bytes else ""
    return f"{result.count} {singular if result.count == 1 else plural}{size}"
