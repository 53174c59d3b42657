"""`qctl retry`: jobs run again, by id or all that match."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from qctl import durations
from qctl.cli import rates
from qctl.cli.bulk import DryRun, Rate, Telling, Yes, carry_out
from qctl.cli.command import command
from qctl.cli.exits import ExitCode
from qctl.cli.job_selectors import Choice, selecting
from qctl.cli.session import Session
from qctl.errors import UsageError

EXAMPLES = """
qctl retry 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11
qctl retry --all --queue 'email*' --dry-run
qctl retry --error 'connection refused' --canary 1 --rate 10/s
qctl dlq list -o name | qctl retry - --yes
"""

RETRYING = Telling("retry", "retry", "Run again", "retrying", "run again")


@command("retry", examples=EXAMPLES, changes=True)
@selecting
def retry(
    session: Session,
    choice: Choice,
    canary: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Run N first, the others once those have finished well."),
    ] = None,
    canary_timeout: Annotated[str, typer.Option(metavar="TIME", help="Most to wait for those.")] = "60s",
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Run dead letters again: each goes back to the end of its queue. Canceled jobs too, by id or --state.

    Exits 8 where a canary failed again, and 7 where it did not end in time.
    """
    timeout = durations.parse(canary_timeout, "--canary-timeout")
    do = partial(
        session.ops.jobs.retry,
        rate=rates.parse(rate, "--rate"),
        first=canary or 0,
        timeout=timeout,
    )
    if canary and dry_run:
        raise UsageError("--canary and --dry-run exclude each other")
    return carry_out(session, RETRYING, choice, do, dry_run=dry_run, yes=yes)
