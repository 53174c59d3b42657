"""`qctl ingest replay`: puts what a sink has stored into its pipeline again."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from qctl import catalog, rates
from qctl.cli import documents, moments
from qctl.cli.bulk_actions import DryRun, Rate, Yes
from qctl.cli.command import command
from qctl.cli.prompts import confirm
from qctl.cli.session import Session
from qctl.store.stored_items import StoredQuery
from qctl.view import Cell, quantity


class StoredIn(str, Enum):
    """Values of `--from`."""

    SQLITE = "sqlite"
    MYSQL = "mysql"
    MONGODB = "mongodb"


@command(
    "replay",
    examples="qctl ingest replay readings --from sqlite --since 7d --dry-run\n"
    "qctl ingest replay readings --from sqlite --until 2026-11-23 --rate 1000/s\n"
    "qctl ingest replay messages --from mysql --yes",
    changes=True,
)
def replay(
    session: Session,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", show_default=False, help="readings or messages.")],
    source: Annotated[StoredIn, typer.Option("--from", help="Database that has them: sqlite, mysql or mongodb.")],
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was measured or sent since: 7d, 2026-11-22.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only what was measured or sent before.")] = None,
    topic: Annotated[str | None, typer.Option(metavar="TOPIC", help="Only readings of this topic.")] = None,
    device: Annotated[str | None, typer.Option(metavar="DEVICE", help="Only readings of this device.")] = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Put stored items into their pipeline again.

    For a sink that is new or has lost data. Times and ids stay as they are, so that what the sink has is stored once.
    """
    (spec,) = catalog.pipelines([pipeline])
    query = StoredQuery(moments.parse(since, "--since"), moments.parse(until, "--until"), topic, device)
    per_second = rates.parse(rate, "--rate")
    ingest = session.ops.ingest
    if dry_run or not yes:
        with session.out.progress("counting") as progress:
            counted = ingest.replay(spec.name, source.value, query, dry_run=True, progress=progress)
        count = f"{quantity(counted.items, 'item')} of {spec.name}"
        if dry_run:
            session.out.report(documents.ingest_replay(counted, dry_run=True), [Cell(f"{count} would be replayed")])
            return
        if counted.items:
            confirm(session.out, f"Put {count} from {source.value} into {spec.queue} again?")
    with session.out.progress("replaying") as progress:
        result = ingest.replay(spec.name, source.value, query, rate=per_second, progress=progress)
    text = f"{quantity(result.items, 'item')} of {spec.name} replayed"
    session.out.report(documents.ingest_replay(result, dry_run=False), [Cell(text, "good" if result.items else "")])
