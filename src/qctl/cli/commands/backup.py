"""`qctl backup` and `qctl restore`: the state that exists only in Redis, as one file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.input_files import open_input, read_lines, rejected_lines
from qctl.cli.session import Session
from qctl.errors import QctlError, RefusedError
from qctl.models import Backup, Progress, RestoredBackup
from qctl.view import Cell, quantity

NOUNS = {
    "pause": "pause",
    "limit": "limit",
    "schedule": "schedule",
    "mark": "mark",
    "note": "note",
    "job": "dead letter",
    "batch": "trash batch",
    "trashed": "trash job",
}
"""Kind of an entry -> its noun."""


@command("backup", examples="qctl backup before-upgrade.jsonl\nqctl backup nightly.jsonl --force")
def backup(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write, readable only by its owner.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Back up pauses, limits, schedules, dead letters and trash.

    Marks and notes too. The file contains secrets in plain text. Waiting and running jobs are left out: they would run
    twice. The file appears only when it is complete.
    """
    if file.exists() and not force:
        raise RefusedError(f"file {str(file)!r} already exists", "overwrite it with --force, or choose another name")
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with session.out.progress("writing") as progress:
            written = _write(session, partial, progress)
        partial.replace(file)
    except OSError as error:
        raise QctlError(f"file {str(file)!r} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    lines = [
        Cell(f"{file} written: {_list_counts(written.counts)}", "good"),
        Cell(f"  restore with: qctl restore {quote(str(file))}", "dim"),
    ]
    session.out.report(documents.backup(written, str(file)), lines)


def _write(session: Session, file: Path, progress: Progress) -> Backup:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="ascii") as out:

        def write(text: str) -> None:
            out.write(text)

        written = session.ops.backup.write(write, progress=progress)
        out.flush()
        os.fsync(out.fileno())
    return written


@command("restore", examples="qctl restore nightly.jsonl\nqctl restore - --dry-run", changes=True)
def restore(
    session: Session,
    file: Annotated[
        str, typer.Argument(metavar="FILE", show_default=False, help="File written by backup; - reads stdin.")
    ],
    trust: Annotated[
        bool, typer.Option("--trust", help="Accept pickled payloads, callbacks and webhooks: workers execute them.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be restored.")] = False,
) -> ExitCode:
    """Restore the entries of a backup that Redis lacks.

    Existing entries stay as they are.
    """
    with open_input(file) as stream, session.out.progress("restoring") as progress:
        result = session.ops.backup.restore(read_lines(stream), trust=trust, dry_run=dry_run, progress=progress)
    session.out.report(documents.restore(result, dry_run), _restored(result, dry_run))
    if not result.whole:
        session.out.complain(f"file {file!r} is truncated: it has no end mark, and entries are missing")
    if result.whole and not result.refused:
        return ExitCode.DONE
    return ExitCode.PARTIAL if sum(result.counts.values()) else ExitCode.FAILED


def _restored(result: RestoredBackup, dry_run: bool) -> list[Cell]:
    lines = [Cell(f"{'would restore' if dry_run else 'restored'}: {_list_counts(result.counts)}", "good")]
    if result.existing:
        lines.append(Cell(f"already present, left unchanged: {quantity(result.existing, 'line')}"))
    return lines + rejected_lines(result.lines, result.refused)


def _list_counts(counts: Mapping[str, int]) -> str:
    return ", ".join(quantity(counts[kind], noun) for kind, noun in NOUNS.items() if counts.get(kind)) or "nothing"
