"""`qctl backup` and `qctl restore`: what Redis alone knows, as one file, and back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from qctl.cli import documents
from qctl.cli.bulk import SHOWN
from qctl.cli.command import command
from qctl.cli.commands.transfer import opened, read_lines
from qctl.cli.exits import ExitCode
from qctl.cli.session import Session
from qctl.errors import QctlError, RefusedError
from qctl.models import Backup, Progress, RestoredBackup
from qctl.view import Cell, quantity

WORDS = {"pause": "pause", "schedule": "schedule", "job": "dead letter", "batch": "trash batch", "trashed": "job in it"}


@command("backup", examples="qctl backup before-upgrade.jsonl\nqctl backup nightly.jsonl --force")
def backup(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, for its owner alone.")],
    force: Annotated[bool, typer.Option("--force", help="Write over one that is there.")] = False,
) -> None:
    """Write pauses, schedules, dead letters and the trash to one file, secrets too.

    What waits and runs is not in it: it would run twice. The file is there when it is whole.
    """
    if file.exists() and not force:
        raise RefusedError(f"{file} is there already", "write it anew with --force, or take another name")
    half = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with session.out.progress("writing") as progress:
            found = _written(session, half, progress)
        half.replace(file)
    except OSError as error:
        raise QctlError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        half.unlink(missing_ok=True)
    told = f"{file} is written: {_listed(found.counts)}; to bring it back: qctl restore {quote(str(file))}"
    session.out.report(documents.backup(found, str(file)), [Cell(told, "good")])


def _written(session: Session, half: Path, progress: Progress) -> Backup:
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="ascii") as out:

        def write(text: str) -> None:
            out.write(text)

        found = session.ops.backup.write(write, progress=progress)
        out.flush()
        os.fsync(out.fileno())
    return found


@command("restore", examples="qctl restore nightly.jsonl\nqctl restore - --dry-run", changes=True)
def restore(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", show_default=False, help="What backup wrote; - is stdin.")],
    trust: Annotated[
        bool, typer.Option("--trust", help="Take pickled payloads, callbacks and web hooks too: workers obey them.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what could be read.")] = False,
) -> ExitCode:
    """Put back what a backup holds and is not there. What is there stays as it is."""
    with opened(file) as stream, session.out.progress("restoring") as progress:
        result = session.ops.backup.restore(read_lines(stream), trust=trust, dry_run=dry_run, progress=progress)
    session.out.report(documents.recalled(result, dry_run), _told(result, dry_run))
    if not result.whole:
        session.out.complain(f"{file} has no end: it was cut off, and more was in it once")
    if result.whole and not result.refused:
        return ExitCode.DONE
    return ExitCode.PARTIAL if sum(result.counts.values()) else ExitCode.FAILED


def _told(result: RestoredBackup, dry_run: bool) -> list[Cell]:
    lines = [Cell(f"{'would put' if dry_run else 'put'} back: {_listed(result.counts)}", "good")]
    if result.there:
        lines.append(Cell(f"there already, and left as it is: {quantity(result.there, 'line')}"))
    lines += [Cell(f"  line {bad.line}: {bad.reason}", "bad") for bad in result.lines[:SHOWN]]
    if result.refused > SHOWN:
        lines.append(Cell(f"  and {result.refused - SHOWN} more lines: see more of them with --json", "bad"))
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    said = [quantity(counts[kind], word) for kind, word in WORDS.items() if counts.get(kind)]
    return ", ".join(said).replace("job in its", "jobs in it") or "nothing"
