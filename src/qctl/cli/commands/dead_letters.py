"""Jobs that wait for a person: `qctl dlq list`, `show`, `groups`. What is done to them is in `job_acts.py` and
`retry.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from shlex import quote
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents, redaction
from qctl.cli.bulk import not_all
from qctl.cli.command import command
from qctl.cli.job_selectors import filtering
from qctl.cli.session import Session
from qctl.cli.text_sections import ago, payload, section
from qctl.models import Causes, DeadLetterDetail, DeadLetters, Payload, Scan, Selector
from qctl.view import Cell

Glob = Annotated[str | None, typer.Option("--queue", metavar="GLOB", help="Only of queues whose name matches.")]

UNINDEXED = 10_000
"""Letters that no qctl worker buried of which `groups` learns the cause by reading them: a second."""


@command(
    "list",
    examples="qctl dlq list\nqctl dlq list --queue 'email*' --error timeout --older-than 1h\n"
    "qctl dlq list -o name | qctl retry -",
)
@partial(filtering, without=("state",))
def page(
    session: Session,
    selector: Selector,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Most to list.")] = 50,
    offset: Annotated[int, typer.Option(min=0, metavar="N", help="Pass over this many.", show_default=False)] = 0,
) -> None:
    """List dead letters, newest first: jobs out of retries, and jobs in quarantine."""
    with session.out.progress("looking") as progress:
        found = session.ops.dead_letters.list(selector, limit=limit, offset=offset, progress=progress)
    if found.scanned is not None and found.scannable is not None and found.scanned < found.scannable:
        session.out.say(not_all(Scan(found.scanned, found.scannable)))
    found = replace(found, letters=[redaction.letter(letter) for letter in found.letters])
    columns = view.dead_letter_columns(datetime.now(timezone.utc))
    none = "No dead letters." if selector.is_everything else "No dead letter matches."
    table = view.Table(columns, found.letters, none, _footer(found, offset))
    session.out.listing(documents.dead_letters(found), table)


def _footer(found: DeadLetters, offset: int) -> list[Cell]:
    shown = offset + len(found.letters)
    lines = [Cell("")]
    if shown < found.total:
        lines.append(Cell(f"{offset + 1} to {shown} of {found.total}; more with --offset {shown}"))
    return [*lines, Cell("look closer: qctl dlq show ID   run again: qctl retry ID   by cause: qctl dlq groups", "dim")]


@command("show", examples="qctl dlq show 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11")
def show(
    session: Session,
    job_id: Annotated[str, typer.Argument(metavar="ID", show_default=False, help="Id of the job.")],
    reveal: Annotated[bool, typer.Option("--reveal", help="Show passwords and tokens too, not ***.")] = False,
) -> None:
    """Show one dead letter with its traceback and payload, which is never run or unpickled."""
    detail = session.ops.dead_letters.show(job_id)
    if not reveal:
        detail = redaction.letter_detail(detail)
    session.out.report(documents.dead_letter(detail), _details(detail))


def _details(detail: DeadLetterDetail) -> list[Cell]:
    letter, now = detail.letter, datetime.now(timezone.utc)
    facts = {
        "id": letter.id,
        "queue": letter.queue,
        "kind": letter.kind,
        "function": letter.function,
        "created": ago(detail.created_at, now),
        "enqueued": ago(detail.enqueued_at, now),
        "died": ago(letter.died_at, now),
        "runs": view.NO_VALUE if letter.attempts is None else str(letter.attempts),
        "cause": letter.fingerprint or view.NO_VALUE,
    }
    return [
        *(view.detail_line(name, value) for name, value in facts.items()),
        view.detail_line("error", letter.error, "bad"),
        *payload("payload", Payload(detail.payload, detail.payload_size), detail.description),
        *(section("meta", detail.meta) if detail.meta else ()),
        *section("traceback", detail.traceback.rstrip() or "none was recorded"),
        *section(f"run it again: qctl retry {quote(letter.id)}"),
    ]


@command("groups", examples="qctl dlq groups\nqctl dlq groups --queue 'email*' --json")
def groups(
    session: Session,
    queue: Glob = None,
    scan_limit: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Most letters of workers that are not qctl's to read; 0 all."),
    ] = UNINDEXED,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show passwords and tokens too, not ***.")] = False,
) -> None:
    """List why jobs died, the most frequent cause first: function, exception, message without its variable parts."""
    found = session.ops.dead_letters.groups(queue, scan=scan_limit or None)
    if not reveal:
        found = replace(found, causes=[redaction.cause(each) for each in found.causes])
    if found.grouped < found.total:
        session.out.say(
            f"Grouped {found.grouped:,} of {found.total:,} dead letters: the others were buried by workers that are "
            "not qctl's. All are read with --scan-limit 0."
        )
    columns = view.cause_columns(datetime.now(timezone.utc))
    table = view.Table(columns, found.causes, "No dead letters.", _next(found))
    session.out.listing(documents.causes(found), table)


def _next(found: Causes) -> list[Cell]:
    if not found.causes:
        return []
    cause = found.causes[0].fingerprint
    return [
        Cell(""),
        Cell(f"look closer: qctl dlq list --fingerprint {cause}", "dim"),
        Cell(f"run again: qctl retry --fingerprint {cause} --canary 1", "dim"),
    ]
