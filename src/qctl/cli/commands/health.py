"""`qctl ping`: checks Redis. `qctl health`: checks everything that qctl needs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.session import Session
from qctl.view import Cell

EXIT_CODES = {"ok": ExitCode.DONE, "degraded": ExitCode.FAILED, "down": ExitCode.UNREACHABLE}
"""Status -> exit code, from good to bad."""


@command("ping", examples="qctl ping\nqctl ping --json\nqctl --redis-url redis://10.0.0.5:6379/1 ping")
def ping(session: Session) -> None:
    """Check whether Redis answers.

    Exits 4 if it does not.
    """
    answer = session.ops.health.ping()
    line = f"Redis {answer.redis_version} at {answer.target} answered in {answer.rtt * 1000:.1f} ms"
    session.out.report(documents.ping(answer), [Cell(line, "good")])


@command("health", examples="qctl health\nqctl health --all\nqctl health --json", fleet=True)
def health(
    session: Session,
    all_: Annotated[bool, typer.Option("--all", help="List also what is well, instead of one line for it.")] = False,
) -> ExitCode:
    """Check whether jobs are flowing, and what to fix.

    Lists problems, the worst first, with how long each has lasted and the next command. Exits 0 if ok, 1 if degraded, 4
    if down.
    """
    result = session.ops.health.check()
    rows = [*result.problems, *result.passed] if all_ else view.problem_rows(result)
    footer = [Cell(""), Cell(f"status: {result.status}", view.HEALTH_STYLES[result.status])]
    table = view.Table(view.finding_columns(datetime.now(timezone.utc)), rows, "", footer)
    session.out.listing(documents.health(result), table)
    return EXIT_CODES[result.status]
