"""`qctl cleanup`: housekeeping for cron. Quiet where there is nothing to say, else one line of what was removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exits import ExitCode
from qctl.cli.session import Session
from qctl.models import Cleanup, CleanupKind, CleanupResult
from qctl.view import Cell

Queues = Annotated[
    list[str] | None,
    typer.Option("--queue", "-Q", metavar="GLOB", help="Only of these queues, with their lanes; may be repeated."),
]
Keep = Annotated[
    int | None, typer.Option("--keep", min=0, metavar="N", help="However old, the newest N of a queue stay.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")]

WORDS: dict[CleanupKind, tuple[str, str]] = {
    "finished": ("finished job", "finished jobs"),
    "failed": ("dead letter", "dead letters"),
    "results": ("result without a job", "results without a job"),
    "reports": ("report", "reports"),
    "exports": ("export", "exports"),
    "images": ("image", "images"),
    "history": ("event of the history", "events of the history"),
    "trash": ("job in the trash", "jobs in the trash"),
}


def _older(default: str) -> object:
    return typer.Option("--older-than", metavar="TIME", help=f"Default: {default}.")


@command(
    "finished",
    examples="qctl cleanup finished\nqctl cleanup finished -Q inventory --older-than 7d --keep 0 --dry-run",
    changes=True,
)
def finished(
    session: Session,
    older_than: Annotated[str | None, _older("24h")] = None,
    keep: Keep = 100,
    queues: Queues = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Delete finished jobs that ended long ago, with their results."""
    return _clean(session, "finished", older_than, keep, queues, dry_run)


@command(
    "failed", examples="qctl cleanup failed\nqctl cleanup failed --older-than 30d --keep 0 --dry-run", changes=True
)
def failed(
    session: Session,
    older_than: Annotated[str | None, _older("7d")] = None,
    keep: Keep = 50,
    queues: Queues = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Move dead letters that died long ago to the trash."""
    return _clean(session, "failed", older_than, keep, queues, dry_run)


@command("results", examples="qctl cleanup results\nqctl cleanup results --dry-run", changes=True)
def results(session: Session, dry_run: DryRun = False) -> ExitCode:
    """Delete results whose job is gone. Looks through all of Redis, in steps."""
    return _clean(session, "results", None, None, None, dry_run)


@command("reports", examples="qctl cleanup reports\nqctl cleanup reports --older-than 90d --dry-run", changes=True)
def reports(
    session: Session, older_than: Annotated[str | None, _older("QCTL_KEEP_REPORTS")] = None, dry_run: DryRun = False
) -> ExitCode:
    """Delete old reports of this machine."""
    return _clean(session, "reports", older_than, None, None, dry_run)


@command("exports", examples="qctl cleanup exports\nqctl cleanup exports --older-than 1d --dry-run", changes=True)
def exports(
    session: Session, older_than: Annotated[str | None, _older("QCTL_KEEP_EXPORTS")] = None, dry_run: DryRun = False
) -> ExitCode:
    """Delete old exports, and rows that imports refused."""
    return _clean(session, "exports", older_than, None, None, dry_run)


@command("images", examples="qctl cleanup images\nqctl cleanup images --older-than 1d --dry-run", changes=True)
def images(
    session: Session, older_than: Annotated[str | None, _older("QCTL_KEEP_IMAGES")] = None, dry_run: DryRun = False
) -> ExitCode:
    """Delete old images of the chat, on this machine, that no message has any more."""
    return _clean(session, "images", older_than, None, None, dry_run)


@command("history", examples="qctl cleanup history\nqctl cleanup history --older-than 30d --dry-run", changes=True)
def history(
    session: Session,
    older_than: Annotated[str | None, _older("QCTL_KEEP_HISTORY, 90d")] = None,
    dry_run: DryRun = False,
) -> ExitCode:
    """Delete old events of the history."""
    return _clean(session, "history", older_than, None, None, dry_run)


@command("trash", examples="qctl cleanup trash\nqctl cleanup trash --dry-run", changes=True)
def trash(session: Session, dry_run: DryRun = False) -> ExitCode:
    """Delete what has been in the trash for its time. The scheduler does so too."""
    return _clean(session, "trash", None, None, None, dry_run)


@command("all", examples="qctl cleanup all\nqctl cleanup all --dry-run", changes=True)
def everything(session: Session, queues: Queues = None, dry_run: DryRun = False) -> ExitCode:
    """All of these with their defaults, as a line of a crontab would."""
    return _clean(session, "all", None, None, queues, dry_run)


def _clean(
    session: Session, what: str, older_than: str | None, keep: int | None, queues: Sequence[str] | None, dry_run: bool
) -> ExitCode:
    from qctl.ops.cleanup import ALL_KINDS  # brings redis and rq

    seconds = durations.parse(older_than, "--older-than") if older_than is not None else None
    kinds = [kind for kind in ALL_KINDS if what in (kind, "all")]
    with session.out.progress("cleaning up") as progress:
        found = session.ops.cleanup.run(
            kinds, older_than=seconds, keep=keep, queues=queues or (), dry_run=dry_run, progress=progress
        )
    session.out.report(documents.cleanup(what, found), _told(found))
    problems = [each for each in found.removed if each.problem]
    for each in problems:
        session.out.complain(f"{WORDS[each.kind][1]}: {each.problem}")
    if not problems:
        return ExitCode.DONE
    return ExitCode.FAILED if len(problems) == len(kinds) else ExitCode.PARTIAL


def _told(found: Cleanup) -> list[Cell]:
    """One line, none where nothing went."""
    gone = [_words(each) for each in found.removed if each.count]
    if found.dry_run:
        return [Cell(f"would remove {', '.join(gone)}" if gone else "there is nothing to remove")]
    if not gone:
        return []
    undo = [f"; undo: qctl trash restore {each.batch}" for each in found.removed if each.batch]
    return [Cell(f"removed {', '.join(gone)} in {view.elapsed(found.seconds)}{''.join(undo)}")]


def _words(each: CleanupResult) -> str:
    one, many = WORDS[each.kind]
    size = f" ({view.size(each.bytes)})" if each.bytes else ""
    return f"{each.count} {one if each.count == 1 else many}{size}"
