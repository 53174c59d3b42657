"""Findings about causes of dead letters that are new or grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from qctl.broker.bookkeeping import marks
from qctl.broker.query import acknowledged, cause_growth
from qctl.broker.query.cause_growth import CauseGrowth
from qctl.broker.redis.connection import Connection
from qctl.models import Finding, Mark, last_mark
from qctl.ops import health_rules as rules
from qctl.quantities import quantity


def check(connection: Connection, queues: Sequence[str], now: float) -> Iterator[Finding]:
    """Report new and growing causes of these queues at `now` (s since 1970), each with a sample. Only dead letters of
    qctl's workers are indexed by time. Acknowledged causes are left out until they have grown."""
    causes = cause_growth.read(connection, queues, now, rules.NEW_CAUSE_SECONDS)
    if not causes:
        return
    quiet = acknowledged.read(connection, queues, now, rules.NEW_CAUSE_SECONDS, rules.GROWTH_LETTERS).causes
    known = marks.read(connection)
    for cause in causes:
        if cause.fingerprint in quiet:
            continue
        if cause.first > now - rules.NEW_CAUSE_SECONDS:
            yield _finding("new cause", cause, f"new cause of {quantity(cause.new, 'dead letter')}", known)
        elif cause.new >= max(rules.GROWTH_LETTERS, rules.GROWTH_FACTOR * cause.before):
            minutes = rules.NEW_CAUSE_SECONDS / 60
            text = f"a cause grows: {quantity(cause.new, 'dead letter')} in {minutes:.0f} min, {cause.before} before"
            yield _finding("growing cause", cause, text, known)


def _finding(check_name: str, cause: CauseGrowth, text: str, marks_so_far: Sequence[Mark]) -> Finding:
    error = ": ".join(part for part in (cause.exception, cause.message) if part) or "no error recorded"
    began = datetime.fromtimestamp(cause.first, timezone.utc)
    mark = last_mark(marks_so_far, began)
    deployed = f"; last mark before it: {mark.text}, {mark.at:%Y-%m-%d %H:%M} UTC" if mark else ""
    return Finding(
        check_name,
        "degraded",
        f"{text} in queue {cause.queue}: {cause.function} {error} (sample {cause.sample}){deployed}",
        f"qctl dlq list --fingerprint {cause.fingerprint}",
        f"{cause.queue} {cause.fingerprint}",
        began,
    )
