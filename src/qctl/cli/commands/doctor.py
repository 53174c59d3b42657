"""`qctl doctor`: problems of the installation and their fixes."""

from __future__ import annotations

from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.session import Session
from qctl.models import STATUS_ORDER, Repair
from qctl.view import Cell, quantity


@command("doctor", examples="qctl doctor\nqctl doctor --json\nqctl doctor --repair", changes="repair")
def doctor(
    session: Session,
    repair: Annotated[
        bool, typer.Option("--repair", help="First repair what dead workers and lost data left behind.")
    ] = False,
) -> ExitCode:
    """Diagnose the whole installation, and say what to fix.

    Exits 0 if all is well, 1 if there is a problem, 4 if Redis does not answer.
    """
    repaired = None
    if repair:
        with session.out.progress("repairing") as progress:
            repaired = session.ops.doctor.repair(progress=progress)
    with session.out.progress("examining") as progress:
        health = session.ops.doctor.examine(session.sources, progress=progress)
    findings = sorted(health.findings, key=lambda finding: STATUS_ORDER.index(finding.status))
    status = f"status: {health.status}"
    footer = [Cell(""), *_repair_summary(repaired), Cell(status, view.HEALTH_STYLES[health.status])]
    table = view.Table(view.finding_columns(), findings, status, footer)
    session.out.listing(documents.doctor(health, repaired), table)
    if any(finding.check == "redis" and finding.status == "down" for finding in health.findings):
        return ExitCode.UNREACHABLE
    return ExitCode.DONE if health.status == "ok" else ExitCode.FAILED


def _repair_summary(repair: Repair | None) -> list[Cell]:
    if repair is None:
        return []
    orphans, workers = quantity(repair.orphans, "orphaned job"), quantity(repair.workers, "dead worker")
    parts = [f"{orphans} enqueued again", f"{workers} removed"]
    if repair.abandoned:
        letters = quantity(repair.dead, "dead letter")
        again = repair.abandoned - repair.dead
        parts.append(f"{quantity(repair.abandoned, 'abandoned job')} ended ({letters}, {again} tried again)")
    returned = repair.unstarted + repair.recovered + repair.ready
    parts += [f"{quantity(returned, 'job')} put back to the queue"] if returned else []
    gone = repair.ended + repair.ghosts
    parts += [f"{quantity(gone, 'stale id')} removed"] if gone else []
    parts += [f"{quantity(repair.queues, 'queue')} listed again"] if repair.queues else []
    return [Cell(f"repaired: {', '.join(parts)}")]
