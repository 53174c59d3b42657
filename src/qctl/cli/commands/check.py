"""`qctl check`: the answer that monitoring systems understand, by one line and an exit code of its own."""

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
qctl check -Q email --max-age 60s:300s --max-dead 1:50 --min-workers 1
qctl check -Q email -Q report --max-depth 1000:5000
qctl check --max-age 10m --json
qctl check -Q 'email*' --max-errors 5%:20%
"""


@command("check", examples=EXAMPLES)
def check(
    session: Session,
    queues: Annotated[
        list[str] | None,
        typer.Option("--queue", "-Q", metavar="GLOB", help="A queue with its lanes; may be repeated. Default: all."),
    ] = None,
    age: Annotated[
        str | None, typer.Option("--max-age", metavar="W:C", help="Of the oldest waiting: 60s:300s.")
    ] = None,
    depth: Annotated[str | None, typer.Option("--max-depth", metavar="W:C", help="Jobs that wait: 1000:5000.")] = None,
    dead: Annotated[str | None, typer.Option("--max-dead", metavar="W:C", help="Dead letters: 1:50.")] = None,
    errors: Annotated[
        str | None, typer.Option("--max-errors", metavar="W:C", help="Runs of the last 5 min that fail: 5%:20%.")
    ] = None,
    workers: Annotated[str | None, typer.Option("--min-workers", metavar="W:C", help="Fewer are bad: 2:1.")] = None,
) -> None:
    """Judge queues for a monitoring system. Exits 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.

    W:C are the values beyond which it warns and is critical; one value alone is the critical one.
    """
    try:
        wanted = Thresholds(
            age=thresholds.parse_age(age, "--max-age") if age else None,
            depth=thresholds.parse_count(depth, "--max-depth") if depth else None,
            dead=thresholds.parse_count(dead, "--max-dead") if dead else None,
            errors=thresholds.parse_share(errors, "--max-errors") if errors else None,
            workers=thresholds.parse_minimum(workers, "--min-workers") if workers else None,
        )
        found = session.ops.checks.run(wanted, queues or ())
    except UnreachableError as error:
        # The convention: what is out of the plug-in's hands, as a server that does not answer, is not UNKNOWN.
        _answer(session, Check(Level.CRITICAL, []), line(Level.CRITICAL, error.message))
    except QctlError as error:
        said = f"{error.message}; {error.hint}" if error.hint else error.message
        _answer(session, Check(Level.UNKNOWN, []), line(Level.UNKNOWN, said))
    except Exception as error:  # noqa: BLE001 - whatever happens, monitoring gets its answer
        _answer(
            session, Check(Level.UNKNOWN, []), line(Level.UNKNOWN, f"internal error: {type(error).__name__}: {error}")
        )
    else:
        _answer(session, found, summary(found))


def _answer(session: Session, found: Check, said: str) -> NoReturn:
    session.out.report(documents.check(found, said), [Cell(said, STYLES[found.level])])
    raise typer.Exit(int(found.level))
