"""`qctl doctor`: what is wrong with what qctl stands on, and what mends it."""

from __future__ import annotations

from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exits import ExitCode
from qctl.cli.session import Session
from qctl.models import STATUS_ORDER, Repair
from qctl.view import Cell


@command("doctor", examples="qctl doctor\nqctl doctor --json\nqctl doctor --repair", changes="repair")
def doctor(
    session: Session,
    repair: Annotated[
        bool, typer.Option("--repair", help="Enqueue orphans again and forget workers that are gone, then look.")
    ] = False,
) -> ExitCode:
    """Look at everything that qctl stands on: what is wrong, why it matters, what mends it.

    Exits 0 if all is well, 1 if something is not, 4 where Redis cannot be reached.
    """
    repaired = None
    if repair:
        with session.out.progress("repairing") as progress:
            repaired = session.ops.doctor.repair(progress=progress)
    with session.out.progress("looking") as progress:
        found = session.ops.doctor.examine(session.places, progress=progress)
    rows = sorted(found.findings, key=lambda finding: STATUS_ORDER.index(finding.status))
    summary = [Cell(""), *_repaired(repaired), Cell(f"status: {found.status}", view.HEALTH_STYLES[found.status])]
    table = view.Table(view.finding_columns(), rows, f"status: {found.status}", summary)
    session.out.listing(documents.doctor(found, repaired), table)
    if any(finding.check == "redis" and finding.status == "down" for finding in found.findings):
        return ExitCode.UNREACHABLE
    return ExitCode.DONE if found.status == "ok" else ExitCode.FAILED


def _repaired(done: Repair | None) -> list[Cell]:
    if done is None:
        return []
    return [
        Cell(f"repaired: {done.orphans} orphans are enqueued again, {done.workers} workers that are gone forgotten")
    ]
