"""`qctl dlq list|show|groups`. `job_bulk` has `discard`, `retry` has `retry`, `transfer` has `export` and `import`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from shlex import quote
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents, redaction
from qctl.cli.command import command
from qctl.cli.job_selection import with_filters
from qctl.cli.paging import Limit, Offset, page_footer, warn_of_scan_limit
from qctl.cli.redaction import Reveal
from qctl.cli.session import Session
from qctl.models import Causes, DeadLetterDetail, Payload, Selector
from qctl.view import Cell

NO_DEAD_LETTERS = "No dead letters: jobs that have failed for good are kept here."

Glob = Annotated[str | None, typer.Option("--queue", metavar="GLOB", help="Queue name or glob: email, 'email*'.")]

MAX_UNINDEXED_DEAD_LETTERS = 10_000
"""Dead letters of foreign workers that `groups` reads by default, because no index has their cause: one second."""


@command(
    "list",
    examples="qctl dlq list\nqctl dlq list --queue 'email*' --error timeout --older-than 1h\n"
    "qctl dlq list -o name | qctl retry -",
)
@partial(with_filters, without=("state",))
def list_dead_letters(session: Session, selector: Selector, limit: Limit = 50, offset: Offset = 0) -> None:
    """List dead letters, newest first.

    Dead letters are jobs without retries left, and quarantined jobs.
    """
    with session.out.progress("searching") as progress:
        page = session.ops.dead_letters.list(selector, limit=limit, offset=offset, progress=progress)
    warn_of_scan_limit(session.out, page.scanned, page.scannable)
    page = replace(page, letters=[redaction.dead_letter(letter) for letter in page.letters])
    columns = view.dead_letter_columns(datetime.now(timezone.utc))
    empty = NO_DEAD_LETTERS if selector.is_everything else "No matching dead letters. All of them: qctl dlq list"
    hint = "details: qctl dlq show ID   run again: qctl retry ID   by cause: qctl dlq groups"
    footer = page_footer(offset, len(page.letters), page.total, hint)
    session.out.listing(documents.dlq_list(page), view.Table(columns, page.letters, empty, footer))


@command("show", examples="qctl dlq show 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11")
def show(
    session: Session,
    job_id: Annotated[
        str, typer.Argument(metavar="ID", show_default=False, help="Id of the job, or its first 6 or more characters.")
    ],
    reveal: Reveal = False,
) -> None:
    """Show one dead letter with its traceback and payload.

    The payload is never executed or unpickled.
    """
    detail = session.ops.dead_letters.show(job_id)
    if not reveal:
        detail = redaction.dead_letter_detail(detail)
    session.out.report(documents.dlq_show(detail), _details(detail))


def _details(detail: DeadLetterDetail) -> list[Cell]:
    letter, now = detail.letter, datetime.now(timezone.utc)
    values = {
        "id": letter.id,
        "queue": letter.queue,
        "kind": letter.kind,
        "function": letter.function,
        "created": view.ago(detail.created_at, now),
        "enqueued": view.ago(detail.enqueued_at, now),
        "died": view.ago(letter.died_at, now),
        "runs": view.NO_VALUE if letter.attempts is None else str(letter.attempts),
        "cause": letter.fingerprint or view.NO_VALUE,
    }
    return [
        *(view.detail_line(name, value) for name, value in values.items()),
        *([view.detail_line("note", view.note_text(detail.note, now))] if detail.note else ()),
        view.detail_line("error", letter.error, "bad"),
        *view.payload_section("payload", Payload(detail.payload, detail.payload_size), detail.description),
        *(view.section("meta", detail.meta) if detail.meta else ()),
        *view.section("traceback", detail.traceback.rstrip() or "none recorded"),
        *view.section(
            "remove its entry: qctl doctor --repair" if letter.is_gone else f"run again: qctl retry {quote(letter.id)}"
        ),
    ]


@command(
    "groups",
    examples="qctl dlq groups\nqctl dlq groups --queue 'email*' --json",
    fleet=True,
)
def groups(
    session: Session,
    queue: Glob = None,
    scan_limit: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Maximum dead letters of foreign workers to read; 0 for all."),
    ] = MAX_UNINDEXED_DEAD_LETTERS,
    reveal: Reveal = False,
) -> None:
    """Group dead letters by cause, the most frequent first.

    A cause is a function, an exception, and a message without its variable parts.
    """
    causes = session.ops.dead_letters.groups(queue, scan=scan_limit or None)
    if not reveal:
        causes = replace(causes, causes=[redaction.cause(cause) for cause in causes.causes])
    if causes.grouped < causes.total:
        session.out.say(
            f"Grouped {causes.grouped:,} of {causes.total:,} dead letters; workers that are not qctl's wrote the rest. "
            "Read all: --scan-limit 0."
        )
    columns = view.cause_columns(datetime.now(timezone.utc))
    table = view.Table(columns, causes.causes, NO_DEAD_LETTERS, _next_steps(causes))
    session.out.listing(documents.dlq_groups(causes), table)


def _next_steps(causes: Causes) -> list[Cell]:
    if not causes.causes:
        return []
    fingerprint = causes.causes[0].fingerprint
    return [
        Cell(""),
        Cell(f"details: qctl dlq list --fingerprint {fingerprint}", "dim"),
        Cell(f"run again: qctl retry --fingerprint {fingerprint} --canary 1", "dim"),
    ]
