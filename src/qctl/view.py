"""What a person sees of each model: columns, style words and humanised values, for CLI and TUI tables alike.

Every text that leaves this module has passed `safe`. A style word says what a value means; whoever draws maps it to
a colour, and the text alone must say the same to those who see no colour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

from qctl.models import DeadLetter, Finding, HealthStatus, Pause, QueueStats, Stats, TrashBatch, WorkerInfo
from qctl.safe import inert_line

Row = TypeVar("Row")
Style = Literal["", "dim", "good", "warn", "bad"]

HEALTH: dict[HealthStatus, Style] = {"ok": "good", "degraded": "warn", "down": "bad"}

NOTHING = "-"
"""Stands where there is no value."""


@dataclass(frozen=True)
class Cell:
    """One value of a table, inert, with the word for how it is shown."""

    text: str
    style: Style = ""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column of a table.

    `least` is the width it may be cut to, 0 where it is never cut; `cut_start` cuts at its beginning. `drop` says
    when it goes where there is no room: the highest first, 0 never. `long`: a sentence, at most one a row; it takes the
    room that the others leave, or where that is too little lines of its own under the row.
    """

    title: str
    cell: Callable[[Row], Cell]
    right: bool = False
    least: int = 0
    cut_start: bool = False
    drop: int = 0
    long: bool = False


@dataclass(frozen=True)
class Table(Generic[Row]):
    """Rows and how to show them. `empty` is said where there are none; `footer` are lines under the table."""

    columns: Sequence[Column[Row]]
    rows: Sequence[Row]
    empty: str
    footer: Sequence[Cell] = ()


# --- humanised values ---------------------------------------------------------------------------------------


def count(number: int) -> str:
    """A count that fits five places: exact below 100,000, then 123k, 1.2M, 123M."""
    if abs(number) < 100_000:
        return str(number)
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        scaled = number / size
        if abs(scaled) >= 0.9995:
            return f"{scaled:.1f}{suffix}" if abs(scaled) < 9.95 else f"{scaled:.0f}{suffix}"
    raise AssertionError("a number of six places is at least 1k")


def counted(number: int, noun: str) -> str:
    """`1 job`, `4 jobs`: exact, for sentences."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def rate(per_second: float | None) -> str:
    """Jobs a second: one decimal below 10, then whole; `-` where it is not known."""
    if per_second is None:
        return NOTHING
    if 0 < per_second < 0.05:
        return "<0.1"
    if 0 < per_second < 9.95:
        return f"{per_second:.1f}"
    return count(round(per_second))


def duration(seconds: float | None) -> str:
    """A duration in its two longest units: 0.4s, 12s, 5m, 2h10m, 3d4h. `-` where it is not known."""
    if seconds is None:
        return NOTHING
    if seconds < 0.95:
        return f"{max(seconds, 0.0):.1f}s" if seconds >= 0.05 else "0s"
    whole = round(seconds)
    for longer, shorter, big, small in (("d", "h", 86_400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1)):
        if whole >= big:
            major, rest = divmod(whole, big)
            minor = rest // small
            return f"{major}{longer}" + (f"{minor}{shorter}" if minor else "")
    return f"{whole}s"


def age(then: datetime | None, now: datetime) -> str:
    """How long ago that was. Clocks differ: what lies ahead is 0s old."""
    return NOTHING if then is None else duration(max(0.0, (now - then).total_seconds()))


def moment(when: datetime | None, now: datetime) -> str:
    """A time on the reader's own clock: 14:05 today, else 2025-11-22 14:05."""
    if when is None:
        return NOTHING
    local = when.astimezone()
    return f"{local:%H:%M}" if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d %H:%M}"


def size(number: int) -> str:
    """Bytes: 812 B, 1.2 KB, 3.4 MB."""
    scaled = float(number)
    for unit in ("B", "KB", "MB"):
        if scaled < 1000:
            return f"{number} B" if unit == "B" else f"{scaled:.1f} {unit}"
        scaled /= 1000
    return f"{scaled:.1f} GB"


def pause(held: Pause, now: datetime, queue: str | None = None) -> str:
    """`paused 5m by ops@host: deploy, until 14:05`. `queue` is the one that is looked at, maybe a lane of `held`."""
    if queue not in (None, held.queue):
        return f"paused with {inert_line(held.queue)}"
    reason = f": {inert_line(held.reason)}" if held.reason else ""
    until = f", until {moment(held.until, now)}" if held.until else ""
    return f"paused {age(held.at, now)} by {inert_line(held.by)}{reason}{until}"


def fact(name: str, value: str, style: Style = "") -> Cell:
    """One line of a list of facts about one thing."""
    return Cell(f"{name:<9} {inert_line(value)}", style)


# --- tables -------------------------------------------------------------------------------------------------


