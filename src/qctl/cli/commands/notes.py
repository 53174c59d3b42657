"""`qctl note add|list|delete`: notes on causes, pauses, schedules and dead letters, and acknowledgements."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.job_selection import parse_fingerprint
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import NoteKind
from qctl.safe import escape_line
from qctl.view import Cell

Cause = Annotated[
    str | None, typer.Option("--cause", metavar="CAUSE", help="Cause of dead letters, as dlq groups lists it.")
]
Pause = Annotated[str | None, typer.Option("--pause", metavar="QUEUE", help="Pause of a queue.")]
Schedule = Annotated[str | None, typer.Option("--schedule", metavar="NAME", help="Schedule.")]
Letter = Annotated[str | None, typer.Option("--letter", metavar="ID", help="Dead letter.")]


@command(
    "add",
    examples="qctl note add 'mended in v1.5' --cause 0d9c5c1fb0a7 --ack\nqctl note add 'sale' --pause email",
    changes=True,
)
def add(
    session: Session,
    text: Annotated[str, typer.Argument(metavar="[TEXT]", show_default=False, help="Text of the note.")] = "",
    cause: Cause = None,
    pause: Pause = None,
    schedule: Schedule = None,
    letter: Letter = None,
    ack: Annotated[bool, typer.Option("--ack", help="Acknowledge it: no problem and no alert until it grows.")] = False,
) -> None:
    """Write a note on a cause, pause, schedule or dead letter.

    It replaces an earlier one. An acknowledged cause leaves the alerts and the problems until as many letters died
    again as it had, at least 20.
    """
    kind, name = _subject(cause, pause, schedule, letter)
    note = session.ops.notes.put(kind, name, text, acknowledge=ack)
    now = datetime.now(timezone.utc)
    line = f"{kind} {escape_line(name)}: {view.note_text(note, now)}"
    session.out.report(documents.note_add(note), [Cell(line, "good")])


@command("list", examples="qctl note list\nqctl note list --json")
def list_notes(session: Session) -> None:
    """List notes and acknowledgements, newest first."""
    notes = session.ops.notes.list()
    empty = "No notes. Write one with: qctl note add TEXT --cause CAUSE"
    table = view.Table(view.note_columns(datetime.now(timezone.utc)), notes, empty)
    session.out.listing(documents.note_list(notes), table)


@command("delete", examples="qctl note delete --cause 0d9c5c1fb0a7\nqctl note delete --pause email", changes=True)
def delete(
    session: Session, cause: Cause = None, pause: Pause = None, schedule: Schedule = None, letter: Letter = None
) -> None:
    """Delete a note, and its acknowledgement."""
    kind, name = _subject(cause, pause, schedule, letter)
    session.ops.notes.delete(kind, name)
    session.out.report(documents.note_delete(kind, name), [Cell(f"note on {kind} {escape_line(name)} deleted", "good")])


def _subject(cause: str | None, pause: str | None, schedule: str | None, letter: str | None) -> tuple[NoteKind, str]:
    given: list[tuple[NoteKind, str | None]] = [
        ("cause", parse_fingerprint(cause)),
        ("pause", pause),
        ("schedule", schedule),
        ("letter", letter),
    ]
    named = [(kind, name) for kind, name in given if name]
    if len(named) != 1:
        raise UsageError("exactly one of --cause, --pause, --schedule and --letter is required")
    return named[0]
