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
from qctl.cli.confirm import ask_yes_no
from qctl.cli.exits import ExitCode, exit_code_of_many
from qctl.cli.for_each import each
from qctl.cli.session import Session
from qctl.errors import QctlError, UsageError
from qctl.models import QuietResult, StopResult
from qctl.view import Cell, quantity

EMPTY = "No workers. Start one with `qctl-worker QUEUE`, or all with `qctl up`."

Workers = Annotated[
    list[str] | None, typer.Argument(metavar="[WORKER]...", show_default=False, help="Workers by name, or globs.")
]
All = Annotated[bool, typer.Option("--all", help="Every worker.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@command("list", examples="qctl worker list\nqctl worker list --queue 'email*' --json")
def everyone(
    session: Session,
    queue: Annotated[
        str | None, typer.Option("--queue", metavar="QUEUE", help="Only those that take from it, or from a glob.")
    ] = None,
) -> None:
    """List the workers that live: what each does and since when, its memory, and whether it obeys a pause."""
    found = session.ops.workers.list(queue)
    empty = f"No worker takes from {queue}." if queue else EMPTY
    table = view.Table(view.worker_columns(datetime.now(timezone.utc)), found, empty)
    session.out.listing(documents.workers(found), table)


@command("show", examples="qctl worker show host.42.f00d00\nqctl worker show host.42.f00d00 --json")
def show(session: Session, worker: Annotated[str, typer.Argument(metavar="WORKER", help="Its name.")]) -> None:
    """Show one worker: what it runs, since when, how much it did, what it holds."""
    found = session.ops.workers.show(worker)
    session.out.report(documents.worker(found), view.worker_details(found, datetime.now(timezone.utc)))


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
        str, typer.Option(metavar="TIME", help="Most to wait for a job that is just being taken.")
    ] = "20s",
    yes: Yes = False,
) -> ExitCode:
    """Have workers take nothing new. What they run goes on; they stay quiet until they end or `worker resume`."""
    seconds = durations.parse(timeout, "--timeout")
    names = _chosen(session, workers, everyone, yes, "quiet")
    return _hush(session, names, "quiet", partial(session.ops.workers.quiet, timeout=seconds))


@command("resume", examples="qctl worker resume host.42.f00d00\nqctl worker resume --all --yes", changes=True)
def resume(session: Session, workers: Workers = None, everyone: All = False, yes: Yes = False) -> ExitCode:
    """Have quiet workers go on."""
    names = _chosen(session, workers, everyone, yes, "resume")
    return _hush(session, names, "resume", session.ops.workers.resume)


def _hush(session: Session, names: Sequence[str], verb: str, act: Callable[[str], QuietResult]) -> ExitCode:
    results, failures = each(session, names, act)
    session.out.report(documents.hushed(results, failures, verb), [_hushed(result) for result in results])
    return exit_code_of_many([error for _, error in failures], len(results))


def _hushed(result: QuietResult) -> Cell:
    name = result.worker.name
    if not result.quiet:
        return Cell(f"{name} goes on", "good") if result.changed else Cell(f"{name} was not quiet")
    runs = f"; it still runs {result.worker.current_job}" if result.worker.current_job else ""
    return Cell(f"{name} {'takes' if result.changed else 'already took'} nothing new{runs}", "good")


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
        bool, typer.Option("--now", help="Do not wait for the job that runs: it goes back to its queue.")
    ] = False,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="Most to wait until they are gone; 0s: not at all.")
    ] = "60s",
    yes: Yes = False,
) -> ExitCode:
    """Have workers finish their job and end. Whoever keeps them running (systemd, qctl up) starts new ones.

    With --now they end at once: a job of a worker of qctl's goes back to the head of its queue at no cost, one of RQ's
    own workers fails.
    """
    seconds = durations.parse(timeout, "--timeout")
    names = _chosen(session, workers, everyone, yes, "stop", risky=now)
    with session.out.progress("stopping workers") as progress:
        ended = session.ops.workers.stop(names, now=now, timeout=seconds, waiting=progress)
    results = [one for one in ended if isinstance(one, StopResult)]
    failures = [(name, one) for name, one in zip(names, ended, strict=True) if isinstance(one, QctlError)]
    for _, error in failures:
        session.out.complain_of(error)
    session.out.report(documents.stopped(results, failures), [_stopped(result) for result in results])
    if any(not result.gone for result in results) and seconds:
        return ExitCode.TIMED_OUT
    return exit_code_of_many([error for _, error in failures], len(results))


def _stopped(result: StopResult) -> Cell:
    worker = result.worker
    if result.gone:
        return Cell(f"{worker.name} is gone", "good")
    runs = f" when {worker.current_job} has ended" if worker.current_job and not result.now else ""
    return Cell(f"{worker.name} was told, and ends{runs or ' soon'}", "warn")


def _chosen(
    session: Session, patterns: Sequence[str] | None, everyone: bool, yes: bool, verb: str, *, risky: bool = False
) -> list[str]:
    """The names of the workers that are meant. Asks where they are many, or the act is risky, and there is no --yes.

    A name that no worker has stays as it is: whoever acts on it says so, and goes on with the others.
    """
    if bool(patterns) == everyone:
        raise UsageError(f"name the workers to {verb}, or say --all", "qctl worker list shows them")
    names: dict[str, None] = {}
    for pattern in patterns or ("*",):
        globs = set(pattern) & set("*?[")
        names |= dict.fromkeys(one.name for one in session.ops.workers.select([pattern])) if globs else {pattern: None}
    if not names:
        session.out.say("No worker is meant by that.")
    if names and (len(names) > 1 or risky) and not yes:
        how = " at once" if risky else ""
        ask_yes_no(session.out, f"{verb.capitalize()} {quantity(len(names), 'worker')}{how}?")
    return list(names)
