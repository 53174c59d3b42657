"""`qctl schedule list|next|add|remove|pause|resume|run`: what comes at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Annotated, Any, Literal, cast

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exits import ExitCode, exit_code_of_many
from qctl.cli.for_each import each
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import TIMER_KINDS, Timer, TimerKind
from qctl.models.schedules import CatchUp
from qctl.view import Cell

EMPTY = "Nothing comes at a time. Add a schedule: qctl schedule add NAME JOB --every 1h"

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Schedules by name, or jobs by id.")]
Queue = Annotated[str | None, typer.Option("--queue", metavar="QUEUE", help="Only of this queue, or of a glob.")]

Done = tuple[Timer, bool, str | None]


@command("list", examples="qctl schedule list\nqctl schedule list --kind cron --json")
def everything(
    session: Session,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Only cron, every, rq-scheduler, repeat, retry, once."),
    ] = None,
    queue: Queue = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Most jobs to list beside the schedules.")
    ] = 50,
) -> None:
    """List what comes at a time, when it came last, and what is not as it should be.

    Schedules of qctl's, those that a stock rq-scheduler keeps, and jobs of RQ's that wait: delayed, repeated, retried.
    """
    found = session.ops.schedules.list(kinds=_kinds(kind), queue=queue, limit=limit)
    now = datetime.now(timezone.utc)
    more = found.total - len(found.rows)
    footer = [Cell(""), Cell(f"{more} more jobs wait for their time: --limit {found.total} lists them", "dim")]
    table = view.Table(view.schedule_columns(now), found.rows, EMPTY, footer if more > 0 and not kind else ())
    session.out.listing(documents.timers(found), table)


def _kinds(given: Sequence[str] | None) -> Sequence[TimerKind]:
    for one in given or ():
        if one not in TIMER_KINDS:
            raise UsageError(f"--kind: {one!r} is not one of {', '.join(TIMER_KINDS)}")
    return cast("Sequence[TimerKind]", given or TIMER_KINDS)


@command("next", examples="qctl schedule next\nqctl schedule next stock-check --count 5")
def next_(
    session: Session,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", show_default=False, help="Only these. Default: all.")
    ] = None,
    queue: Queue = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, metavar="N", help="How many times.")] = 10,
) -> None:
    """Show the times that come next."""
    found = session.ops.schedules.next(names=names or (), queue=queue, count=count)
    table = view.Table(view.upcoming_columns(datetime.now(timezone.utc)), found, "Nothing comes.")
    session.out.listing(documents.comings(found), table)


@command(
    "add",
    examples="qctl schedule add nightly stock-check --cron '0 3 * * *'\n"
    "qctl schedule add sales generate-report reportType=sales-analysis --every 1d",
    changes=True,
)
def add(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called: letters, digits, _ and -.")],
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job of the catalog.")],
    pairs: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", show_default=False, help="The job's arguments.")
    ] = None,
    cron: Annotated[str | None, typer.Option(metavar="RULE", help="Minute, hour, day, month, weekday.")] = None,
    every: Annotated[str | None, typer.Option(metavar="TIME", help="Again and again after: 90s, 30m, 1d.")] = None,
    zone: Annotated[
        str | None,
        typer.Option("--timezone", metavar="ZONE", help="Of the cron rule: Europe/Berlin. Default: QCTL_TIMEZONE."),
    ] = None,
    catch_up: Annotated[
        str, typer.Option("--catch-up", metavar="POLICY", help="Of times nobody was there for: skip, one or all.")
    ] = "one",
    repeat: Annotated[int | None, typer.Option(min=1, metavar="N", help="End after so many times.")] = None,
    data: Annotated[str | None, typer.Option(metavar="JSON", help="The arguments as one JSON object.")] = None,
    priority: Annotated[int | None, typer.Option(metavar="N", help="1 high, 5 normal, 10 low.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of one of this name.")] = False,
) -> None:
    """Have a job come by a cron rule, or every so often. The scheduler (qctl-scheduler) makes it when it is due."""
    if (cron is None) == (every is None):
        raise UsageError("say when it comes: either --cron or --every")
    if catch_up not in ("skip", "one", "all"):
        raise UsageError(f"--catch-up: {catch_up!r} is not skip, one or all")
    interval = None if every is None else durations.parse(every, "--every", shortest=1.0)
    made = session.ops.schedules.add(
        name,
        job,
        pairs or (),
        None if data is None else _object(data),
        cron=cron,
        every=None if interval is None else round(interval),
        timezone=zone,
        catch_up=cast("CatchUp", catch_up),
        repeat=repeat,
        how=None if priority is None else {"priority": priority},
        replacing=replace,
    )
    now = datetime.now(timezone.utc)
    words = view.describe_rule(made)
    line = f"{made.name}: {made.job} comes {view.local_time(made.next_at, now)}, then {words[:1].lower()}{words[1:]}"
    session.out.report(documents.scheduled(made), [Cell(line, "good")])


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--data: {text[:60]!r} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"--data: {text[:60]!r} is not a JSON object")
    return found


@command("remove", examples="qctl schedule remove nightly", changes=True)
def remove(session: Session, names: Names) -> ExitCode:
    """Forget schedules, or cancel jobs that wait for their time. What was made already stays."""

    def act(name: str) -> Done:
        return session.ops.schedules.remove(name), True, None

    return _each(session, names, "remove", act, lambda done: f"{done[0].name} comes no more")


@command("pause", examples="qctl schedule pause nightly", changes=True)
def pause(session: Session, names: Names) -> ExitCode:
    """Let schedules or jobs that wait come no more until `schedule resume`. Times that pass are not made up for."""

    def act(name: str) -> Done:
        return (*session.ops.schedules.pause(name), None)

    return _each(
        session, names, "pause", act, lambda done: f"{done[0].name} {'is' if done[1] else 'was already'} paused"
    )


@command("resume", examples="qctl schedule resume nightly", changes=True)
def resume(session: Session, names: Names) -> ExitCode:
    """Let paused schedules or jobs come again."""
    now = datetime.now(timezone.utc)

    def act(name: str) -> Done:
        return (*session.ops.schedules.resume(name), None)

    def said(done: Done) -> str:
        when = f"comes {view.local_time(done[0].next_at, now)}"
        return f"{done[0].name} {when}" if done[1] else f"{done[0].name} was not paused; it {when}"

    return _each(session, names, "resume", act, said)


@command("run", examples="qctl schedule run nightly\nqctl schedule run nightly -o name", changes=True)
def run(session: Session, names: Names) -> ExitCode:
    """Run schedules now, beside their times, or jobs that wait, before their time."""

    def act(name: str) -> Done:
        row, job = session.ops.schedules.run(name)
        return row, True, job

    return _each(session, names, "run", act, lambda done: f"{done[0].name}: job {done[2]} waits in {done[0].queue}")


def _each(
    session: Session,
    names: Sequence[str],
    verb: Literal["remove", "pause", "resume", "run"],
    act: Callable[[str], Done],
    said: Callable[[Done], str],
) -> ExitCode:
    done, failures = each(session, names, act)
    lines = [Cell(said(one), "good" if one[1] else "") for one in done]
    session.out.report(documents.schedule_acts(verb, done, failures), lines)
    return exit_code_of_many([error for _, error in failures], len(done))
