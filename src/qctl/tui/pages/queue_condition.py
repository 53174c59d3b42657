"""The condition of a queue in a sign, a word and a colour, by the thresholds of the health check."""

from __future__ import annotations

from qctl.models import QueueStats
from qctl.ops.health_rules import FAILED_SHARE_ERROR, WAIT_WARNING_SECONDS
from qctl.view import Cell, Style


def queue_condition(queue: QueueStats) -> tuple[str, str, Style]:
    """Return the condition of a queue: a sign, a word and a style. The gravest counts."""
    if queue.error:
        return "✖", "unreadable", "bad"
    if queue.paused:
        return "■", "paused", "warn"
    if queue.waiting and not queue.workers:
        return "▲", "no worker", "warn"
    if (queue.error_rate or 0.0) >= FAILED_SHARE_ERROR:
        return "✖", "failing", "bad"
    if (queue.oldest_age or 0.0) >= WAIT_WARNING_SECONDS:
        return "▲", "late", "warn"
    return ("●", "ok", "good") if queue.waiting or queue.running or queue.workers else ("○", "idle", "dim")


def queue_sign(queue: QueueStats) -> Cell:
    """Format the condition of a queue as a sign."""
    sign, _, style = queue_condition(queue)
    return Cell(sign, style)
