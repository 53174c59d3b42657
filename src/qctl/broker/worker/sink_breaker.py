"""The breaker: a sink that is down makes no dead letters.

The batch goes back to the head of its queue, costs no retry, and the queue is paused (`lua/putback.lua`): for a while
if the sink is away, until somebody resumes it if only a person can correct the problem.
"""

from __future__ import annotations

import logging
from shlex import quote

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.worker.claims import Trip
from qctl.errors import SinkError, SinkMisconfiguredError

log = logging.getLogger(__name__)


def trip_for(queue: str, error: SinkError) -> Trip:
    """The pause of a queue whose sink failed. If only a person can correct the problem, its reason says what to do."""
    first, advice = getattr(error, "retry_after", None) or 1.0, ""
    if isinstance(error, SinkMisconfiguredError):
        steps = (error.hint, f"then qctl resume {quote(queue)}")
        first, advice = 0.0, "".join(f"; {step}" for step in steps if step)
    reason = f"sink: {error.message}"[: dead_letter_index.MAX_REASON_CHARACTERS - len(advice)] + advice
    log.warning("%s is paused: %s", queue, reason)
    return Trip(reason, first=first)
