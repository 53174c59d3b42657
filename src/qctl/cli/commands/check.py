"""`qctl check`: one line and an exit code in the convention of monitoring plug-ins."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from qctl import thresholds
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.errors import QctlError, UnreachableError
from qctl.models import Check, Level, Thresholds
from qctl.view import Cell, Style
from qctl.view.nagios import line, summary

STYLES: dict[Level, Style] = {Level.OK: "good", Level.WARNING: "warn", Level.CRITICAL: "bad", Level.UNKNOWN: "warn"}

EXAMPLES = """
qctl check
qctl check -Q email --max-age 60s:300s --max-dead 1:50 --min-workers 1
qctl check -Q email -Q report --max-depth 1000:5000
qctl check --max-age 10m --json
qctl check -Q 'email*' --max-errors 5%:20%
"""


@command("check", examples=EXAMPLES, fleet=True)
def check(
    session: Session,
    queues: Annotated[
        list[str] | None,
        typer.Option("--queue", "-Q", metavar="GLOB", help="Queue with its lanes, or glob; repeatable. Default: all."),
    ] = None,
    age: Annotated[
        str | None, typer.Option("--max-age", metavar="W:C", help="Maximum age of the oldest waiting job: 60s:300s.")
    ] = None,
    depth: Annotated[
        str | None, typer.Option("--max-depth", metavar="W:C", help="Maximum number of waiting jobs: 1000:5000.")
    ] = None,
    dead: Annotated[
        str | None, typer.Option("--max-dead", metavar="W:C", help="Maximum number of dead letters: 1:50.")
    ] = None,
    errors: Annotated[
        str | None,
        typer.Option("--max-errors", metavar="W:C", help="Maximum share of failed runs in the last 5 min: 5%:20%."),
    ] = None,
    workers: Annotated[
        str | None, typer.Option("--min-workers", metavar="W:C", help="Minimum number of workers: 2:1.")
    ] = None,
) -> None:
    """Check queues against thresholds, for a monitoring system.

    Without thresholds, the rules of `qctl health` judge: an error is CRITICAL. W:C is a warning and a critical
    threshold; a single value is the critical one. Exits 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    """
    try:
        limits = Thresholds(
            age=thresholds.parse_age(age, "--max-age") if age else None,
            depth=thresholds.parse_count(depth, "--max-depth") if depth else None,
            dead=thresholds.parse_count(dead, "--max-dead") if dead else None,
            errors=thresholds.parse_share(errors, "--max-errors") if errors else None,
            workers=thresholds.parse_minimum(workers, "--min-workers") if workers else None,
        )
        result = session.ops.checks.run(limits, queues or ())
    except UnreachableError as error:
        # By convention, a failure outside the plug-in, such as an unreachable server, is CRITICAL and not UNKNOWN.
        _report(session, Check(Level.CRITICAL, []), line(Level.CRITICAL, error.message))
    except QctlError as error:
        problem = f"{error.message}; {error.hint}" if error.hint else error.message
        _report(session, Check(Level.UNKNOWN, []), line(Level.UNKNOWN, problem))
    except Exception as error:  # noqa: BLE001 - a monitoring system needs its line whatever happens
        problem = f"internal error: {type(error).__name__}: {error}"
        _report(session, Check(Level.UNKNOWN, []), line(Level.UNKNOWN, problem))
    else:
        _report(session, result, summary(result))


def _report(session: Session, result: Check, text: str) -> NoReturn:
    session.out.report(documents.check(result, text), [Cell(text, STYLES[result.level])])
    raise typer.Exit(int(result.level))