def queue_columns(now: datetime) -> list[Column[QueueStats]]:
    """Columns of the table of queues."""
    return [
        Column("QUEUE", lambda q: Cell(inert_line(q.name)), least=16),
        Column("WAITING", lambda q: _jobs(q, q.waiting), right=True),
        Column("RUNNING", lambda q: _jobs(q, q.running), right=True, drop=1),
        Column("SCHED", lambda q: _jobs(q, q.scheduled), right=True, drop=6),
        Column("DEFER", lambda q: _jobs(q, q.deferred), right=True, drop=9),
        Column("DEAD", lambda q: _jobs(q, q.dead, "bad"), right=True, drop=1),
        Column("FINISHED", lambda q: _jobs(q, q.finished), right=True, drop=7),
        Column("OLDEST", lambda q: Cell(duration(q.oldest_age)), right=True, drop=2),
        Column("IN/S", lambda q: Cell(rate(q.in_rate)), right=True, drop=5),
        Column("OUT/S", lambda q: Cell(rate(q.out_rate)), right=True, drop=4),
        Column("WORKERS", lambda q: Cell(count(q.workers)), right=True, drop=3),
        Column("STATE", lambda q: queue_state(q, now), long=True),
    ]


def queue_state(queue: QueueStats, now: datetime) -> Cell:
    """What is to be known of a queue beside its numbers, if anything."""
    if queue.error:
        return Cell(f"cannot be read: {inert_line(queue.error)}", "bad")
    if queue.paused:
        return Cell(pause(queue.paused, now, queue.name), "warn")
    if queue.waiting and not queue.workers:
        return Cell("no worker takes from it", "warn")
    return Cell("")


def totals(stats: Stats) -> str:
    """The line under the table of queues."""
    t = stats.totals
    return f"pending {t.pending}   running {t.running}   completed {t.completed}   failed {t.failed}   total {t.total}"


def dead_letter_columns(now: datetime) -> list[Column[DeadLetter]]:
    """Columns of the table of dead letters."""
    return [
        Column("ID", lambda d: Cell(inert_line(d.id)), least=36),
        Column("QUEUE", lambda d: Cell(inert_line(d.queue)), least=8),
        Column("AGE", lambda d: Cell(age(d.died_at, now)), right=True),
        Column("KIND", lambda d: Cell(d.kind, "warn" if d.kind == "quarantined" else ""), drop=2),
        Column("RUNS", lambda d: Cell(NOTHING if d.attempts is None else count(d.attempts)), right=True, drop=3),
        Column("FUNCTION", lambda d: Cell(inert_line(d.function)), least=12, cut_start=True, drop=1),
        Column("ERROR", lambda d: Cell(inert_line(d.error), "bad"), long=True),
    ]


def trash_columns(now: datetime) -> list[Column[TrashBatch]]:
    """Columns of the table of trash batches."""
    return [
        Column("BATCH", lambda b: Cell(inert_line(b.id)), least=20),
        Column("QUEUE", lambda b: Cell(inert_line(b.queue)), least=8),
        Column("JOBS", lambda b: Cell(count(b.count)), right=True),
        Column("ACT", lambda b: Cell(inert_line(b.verb)), drop=3),
        Column("AGE", lambda b: Cell(age(b.at, now)), right=True),
        Column("GONE IN", lambda b: Cell(duration(max(0.0, (b.expires_at - now).total_seconds()))), right=True, drop=1),
        Column("BY", lambda b: Cell(inert_line(b.by)), least=8, drop=2),
    ]


def worker_columns(now: datetime) -> list[Column[WorkerInfo]]:
    """Columns of the table of workers."""
    return [
        Column("WORKER", lambda w: Cell(inert_line(w.name)), least=12),
        Column("STATE", lambda w: Cell(inert_line(w.state))),
        Column("QUEUES", lambda w: Cell(inert_line(", ".join(w.queues))), least=8),
        Column("JOB", lambda w: Cell(inert_line(w.current_job or NOTHING)), least=8, drop=1),
        Column("SEEN", lambda w: Cell(age(w.last_heartbeat, now)), right=True),
        Column("HOST", lambda w: Cell(inert_line(w.host or NOTHING)), least=8, drop=3),
        Column("PID", lambda w: Cell(NOTHING if w.pid is None else str(w.pid)), right=True, drop=4),
        Column("PAUSE", lambda w: Cell("obeys") if w.honours_pause else Cell("ignores", "warn"), drop=2),
    ]


def finding_columns() -> list[Column[Finding]]:
    """Columns of the table of health findings."""
    return [
        Column("STATUS", lambda f: Cell(f.status, HEALTH[f.status])),
        Column("CHECK", lambda f: Cell(inert_line(f.check)), least=8),
        Column("REASON", lambda f: Cell(_finding(f)), long=True),
    ]


def _finding(finding: Finding) -> str:
    fix = f" (to mend it: {inert_line(finding.fix)})" if finding.fix else ""
    return inert_line(finding.reason) + fix


def _jobs(queue: QueueStats, number: int, style: Style = "") -> Cell:
    return Cell("?") if queue.error else Cell(count(number), style if number else "dim")
