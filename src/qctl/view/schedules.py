"""Tables of schedules and upcoming runs, and rules in plain English."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.quantities import quantity
from qctl.safe import escape_line
from qctl.view.annotations import note_text
from qctl.view.details import detail_line, section
from qctl.view.schedule_runs import run_lines, run_strip
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, age, duration, local_time

if TYPE_CHECKING:
    from qctl.models import Coming, Concern, Timer
    from qctl.view.table import Style


def schedule_columns(now: datetime) -> list[Column[Timer]]:
    """Return the columns of schedules."""
    return [
        Column("NAME", lambda t: Cell(escape_line(t.name)), min_width=12, whole=True),
        Column("KIND", lambda t: Cell(t.kind), drop=4),
        Column("JOB", lambda t: Cell(escape_line(t.job)), min_width=10, drop=3),
        Column("QUEUE", lambda t: Cell(escape_line(t.queue)), min_width=8, drop=5),
        Column("NEXT", lambda t: _next(t, now)),
        Column("LAST", lambda t: Cell(_last(t, now)), drop=1),
        Column("RUNS", lambda t: run_strip(t.last_runs), drop=2),
        Column("RULE", lambda t: Cell(escape_line(describe_rule(t)), "dim"), min_width=12, drop=6),
        Column("STATE", lambda t: schedule_state(t, now), long=True),
    ]


def delayed_columns(now: datetime) -> list[Column[Timer]]:
    """Return the columns of jobs that are due later."""
    return [
        Column("DUE", lambda t: _next(t, now)),
        Column("JOB", lambda t: Cell(escape_line(t.job)), min_width=10),
        Column("QUEUE", lambda t: Cell(escape_line(t.queue)), min_width=8, drop=2),
        Column("KIND", lambda t: Cell(t.kind), drop=3),
        Column("ID", lambda t: Cell(escape_line(t.name)), min_width=12, whole=True),
        Column("LAST", lambda t: Cell(_last(t, now)), drop=4),
        Column("RULE", lambda t: Cell(escape_line(describe_rule(t)), "dim"), min_width=12, drop=5),
        Column("STATE", lambda t: schedule_state(t, now), long=True),
    ]


def schedule_details(timer: Timer, next_runs: Sequence[Coming], now: datetime) -> Iterator[Cell]:
    """Yield all about a schedule or a delayed job, one on each line, with its last and its next runs."""
    state = schedule_state(timer, now)
    last = None if timer.last_at is None else f"{_last(timer, now)}, job {timer.last_job or NO_VALUE}"
    fields = {
        "job": timer.job,
        "queue": timer.queue,
        "rule": describe_rule(timer),
        "cron": timer.cron and f"{timer.cron}  ({timer.timezone})",
        "catch-up": timer.catch_up,
        "runs": None if timer.runs is None else str(timer.runs),
        "left": None if timer.left is None else str(timer.left),
        "last": last,
        "from": timer.source,
        "payload": timer.payload and " ".join(timer.payload.split()),
    }
    if state.text:
        yield detail_line("state", state.text, state.style)
    yield from (detail_line(name, text) for name, text in fields.items() if text)
    yield from section("next runs" if next_runs else "no next run is known")
    yield from (Cell(f"{local_time(run.at, now)}  in {_until(run.at, now)}") for run in next_runs)
    if timer.last_runs:
        yield from section("last runs")
        yield from run_lines(timer.last_runs, now)


def upcoming_columns(now: datetime) -> list[Column[Coming]]:
    """Return the columns of upcoming runs."""
    return [
        Column("AT", lambda c: Cell(local_time(c.at, now))),
        Column("IN", lambda c: Cell(_until(c.at, now)), right=True),
        Column("NAME", lambda c: Cell(escape_line(c.timer.name)), min_width=12),
        Column("JOB", lambda c: Cell(escape_line(c.timer.job)), min_width=10),
        Column("QUEUE", lambda c: Cell(escape_line(c.timer.queue)), min_width=8, drop=1),
        Column("KIND", lambda c: Cell(c.timer.kind), drop=2),
        Column("BLACKOUT", lambda c: Cell(blackout_text(c.timer)), drop=3),
    ]


def blackout_text(timer: Timer) -> str:
    """Format the windows in which a schedule is not due, and their zone."""
    zone, _, windows = timer.blackout.partition(" ")
    return escape_line(f"{windows} {zone}") if windows else ""


def describe_rule(timer: Timer) -> str:
    """Describe a rule in English: `At 03:00, Monday through Friday`, `every 5m, no overlap`, `3 more times`."""
    policies = {"skip": ", no overlap", "one": ", one run waits"}.get(timer.overlap or "", "")
    policies += ", pauses on failure" if timer.pause_on_failure else ""
    policies += f", not {blackout_text(timer)}" if timer.blackout else ""
    return _describe_times(timer) + policies


def _describe_times(timer: Timer) -> str:
    if timer.cron:
        return _describe_cron(timer.cron) + ("" if timer.timezone == "UTC" else f" ({timer.timezone})")
    if timer.kind == "once":
        return "once"
    if timer.kind == "retry":
        return "retry of a failed attempt"
    every = ", then ".join(duration(float(seconds)) for seconds in timer.every)
    words = f"every {every}" if every else "rule of rq-scheduler" * (timer.kind == "rq-scheduler")
    times = "" if timer.left is None else f"{quantity(timer.left, 'more time')}"
    return ", ".join(part for part in (times, words) if part) or NO_VALUE


def _describe_cron(rule: str) -> str:
    from cron_descriptor import FormatError, Options, get_description  # takes 20 ms; only lists of schedules need it

    options = Options()
    options.use_24hour_time_format = True
    options.locale_code = "en_US"
    options.throw_exception_on_parse_error = True
    try:
        return str(get_description(rule, options))
    except (FormatError, ValueError, KeyError, IndexError):
        return rule


def schedule_state(timer: Timer, now: datetime) -> Cell:
    """Format the pause and the problems of a schedule. The style is that of the worst problem."""
    worst: Style = ""
    parts: list[str] = []
    if timer.paused_by is not None:
        parts.append(f"paused by {timer.paused_by}")
        worst = "warn"
    for concern in timer.concerns:
        parts.append(_describe_concern(concern, timer, now))
        worst = "bad" if concern.kind in ("broken", "overdue") else worst or "warn"
    if timer.note is not None:
        parts.append(note_text(timer.note, now))
    return Cell(escape_line("; ".join(parts)), worst)


def _describe_concern(concern: Concern, timer: Timer, now: datetime) -> str:
    if concern.kind == "broken":
        return concern.text
    if concern.kind == "overdue":
        return f"{duration(concern.seconds)} overdue: is qctl-scheduler running?"
    if concern.kind == "missed":
        return f"{quantity(concern.count, 'run')} missed: no scheduler ran (catch-up {timer.catch_up})"
    if concern.kind == "overlap":
        return f"overlap: {concern.count} runs at once"
    due = "" if timer.next_at is None else f", next run in {_until(timer.next_at, now)}"
    state = "waiting" if timer.last_status == "queued" else "running"
    return f"last run still {state} after {duration(concern.seconds)}{due}"


def _next(timer: Timer, now: datetime) -> Cell:
    if timer.next_at is None:
        return Cell("paused", "warn") if timer.paused_by is not None else Cell(NO_VALUE)
    return Cell(f"in {_until(timer.next_at, now)}" if timer.next_at > now else f"{age(timer.next_at, now)} ago")


def _last(timer: Timer, now: datetime) -> str:
    if timer.last_at is None:
        return NO_VALUE
    status = f", {timer.last_status}" if timer.last_status else ""
    return escape_line(f"{age(timer.last_at, now)} ago{status}")


def _until(when: datetime, now: datetime) -> str:
    return duration(max(0.0, (when - now).total_seconds()))
