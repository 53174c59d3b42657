"""`qctl retry`, `qctl job retry` and `qctl dlq retry`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from qctl import durations, rates
from qctl.cli.bulk_actions import BulkAction, DryRun, Rate, Yes, run_bulk_action
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.job_selection import SelectedJobs, with_selection
from qctl.cli.session import Session
from qctl.errors import UsageError

EXAMPLES = """
qctl retry 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11
qctl retry --all --queue 'email*' --dry-run
qctl retry --error 'connection refused' --canary 1 --rate 10/s
qctl dlq list -o name | qctl retry - --yes
"""

REPLAY_EXAMPLES = """
qctl job replay 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11
qctl job replay --queue reports --since 2h --dry-run
qctl job replay --where 'name=send-news and age<1d' --canary 1 --rate 10/s
"""

RETRY = BulkAction("retry", "retry", "Run again", "retrying", "enqueued again")
REPLAY = BulkAction("replay", "job.replay", "Run copies of", "replaying", "copied and enqueued", noun="finished job")

Canary = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Number of jobs to run first; the rest follow if these finish."),
]
CanaryTimeout = Annotated[str, typer.Option(metavar="TIME", help="Maximum time to wait for the canaries.")]


@command("retry", examples=EXAMPLES, changes=True)
@with_selection
def retry(
    session: Session,
    jobs: SelectedJobs,
    canary: Canary = None,
    canary_timeout: CanaryTimeout = "60s",
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Run dead letters again, from the end of their queue.

    Canceled jobs run again too, selected by id or --state. Exits 8 if a canary fails again, 7 if it does not end in
    time.
    """
    timeout = durations.parse(canary_timeout, "--canary-timeout")
    run = partial(
        session.ops.jobs.retry,
        rate=rates.parse(rate, "--rate"),
        first=canary or 0,
        timeout=timeout,
    )
    if canary and dry_run:
        raise UsageError("--canary cannot be combined with --dry-run")
    return run_bulk_action(session, RETRY, jobs, run, dry_run=dry_run, yes=yes)


@command("replay", examples=REPLAY_EXAMPLES, changes=True)
@with_selection
def replay(
    session: Session,
    jobs: SelectedJobs,
    again: Annotated[bool, typer.Option("--again", help="Copy jobs once more that have a copy.")] = False,
    canary: Canary = None,
    canary_timeout: CanaryTimeout = "60s",
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Run copies of finished jobs, from the end of their queue.

    The originals stay. Each copy has an id of its own and is linked to its original. Exits 8 if a canary fails, 7 if it
    does not end in time.
    """
    if canary and dry_run:
        raise UsageError("--canary cannot be combined with --dry-run")
    run = partial(
        session.ops.jobs.replay,
        again=again,
        rate=rates.parse(rate, "--rate"),
        first=canary or 0,
        timeout=durations.parse(canary_timeout, "--canary-timeout"),
    )
    return run_bulk_action(session, REPLAY, jobs, run, dry_run=dry_run, yes=yes)
