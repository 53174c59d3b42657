"""Findings about causes of dead letters that are new or grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from qctl.broker.query import cause_growth
from qctl.broker.query.cause_growth import CauseGrowth
from qctl.broker.redis.connection import Connection
from qctl.models import Finding
from qctl.ops import health_rules as rules
from qctl.quantities import quantity


def check(connection: Connection, queues: Sequence[str], now: float) -> Iterator[Finding]:
    """Report new and growing causes of these queues at `now` (s since 1970), each with a sample. Only dead letters of
    qctl's workers are indexed by time."""
    for cause in cause_growth.read(connection, queues, now, rules.NEW_CAUSE_SECONDS):
        if cause.first > now - rules.NEW_CAUSE_SECONDS:
            yield _finding("new cause", cause, f"new cause of {quantity(cause.new, 'dead letter')}")
        elif cause.new >= max(rules.GROWTH_LETTERS, rules.GROWTH_FACTOR * cause.before):
            minutes = rules.NEW_CAUSE_SECONDS / 60
            text = f"a cause grows: {quantity(cause.new, 'dead letter')} in {minutes:.0f} min, {cause.before} before"
            yield _finding("growing cause", cause, text)


def _finding(check_name: str, cause: CauseGrowth, text: str) -> Finding:
    error = ": ".join(part for part in (cause.exception, cause.message) if part) or "no error recorded"
    return Finding(
        check_name,
        "degraded",
        f"{text} in queue {cause.queue}: {cause.function} {error} (sample {cause.sample})",
        f"qctl dlq list --fingerprint {cause.fingerprint}",
        f"{cause.queue} {cause.fingerprint}",
        datetime.fromtimestamp(cause.first, timezone.utc),
    )
