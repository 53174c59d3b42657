"""Jobs as lines of JSON: `qctl job export`, `qctl job import`; the same of dead letters."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from qctl.cli import documents
from qctl.cli.bulk import SHOWN, named, not_all
from qctl.cli.command import command
from qctl.cli.exits import ExitCode
from qctl.cli.job_selectors import STDIN, Choice, selecting
from qctl.cli.session import Session
from qctl.errors import NotFoundError, QctlError, UsageError
from qctl.models import DEAD_STATES, ImportResult
from qctl.view import Cell, quantity

LONGEST = 1 << 26
"""Bytes of a line: what is longer is refused without being read to its end."""

To = Annotated[str | None, typer.Option("--to", metavar="FILE", help="Write this file, readable by its owner alone.")]


@command(
    "export",
    examples="qctl job export --queue email --to email.jsonl\nqctl job export --state finished --owner ada",
)
@selecting
def jobs(session: Session, choice: Choice, to: To = None) -> ExitCode:
    """Write jobs as lines of JSON, whole, with what is secret in them; `job import` brings them back."""
    return _export(session, choice, to, dead=False)


@command(
    "export",
    examples="qctl dlq export --all --to dead.jsonl\nqctl dlq export --queue email --error timeout",
)
@selecting
def dead_letters(session: Session, choice: Choice, to: To = None) -> ExitCode:
    """Write dead letters as lines of JSON, whole, with error and traceback, and what is secret in them."""
    return _export(session, choice, to, dead=True)


def _export(session: Session, choice: Choice, to: str | None, *, dead: bool) -> ExitCode:
    out = session.out
    if out.format is not None:
        raise UsageError("-o and --json do not go with export: it writes lines of JSON")
    selector = choice.selector
    if dead and selector.ids is None:
        if set(selector.states) - set(DEAD_STATES):
            raise UsageError("dead letters are failed or quarantined", "`qctl job export` takes jobs of any state")
        selector = replace(selector, states=selector.states or DEAD_STATES)
    with out.progress("looking") as progress:
        chosen = session.ops.jobs.choose("export", selector, progress=progress)
    if chosen.scan:
        out.say(not_all(chosen.scan))
    for outcome in chosen.missing[:SHOWN]:
        out.say(f"{outcome.id}: {outcome.detail}")
    with _writer(session, to) as write, out.progress("exporting") as progress:
        count = session.ops.transfer.export(chosen, write, progress=progress)
    out.say(f"{quantity(count, 'job')} exported" + (f" to {to}" if to else ""))
    if not chosen.missing:
        return ExitCode.DONE
    return ExitCode.PARTIAL if count else ExitCode.NOT_FOUND


@contextmanager
def _writer(session: Session, to: str | None) -> Iterator[Callable[[str], None]]:
    """Where lines go: stdout, or a file that only its owner may read."""
    if to is None:
        yield session.out.print
        return
    try:
        handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="ascii") as file:
            yield lambda text: _discard(file.write(text))
    except OSError as error:
        raise QctlError(f"{to!r} cannot be written: {error.strerror}") from error


def _discard(_written: int) -> None:
    """Nobody asks how much was written."""


IMPORT_EXAMPLES = "qctl job import email.jsonl\nqctl dlq import - --trust"


@command("import", examples=IMPORT_EXAMPLES, changes=True)
def take(
    session: Session,
    file: Annotated[str, typer.Argument(metavar="FILE", show_default=False, help="What export wrote; - is stdin.")],
    trust: Annotated[
        bool, typer.Option("--trust", help="Take pickled payloads, callbacks and web hooks too: workers obey them.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell which lines would be taken.")] = False,
) -> ExitCode:
    """Put exported jobs back where they were. Lines that are corrupt or hostile are refused by their number."""
    with opened(file) as stream, session.out.progress("importing") as progress:
        result = session.ops.transfer.import_(read_lines(stream), trust=trust, dry_run=dry_run, progress=progress)
    session.out.report(documents.imported(result, dry_run), _told(result, dry_run))
    if not result.refused:
        return ExitCode.DONE
    return ExitCode.PARTIAL if result.taken else ExitCode.FAILED


@contextmanager
def opened(file: str) -> Iterator[BinaryIO | None]:
    """A file to read, or stdin for `-`; None where that was closed. Raises NotFoundError and QctlError."""
    if file == STDIN:
        # A stdin that was closed before we started is None.
        yield sys.stdin.buffer if sys.stdin else None
        return
    try:
        with Path(file).open("rb") as stream:
            yield stream
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {file!r}") from None
    except OSError as error:
        raise QctlError(f"{file!r} cannot be read: {error.strerror}") from error


def read_lines(stream: BinaryIO | None) -> Iterator[bytes]:
    """Lines, none of them read further than it takes to refuse it."""
    while stream is not None and (line := stream.readline(LONGEST + 2)):
        yield line
        while line and not line.endswith(b"\n") and len(line) > LONGEST:
            line = stream.readline(LONGEST)


def _told(result: ImportResult, dry_run: bool) -> list[Cell]:
    verb = "would be imported" if dry_run else "imported"
    where = f" into {named(result.queues)}" if result.queues else ""
    lines = [Cell(f"{quantity(result.taken, 'job')} {verb}{where}", "good" if result.taken else "")]
    lines += [Cell(f"  line {bad.line}: {bad.reason}", "bad") for bad in result.lines[:SHOWN]]
    if result.refused > SHOWN:
        lines.append(Cell(f"  and {result.refused - SHOWN} more lines: see more of them with --json", "bad"))
    return lines
