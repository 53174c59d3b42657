"""`qctl worker list|show|quiet|resume|stop`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode, exit_code_of_many
from qctl.cli.prompts import confirm
from qctl.cli.session import Session
from qctl.errors import QctlError, UsageError
from qctl.models import QuietResult, StopResult
from qctl.view import Cell, quantity

EMPTY = "No workers. Start one with `qctl-worker QUEUE`, or the whole stack with `qctl up`."

Workers = Annotated[
    list[str] | None, typer.Argument(metavar="[WORKER]...", show_default=False, help="Names of workers, or globs.")
]
All = Annotated[bool, typer.Option("--all", help="All workers.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="No confirmation.")]


@command(
    "list",
    examples="qctl worker list\nqctl worker list --queue 'email*' --json",
    fleet=True,
)
def list_workers(
    session: Session,
    queue: Annotated[
        str | None, typer.Option("--queue", metavar="QUEUE", help="Queue that they listen on, or a glob.")
    ] = None,
) -> None:
    """List live workers with their jobs, memory and uptime."""
    workers = session.ops.workers.list(queue)
    empty = f"No worker listens on {queue}." if queue else EMPTY
    table = view.Table(view.worker_columns(datetime.now(timezone.utc)), workers, empty)
    session.out.listing(documents.worker_list(workers), table)


@command("show", examples="qctl worker show host.42.f00d00\nqctl worker show host.42.f00d00 --json")
def show(session: Session, worker: Annotated[str, typer.Argument(metavar="WORKER", help="Name of a worker.")]) -> None:
    """Show one worker: current job, totals, memory, pause."""
    detail = session.ops.workers.show(worker)
    session.out.report(documents.worker_show(detail), view.worker_details(detail, datetime.now(timezone.utc)))


@command(
    "quiet",
    examples="qctl worker quiet host.42.f00d00\nqctl worker quiet --all --yes",
    changes=True,
)
def quiet(
    session: Session,
    workers: Workers = None,
    everyone: All = False,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="Maximum time to wait for a job that is being claimed.")
    ] = "20s",
    yes: Yes = False,
) -> ExitCode:
    """Stop workers from claiming new jobs.

    Running jobs finish. Workers stay quiet until they end, or until `qctl worker resume`.
    """
    seconds = durations.parse(timeout, "--timeout")
    names = _select(session, workers, everyone, yes, "quiet")
    return _set_quiet(session, names, "quiet", partial(session.ops.workers.quiet, timeout=seconds))


@command("resume", examples="qctl worker resume host.42.f00d00\nqctl worker resume --all --yes", changes=True)
def resume(session: Session, workers: Workers = None, everyone: All = False, yes: Yes = False) -> ExitCode:
    """Let quiet workers claim jobs again."""
    names = _select(session, workers, everyone, yes, "resume")
    return _set_quiet(session, names, "resume", session.ops.workers.resume)


def _set_quiet(session: Session, names: Sequence[str], verb: str, action: Callable[[str], QuietResult]) -> ExitCode:
    results, failures = session.for_each(names, action)
    session.out.report(documents.worker_quiet(results, failures, verb), [_quiet_line(result) for result in results])
    return exit_code_of_many([error for _, error in failures], len(results))


def _quiet_line(result: QuietResult) -> Cell:
    worker = result.worker
    if not result.quiet:
        return Cell(f"{worker.name} resumed", "good") if result.changed else Cell(f"{worker.name} was not quiet")
    running = f"; still running {worker.current_job}" if worker.current_job else ""
    return Cell(f"{worker.name} {'is' if result.changed else 'was already'} quiet{running}", "good")


@command(
    "stop",
    examples="qctl worker stop host.42.f00d00\nqctl worker stop 'host.*' --yes\nqctl worker stop --all --now --yes",
    changes=True,
)
def stop(
    session: Session,
    workers: Workers = None,
    everyone: All = False,
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for running jobs: they return to their queue.")
    ] = False,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="Maximum time to wait until they have ended; 0s does not wait.")
    ] = "60s",
    yes: Yes = False,
) -> ExitCode:
    """Stop workers after their current job.

    A supervisor (systemd, qctl up) starts new ones. With --now they end at once: a job of qctl's worker returns to the
    head of its queue without using up an attempt, a job of RQ's own worker fails.
    """
    seconds = durations.parse(timeout, "--timeout")
    names = _select(session, workers, everyone, yes, "stop", risky=now)
    with session.out.progress("stopping workers") as progress:
        outcomes = session.ops.workers.stop(names, now=now, timeout=seconds, waiting=progress)
    results = [outcome for outcome in outcomes if isinstance(outcome, StopResult)]
    failures = [
        (name, outcome) for name, outcome in zip(names, outcomes, strict=True) if isinstance(outcome, QctlError)
    ]
    for _, error in failures:
        session.out.complain_of(error)
    session.out.report(documents.worker_stop(results, failures), [_stop_line(result) for result in results])
    if any(not result.gone for result in results) and seconds:
        return ExitCode.TIMED_OUT
    return exit_code_of_many([error for _, error in failures], len(results))


def _stop_line(result: StopResult) -> Cell:
    worker = result.worker
    if result.gone:
        return Cell(f"{worker.name} stopped", "good")
    end = f"after {worker.current_job}" if worker.current_job and not result.now else "soon"
    return Cell(f"{worker.name} was asked to stop, and ends {end}", "warn")


def _select(
    session: Session, patterns: Sequence[str] | None, everyone: bool, yes: bool, verb: str, *, risky: bool = False
) -> list[str]:
    """Return the names of the selected workers. Asks for confirmation if they are several or the action is risky.

    A name that no worker has is returned as it is: the action reports it and continues with the others.
    """
    if bool(patterns) == everyone:
        raise UsageError(f"give the workers to {verb}, or --all", "list them with `qctl worker list`")
    names: dict[str, None] = {}
    for pattern in patterns or ("*",):
        if set(pattern) & set("*?["):
            names |= dict.fromkeys(worker.name for worker in session.ops.workers.select([pattern]))
        else:
            names[pattern] = None
    if not names:
        session.out.say("No matching workers.")
    if names and (len(names) > 1 or risky) and not yes:
        when = " at once" if risky else ""
        confirm(session.out, f"{verb.capitalize()} {quantity(len(names), 'worker')}{when}?")
    return list(names)
