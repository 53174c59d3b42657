"""What a fake `Ops` answers about jobs."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from qctl.models import (
    Attempt,
    BulkResult,
    Cause,
    Causes,
    Chosen,
    Event,
    JobDetail,
    JobRow,
    Jobs,
    Outcome,
    Payload,
    Selection,
    Selector,
    Waited,
)

NOW = datetime.now(timezone.utc)

ROW = JobRow("job-1", "email", "failed", "app.send", NOW, "ValueError: no such host", "ada", "w1")

DETAIL = JobDetail(
    "job-1",
    "email",
    "failed",
    "failed",
    "app.send",
    "app.send('a@b.c')",
    Payload('["app.send", null, ["a@b.c"], {}]', 33),
    created_at=NOW,
    timeout="180",
    retries_left=1,
    retry_intervals=[2, 4],
    error="ValueError: no such host",
    traceback="Traceback: ...",
    trace="trace-1",
    dependencies=["job-0"],
    attempts=[Attempt("failed", NOW, "w1", NOW, NOW, "ValueError: no such host", "Traceback: ...")],
    timeline=[Event("1795000000000-0", "dead", {"queue": "email", "job": "job-1", "reason": "ValueError"})],
)

CAUSE = Cause(
    "0d9c5c1fb0a7", 12, ["email"], "app.send", "ValueError", "no such host *", "app.py:send", NOW, NOW, "job-1"
)


def choose(_act: str, selector: Selector) -> Selection:
    """The jobs that were named, else two dead ones."""
    ids = [id_.encode() for id_ in selector.ids or ("job-1", "job-2")]
    return Selection([Chosen("email", "failed", ids)])


def done(chosen: Selection, **_: Any) -> BulkResult:
    """All of them."""
    return BulkResult.of([Outcome(id_.decode(), part.queue, True) for part in chosen.chosen for id_ in part.ids])


ANSWERS: dict[str, Any] = {
    "jobs__list": Jobs([ROW], 1, 1, 1),
    "jobs__show": DETAIL,
    "jobs__wait": Waited("job-1", "email", "finished", 1.5, '"sent"'),
    "jobs__choose": choose,
    "jobs__retry": done,
    "jobs__cancel": done,
    "jobs__delete": done,
    "jobs__move": done,
    "dead_letters__groups": Causes([CAUSE], 12, 12),
}
