"""Findings about queues: failing, dying, late, stalled or growing, judged by their habits and by `health_rules`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from shlex import quote

from qctl.broker.query import acknowledged, habits
from qctl.broker.query.habits import Habit
from qctl.broker.redis.connection import Connection
from qctl.models import Finding, QueueStats, Severity
from qctl.ops import health_rules as rules
from qctl.quantities import clause

RECENT_MINUTES = 120
"""Minutes in which the beginning of a problem is looked for."""


def check(connection: Connection, queues: Sequence[QueueStats], now: float) -> Iterator[Finding]:
    """Check queues of a snapshot at `now` (s since 1970). Habits are read only of queues that may have a problem."""
    suspects = sorted(filter(_is_suspect, queues), key=lambda queue: -queue.recent_failed - queue.dead - queue.waiting)
    names = [queue.name for queue in suspects]
    known = habits.read(connection, names, now, RECENT_MINUTES, around=rules.HABIT_MINUTES, days=rules.HABIT_DAYS)
    quiet = acknowledged.read(
        connection,
        [queue.name for queue in suspects if queue.dead],
        now,
        60 * rules.DEAD_WINDOW_MINUTES,
        rules.GROWTH_LETTERS,
    ).letters
    findings = [
        finding
        for queue in suspects
        for finding in (
            *_check_failures(queue, known.get(queue.name, Habit())),
            *_check_dead(queue, known.get(queue.name, Habit()), now, *quiet.get(queue.name, (0, 0))),
            *_check_waiting(queue, known.get(queue.name, Habit()), now),
        )
    ]
    yield from findings
    for name in ("errors", "late"):
        if not any(finding.check == name for finding in findings):
            yield Finding(
                name, "ok", {"errors": "no queue fails more than usual", "late": "no job waits too long"}[name]
            )


def _is_suspect(queue: QueueStats) -> bool:
    if queue.error:
        return False
    failing = queue.recent_failed >= rules.MIN_FAILED_RUNS and (queue.error_rate or 0) >= rules.FAILED_SHARE_WARNING
    return failing or queue.dead > 0 or _may_be_late(queue)


def _may_be_late(queue: QueueStats) -> bool:
    """Tell whether jobs wait longer than a moment although workers listen. Others are reported with their reason."""
    listens = bool(queue.workers) and not queue.paused
    return listens and queue.waiting > 0 and (queue.oldest_age or 0.0) > rules.MIN_WAIT_SECONDS


def _check_failures(queue: QueueStats, habit: Habit) -> Iterator[Finding]:
    share = queue.error_rate or 0.0
    severe, usual = share >= rules.FAILED_SHARE_ERROR, share < rules.HABIT_FACTOR * (habit.failed_share or 0.0)
    if queue.recent_failed < rules.MIN_FAILED_RUNS or share < rules.FAILED_SHARE_WARNING or (usual and not severe):
        return
    began = habit.failing_since(rules.FAILED_SHARE_WARNING)
    habitual = "" if habit.failed_share is None else f", {habit.failed_share:.1%} at this hour of the last days"
    runs = queue.recent_failed + queue.recent_finished
    yield _finding(
        "errors",
        queue,
        f"{share:.0%} of the runs of queue {queue.name} fail: {queue.recent_failed} of {runs} in 5 min{habitual}",
        f"qctl dlq groups --queue {quote(queue.name)}",
        None if began is None else datetime.fromtimestamp(60 * began, timezone.utc),
        "error" if severe and not usual else "warning",
    )


def _check_dead(
    queue: QueueStats, habit: Habit, now: float, acknowledged_letters: int, acknowledged_new: int
) -> Iterator[Finding]:
    minutes = rules.DEAD_WINDOW_MINUTES
    dead = max(0, queue.dead - acknowledged_letters)
    new = max(0, habit.new_dead(int(now) // 60, minutes) - acknowledged_new)
    usual = rules.HABIT_FACTOR * minutes * (habit.dead_per_minute or 0.0)
    letters = clause(dead, "dead letter", "needs", "need")
    fix = f"qctl dlq groups --queue {quote(queue.name)}"
    if new >= max(rules.NEW_DEAD_LETTERS_WARNING, usual):
        minute = min(minute for minute, counts in habit.recent.items() if counts.get("dead"))
        yield _finding(
            "dead letters",
            queue,
            f"{letters} a decision in queue {queue.name}, {new} new in {minutes} min",
            fix,
            datetime.fromtimestamp(60 * minute, timezone.utc),
            "error" if new >= rules.NEW_DEAD_LETTERS_ERROR else "warning",
        )
    elif dead >= rules.DEAD_LETTERS_WARNING:
        yield _finding("dead letters", queue, f"{letters} a decision in queue {queue.name}", fix, None, "warning")


def _check_waiting(queue: QueueStats, habit: Habit, now: float) -> Iterator[Finding]:
    if not _may_be_late(queue):
        return
    age = queue.oldest_age or 0.0
    since = datetime.fromtimestamp(now - age, timezone.utc)
    waiting = clause(queue.waiting, "job", "waits", "wait")
    fix = f"qctl queue explain {quote(queue.name)}"
    listening = clause(queue.workers, "worker", "listens", "listen")
    if not queue.running and not queue.taken_rate and age > rules.STALLED_SECONDS:
        reason = f"{waiting} in queue {queue.name} and nothing takes them, although {listening}"
        limited = f", within its limit: {queue.limit}" if queue.limit else ""
        yield _finding("stalled", queue, reason + limited, fix, since, "warning" if queue.limit else "error")
        return
    grows = queue.eta == math.inf and queue.waiting >= rules.GROWING_JOBS
    growth = f": {queue.in_rate:.1f}/s arrive, {queue.taken_rate:.1f}/s are taken" if grows else ""
    warning, error, usual = _limits(habit)
    if age > warning:
        reason = f"{waiting} in queue {queue.name}, the oldest for {age:.0f} s{usual}{growth}"
        yield _finding("late", queue, reason, fix, since, "error" if age > error else "warning")
    elif grows:
        yield _finding(
            "growing", queue, f"queue {queue.name} grows and will never be empty{growth}", fix, None, "warning"
        )


def _limits(habit: Habit) -> tuple[float, float, str]:
    """Return the ages that are a warning and an error, and words about the habit."""
    if habit.wait is None:
        return rules.WAIT_WARNING_SECONDS, rules.WAIT_ERROR_SECONDS, ""
    warning = max(rules.MIN_WAIT_SECONDS, rules.HABIT_FACTOR * habit.wait)
    usual = f", {habit.wait:.1f} s at most at this hour of the last days"
    return warning, max(warning, rules.HABIT_ERROR_FACTOR * habit.wait, rules.WAIT_WARNING_SECONDS), usual


def _finding(
    check: str, queue: QueueStats, reason: str, fix: str, since: datetime | None, severity: Severity
) -> Finding:
    return Finding(check, "degraded", reason, fix, queue.name, since, severity)
