"""`qctl schedule list|next|add|edit|remove|pause|resume|run`: scheduled jobs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Annotated, Any, Literal, cast

import typer

from qctl import durations, view
from qctl.cli import documents, moments
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode, exit_code_of_many
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import TIMER_KINDS, Timer, TimerKind
from qctl.models.schedules import CatchUp, Overlap
from qctl.quantities import quantity
from qctl.view import Cell

EMPTY = "No scheduled jobs. Add a schedule: qctl schedule add NAME JOB --every 1h"

MAX_QUOTED_CHARACTERS = 60
"""Characters of malformed JSON that an error quotes."""

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of schedules, or ids of scheduled jobs.")]
Queue = Annotated[str | None, typer.Option("--queue", metavar="QUEUE", help="Queue name or glob.")]

ScheduleResult = tuple[Timer, bool, str | None]
"""A schedule after an action, True if it changed, and the id of the job that was created."""


@command("list", examples="qctl schedule list\nqctl schedule list --kind cron --json")
def list_schedules(
    session: Session,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Kind: cron, every, rq-scheduler, repeat, retry or once."),
    ] = None,
    queue: Queue = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Maximum number of scheduled jobs beside the schedules.")
    ] = 50,
) -> None:
    """List schedules and delayed jobs, with their problems.

    Includes schedules of qctl and of rq-scheduler, and RQ's delayed, repeated and retried jobs.
    """
    timers = session.ops.schedules.list(kinds=_parse_kinds(kind), queue=queue, limit=limit)
    now = datetime.now(timezone.utc)
    more = timers.total - len(timers.rows)
    footer = [Cell(""), Cell(f"{quantity(more, 'more scheduled job')}; all with --limit {timers.total}", "dim")]
    table = view.Table(view.schedule_columns(now), timers.rows, EMPTY, footer if more > 0 and not kind else ())
    session.out.listing(documents.schedule_list(timers), table)


def _parse_kinds(words: Sequence[str] | None) -> Sequence[TimerKind]:
    for word in words or ():
        if word not in TIMER_KINDS:
            raise UsageError(f"--kind: unknown kind {word!r}", f"allowed kinds: {', '.join(TIMER_KINDS)}")
    return cast("Sequence[TimerKind]", words or TIMER_KINDS)


@command("next", examples="qctl schedule next\nqctl schedule next stock-check --count 5")
def next_(
    session: Session,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", show_default=False, help="Names of schedules. Default: all."),
    ] = None,
    queue: Queue = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, metavar="N", help="Number of runs.")] = 10,
) -> None:
    """Show the next runs."""
    runs = session.ops.schedules.next(names=names or (), queue=queue, count=count)
    table = view.Table(
        view.upcoming_columns(datetime.now(timezone.utc)),
        runs,
        "No upcoming runs. Schedules and paused ones: qctl schedule list",
    )
    session.out.listing(documents.schedule_next(runs), table)


@command(
    "add",
    examples="qctl schedule add nightly stock-check --cron '0 3 * * *'\n"
    "qctl schedule add sales generate-report reportType=sales-analysis --every 1d",
    changes=True,
)
def add(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the schedule: letters, digits, _ and -.")],
    job: Annotated[str, typer.Argument(metavar="JOB", help="Job of the catalog, or function of QCTL_ALLOWED_JOBS.")],
    pairs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", show_default=False, help="Arguments, of the types that the job declares."
        ),
    ] = None,
    cron: Annotated[
        str | None, typer.Option(metavar="RULE", help="Cron rule: minute, hour, day, month, weekday.")
    ] = None,
    every: Annotated[str | None, typer.Option(metavar="TIME", help="Interval between runs: 90s, 30m, 1d.")] = None,
    zone: Annotated[
        str | None,
        typer.Option("--timezone", metavar="ZONE", help="Time zone of --cron: Europe/Berlin. Default: QCTL_TIMEZONE."),
    ] = None,
    catch_up: Annotated[
        str, typer.Option("--catch-up", metavar="POLICY", help="Runs missed while no scheduler ran: skip, one or all.")
    ] = "one",
    overlap: Annotated[
        str,
        typer.Option(
            "--overlap", metavar="POLICY", help="Runs due before the last one ended: allow, skip, or one waits."
        ),
    ] = "allow",
    pause_on_failure: Annotated[
        bool, typer.Option("--pause-on-failure", help="Pause the schedule once a run has failed for good.")
    ] = False,
    repeat: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Total number of runs. Default: endless.")
    ] = None,
    data: Annotated[str | None, typer.Option(metavar="JSON", help="Arguments as one JSON object.")] = None,
    priority: Annotated[int | None, typer.Option(metavar="N", help="Priority: 1 (high) to 10 (low).")] = None,
    queue: Annotated[
        str | None, typer.Option("--queue", metavar="QUEUE", help="Queue of a function. Default: default.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an existing schedule of this name.")] = False,
) -> None:
    """Add a schedule: a cron rule or an interval.

    The scheduler (qctl-scheduler) enqueues the job when it is due.
    """
    if (cron is None) == (every is None):
        raise UsageError("give either --cron or --every")
    _check_policies(catch_up, overlap)
    added = session.ops.schedules.add(
        name,
        job,
        pairs or (),
        None if data is None else _parse_object(data),
        cron=cron,
        every=_interval(every),
        timezone=zone,
        catch_up=cast("CatchUp", catch_up),
        overlap=cast("Overlap", overlap),
        pause_on_failure=pause_on_failure,
        job_queue=queue,
        repeat=repeat,
        job_options=None if priority is None else {"priority": priority},
        replace_existing=replace,
    )
    session.out.report(documents.schedule_add(added), [Cell(_next_runs(added), "good")])


def _next_runs(timer: Timer) -> str:
    rule = view.describe_rule(timer)
    if timer.next_at is None:
        return f"{timer.name}: {timer.job}, paused; {rule[:1].lower()}{rule[1:]}"
    next_run = view.local_time(timer.next_at, datetime.now(timezone.utc))
    return f"{timer.name}: {timer.job}, next run {next_run}, then {rule[:1].lower()}{rule[1:]}"


def _interval(text: str | None) -> int | None:
    return None if text is None else round(durations.parse(text, "--every", min_seconds=1.0))


def _check_policies(catch_up: str | None, overlap: str | None) -> None:
    if catch_up not in (None, "skip", "one", "all"):
        raise UsageError(f"--catch-up: unknown policy {catch_up!r}", "allowed: skip, one, all")
    if overlap not in (None, "allow", "skip", "one"):
        raise UsageError(f"--overlap: unknown policy {overlap!r}", "allowed: allow, skip, one")


@command(
    "edit",
    examples="qctl schedule edit nightly --cron '30 2 * * *'\nqctl schedule edit sales reportType=stock --overlap skip",
    changes=True,
)
def edit(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a schedule.")],
    pairs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", show_default=False, help="Arguments to replace; the others stay."),
    ] = None,
    cron: Annotated[str | None, typer.Option(metavar="RULE", help="Cron rule instead of the times so far.")] = None,
    every: Annotated[str | None, typer.Option(metavar="TIME", help="Interval instead: 90s, 30m, 1d.")] = None,
    zone: Annotated[str | None, typer.Option("--timezone", metavar="ZONE", help="Time zone: Europe/Berlin.")] = None,
    catch_up: Annotated[
        str | None, typer.Option("--catch-up", metavar="POLICY", help="Missed runs: skip, one or all.")
    ] = None,
    overlap: Annotated[
        str | None, typer.Option("--overlap", metavar="POLICY", help="Runs due too early: allow, skip, or one waits.")
    ] = None,
    pause_on_failure: Annotated[
        bool | None, typer.Option("--pause-on-failure/--no-pause-on-failure", help="Pause once a run has failed.")
    ] = None,
    repeat: Annotated[int | None, typer.Option(min=0, metavar="N", help="Number of further runs; 0: endless.")] = None,
    data: Annotated[str | None, typer.Option(metavar="JSON", help="All arguments as one JSON object.")] = None,
) -> None:
    """Change the times, arguments or policies of a schedule.

    What is not given stays, a pause too.
    """
    if cron is not None and every is not None:
        raise UsageError("give either --cron or --every")
    _check_policies(catch_up, overlap)
    edited = session.ops.schedules.edit(
        name,
        pairs or (),
        None if data is None else _parse_object(data),
        cron=cron,
        every=_interval(every),
        timezone=zone,
        catch_up=cast("CatchUp | None", catch_up),
        overlap=cast("Overlap | None", overlap),
        pause_on_failure=pause_on_failure,
        repeat=repeat,
    )
    session.out.report(documents.schedule_edit(edited), [Cell(_next_runs(edited), "good")])


def _parse_object(text: str) -> dict[str, Any]:
    quoted = repr(text[:MAX_QUOTED_CHARACTERS])
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--data: {quoted} is not JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise UsageError(f"--data: {quoted} is not a JSON object")
    return arguments


@command("remove", examples="qctl schedule remove nightly", changes=True)
def remove(session: Session, names: Names) -> ExitCode:
    """Remove schedules, or cancel scheduled jobs.

    Jobs that are already enqueued stay.
    """

    def action(name: str) -> ScheduleResult:
        return session.ops.schedules.remove(name), True, None

    return _for_each(session, names, "remove", action, lambda result: f"{result[0].name} removed")


@command("pause", examples="qctl schedule pause nightly", changes=True)
def pause(session: Session, names: Names) -> ExitCode:
    """Pause schedules or scheduled jobs.

    Runs that fall into the pause are skipped.
    """

    def action(name: str) -> ScheduleResult:
        return (*session.ops.schedules.pause(name), None)

    def describe(result: ScheduleResult) -> str:
        return f"{result[0].name} {'paused' if result[1] else 'was already paused'}"

    return _for_each(session, names, "pause", action, describe)


@command("resume", examples="qctl schedule resume nightly", changes=True)
def resume(session: Session, names: Names) -> ExitCode:
    """Resume paused schedules or scheduled jobs."""
    now = datetime.now(timezone.utc)

    def action(name: str) -> ScheduleResult:
        return (*session.ops.schedules.resume(name), None)

    def describe(result: ScheduleResult) -> str:
        verb = "resumed" if result[1] else "was not paused"
        return f"{result[0].name} {verb}; next run {view.local_time(result[0].next_at, now)}"

    return _for_each(session, names, "resume", action, describe)


@command(
    "blackout",
    examples="qctl schedule blackout nightly 'mon-fri 08:00-18:00' --timezone Europe/Berlin\n"
    "qctl schedule blackout nightly none",
    changes=True,
)
def blackout(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a schedule.")],
    windows: Annotated[
        str, typer.Argument(metavar="WINDOWS", help="'22:00-06:00', 'mon-fri 08:00-18:00; sun 00:00-24:00', or none.")
    ],
    zone: Annotated[
        str | None,
        typer.Option("--timezone", metavar="ZONE", help="Zone of the times: Europe/Berlin. Default: QCTL_TIMEZONE."),
    ] = None,
) -> ExitCode:
    """Set windows in which a schedule is not due.

    Runs that its rule has in a window are left out. To stop the jobs of a queue instead: qctl limit set --blackout.
    """
    now = datetime.now(timezone.utc)

    def action(name: str) -> ScheduleResult:
        return (*session.ops.schedules.blackout(name, None if windows == "none" else windows, zone), None)

    def describe(result: ScheduleResult) -> str:
        which = f"blackout {result[0].blackout.partition(' ')[2]}" if result[0].blackout else "no blackout"
        return f"{result[0].name}: {which}; next run {view.local_time(result[0].next_at, now)}"

    return _for_each(session, [name], "blackout", action, describe)


@command("skip", examples="qctl schedule skip nightly", changes=True)
def skip(session: Session, names: Names) -> ExitCode:
    """Leave out the next run of schedules."""
    now = datetime.now(timezone.utc)

    def action(name: str) -> ScheduleResult:
        return (*session.ops.schedules.skip(name), None)

    def describe(result: ScheduleResult) -> str:
        return f"{result[0].name}: run skipped; next run {view.local_time(result[0].next_at, now)}"

    return _for_each(session, names, "skip", action, describe)


@command(
    "backfill",
    examples="qctl schedule backfill nightly --since 7d --dry-run\n"
    "qctl schedule backfill nightly --since 2026-11-01 --until 2026-11-08",
    changes=True,
)
def backfill(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a schedule.")],
    since: Annotated[str, typer.Option(metavar="TIME", help="Begin of the span: 7d ago as 7d, or 2026-11-01.")],
    until: Annotated[str | None, typer.Option(metavar="TIME", help="End of the span. Default: now.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the runs.")] = False,
) -> None:
    """Enqueue the runs of a past span now, one job each.

    A run whose job exists is not enqueued again. At most 1000 runs.
    """
    start, end = moments.parse(since, "--since") or 0.0, moments.parse(until or "0s", "--until") or 0.0
    times = session.ops.schedules.backfill_times(name, start, end)
    created = [] if dry_run else session.ops.schedules.backfill(name, start, end)
    now = datetime.now(timezone.utc)
    if dry_run:
        lines = [Cell(view.local_time(at, now)) for at in times]
        lines.append(Cell(f"{name}: {quantity(len(times), 'run')} would be enqueued"))
    else:
        lines = [Cell(f"{name}: {len(created)} of {quantity(len(times), 'run')} enqueued", "good")]
    session.out.report(documents.schedule_backfill(name, times, created, dry_run), lines)


@command("run", examples="qctl schedule run nightly\nqctl schedule run nightly -o name", changes=True)
def run(session: Session, names: Names) -> ExitCode:
    """Run schedules or scheduled jobs now.

    The times of a schedule stay as they are; a scheduled job runs once, now.
    """

    def action(name: str) -> ScheduleResult:
        timer, job = session.ops.schedules.run(name)
        return timer, True, job

    def describe(result: ScheduleResult) -> str:
        return f"{result[0].name}: job {result[2]} enqueued in {result[0].queue}"

    return _for_each(session, names, "run", action, describe)


def _for_each(
    session: Session,
    names: Sequence[str],
    verb: Literal["remove", "pause", "resume", "run", "skip", "blackout"],
    action: Callable[[str], ScheduleResult],
    describe: Callable[[ScheduleResult], str],
) -> ExitCode:
    results, failures = session.for_each(names, action)
    lines = [Cell(describe(result), "good" if result[1] else "") for result in results]
    session.out.report(documents.schedule_actions(verb, results, failures), lines)
    return exit_code_of_many([error for _, error in failures], len(results))
