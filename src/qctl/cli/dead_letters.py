"""Jobs that wait for a person: `qctl dlq list`, `qctl dlq show`. Running them again is in `retry.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.models import DeadLetter, DeadLetterDetail, DeadLetters
from qctl.safe import redact
from qctl.view import Cell

Glob = Annotated[str | None, typer.Option("--queue", metavar="GLOB", help="Only of queues whose name matches.")]


@command(
    "list", examples="qctl dlq list\nqctl dlq list --queue 'email*' --limit 20\nqctl dlq list -o name | qctl retry -"
)
def page(
    session: Session,
    queue: Glob = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Most to list.")] = 50,
    offset: Annotated[int, typer.Option(min=0, metavar="N", help="Pass over this many.", show_default=False)] = 0,
) -> None:
    """List dead letters, newest first: jobs out of retries, and jobs in quarantine."""
    found = session.ops.dead_letters.list(queue, limit=limit, offset=offset)
    found = DeadLetters([_discreet(letter) for letter in found.letters], found.total)
    columns = view.dead_letter_columns(datetime.now(timezone.utc))
    table = view.Table(columns, found.letters, "No dead letters.", _footer(found, offset))
    session.out.listing(documents.dead_letters(found), table)


def _footer(found: DeadLetters, offset: int) -> list[Cell]:
    shown = offset + len(found.letters)
    lines = [Cell("")]
    if shown < found.total:
        lines.append(Cell(f"{offset + 1} to {shown} of {found.total}; more with --offset {shown}"))
    return [*lines, Cell("look closer: qctl dlq show ID   run again: qctl retry ID", "dim")]


@command("show", examples="qctl dlq show 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11")
def show(
    session: Session,
    job_id: Annotated[str, typer.Argument(metavar="ID", show_default=False, help="Id of the job.")],
    reveal: Annotated[bool, typer.Option("--reveal", help="Show passwords and tokens too, not ***.")] = False,
) -> None:
    """Show one dead letter with its traceback and payload, which is never run or unpickled."""
    detail = session.ops.dead_letters.show(job_id)
    if not reveal:
        detail = _discreet_detail(detail)
    session.out.report(documents.dead_letter(detail), _details(detail))


def _details(detail: DeadLetterDetail) -> list[Cell]:
    letter, now = detail.letter, datetime.now(timezone.utc)
    facts = {
        "id": letter.id,
        "queue": letter.queue,
        "kind": letter.kind,
        "function": letter.function,
        "created": _ago(detail.created_at, now),
        "enqueued": _ago(detail.enqueued_at, now),
        "died": _ago(letter.died_at, now),
        "runs": view.NOTHING if letter.attempts is None else str(letter.attempts),
        "cause": letter.fingerprint or view.NOTHING,
    }
    pickled = f"not JSON, and never unpickled; the job says of itself: {detail.description or view.NOTHING}"
    payload = pickled if detail.payload is None else detail.payload
    return [
        *(view.fact(name, value) for name, value in facts.items()),
        view.fact("error", letter.error, "bad"),
        *_section(f"payload, {view.size(detail.payload_size)}", payload),
        *(_section("meta", detail.meta) if detail.meta else ()),
        *_section("traceback", detail.traceback.rstrip() or "none was recorded"),
        *_section(f"run it again: qctl retry {letter.id}"),
    ]


def _section(title: str, text: str | None = None) -> list[Cell]:
    return [Cell(""), Cell(title, "dim"), *([] if text is None else [Cell(text)])]


def _ago(when: datetime | None, now: datetime) -> str:
    return f"{view.age(when, now)} ago, {view.moment(when, now)}" if when else view.NOTHING


def _discreet(letter: DeadLetter) -> DeadLetter:
    return replace(letter, error=redact(letter.error))


def _discreet_detail(detail: DeadLetterDetail) -> DeadLetterDetail:
    return replace(
        detail,
        letter=_discreet(detail.letter),
        traceback=redact(detail.traceback),
        payload=None if detail.payload is None else redact(detail.payload),
        description=redact(detail.description),
        meta=None if detail.meta is None else redact(detail.meta),
    )
