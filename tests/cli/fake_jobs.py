"""Answers of the fake `Ops` about jobs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from qctl.models import (
    Attempt,
    BulkResult,
    Cause,
    Causes,
    ChosenJobs,
    DeleteResult,
    DrainResult,
    EditablePayload,
    EnqueuedFunction,
    Event,
    Explanation,
    Flow,
    FlowJob,
    Flows,
    HistoryStep,
    ImportResult,
    JobDetail,
    JobLogs,
    JobRow,
    Jobs,
    JobType,
    Limit,
    Limits,
    LogLine,
    Mark,
    Note,
    Outcome,
    Pause,
    Payload,
    PayloadEdit,
    QueueDetail,
    QueueStats,
    Reason,
    RqLimit,
    RunLog,
    Selection,
    Selector,
    StoppedJob,
    WaitResult,
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

LOGS = JobLogs(
    "job-1", "email", "failed", [RunLog(1, "failed", "w1", NOW, 3, [LogLine(NOW, "warning", "no such host")])]
)

FLOW = Flow(
    "job-1",
    "job",
    [FlowJob("job-1", "email", "failed", "app.send"), FlowJob("child", "email", "deferred", "app.send", ["job-1"])],
)
FLOW_DONE = BulkResult.of([Outcome("job-1", "email", True), Outcome("child", "email", True)])

LIMIT = Limit("queue", "email", 100, 60.0, 5, "ops@host", NOW, None, "slow host", 7, 5)

MARK = Mark("v1.4", NOW, "ops@host")
NOTE = Note("cause", "0d9c5c1fb0a7", "known", "ops@host", NOW, True, 12)

CAUSE = Cause(
    *("0d9c5c1fb0a7", 12, ["email"], "app.send", "ValueError", "no such host *", "app.py:send", NOW, NOW, "job-1"),
    since_mark="v1.4",
    note=NOTE,
)


PAUSED = Reason("paused", "queue email is paused by ops@host", "qctl resume email", blocks=True)


def choose(_verb: str, selector: Selector) -> Selection:
    """Select the named jobs, else two dead letters."""
    ids = [id_.encode() for id_ in selector.ids or ("job-1", "job-2")]
    return Selection([ChosenJobs("email", "failed", ids)])


def done(chosen: Selection, **_: Any) -> BulkResult:
    """Report success for all jobs."""
    return BulkResult.of([Outcome(id_.decode(), part.queue, True) for part in chosen.chosen for id_ in part.ids])


BEFORE = '{"function": "app.send", "args": [], "kwargs": {}}'


def export(chosen: Selection, write: Callable[[str], None]) -> int:
    """Write a line for each job."""
    for part in chosen.chosen:
        write("".join(f'{{"id": "{id_.decode()}"}}\n' for id_ in part.ids))
    return chosen.count


ANSWERS: dict[str, Any] = {
    "jobs__list": Jobs([ROW], 1, 1, 1),
    "jobs__show": DETAIL,
    "limits__set": LIMIT,
    "limits__list": Limits([LIMIT], [RqLimit("api", 1, 1, 2)], ("box.1",)),
    "limits__clear": True,
    "marks__add": MARK,
    "marks__list": [MARK],
    "marks__delete": 1,
    "notes__put": NOTE,
    "notes__list": [NOTE],
    "notes__delete": None,
    "jobs__logs": LOGS,
    "jobs__follow_logs": lambda *_, **__: iter([LOGS]),
    "explain__job": Explanation("email", DETAIL.id, "queued", [PAUSED]),
    "explain__queue": Explanation("email", None, "paused", [PAUSED]),
    "jobs__wait": WaitResult("job-1", "email", "finished", 1.5, '"sent"'),
    "jobs__choose": choose,
    "jobs__retry": done,
    "jobs__replay": done,
    "jobs__cancel": done,
    "jobs__delete": done,
    "jobs__move": done,
    "jobs__release": done,
    "flows__list": Flows([FLOW]),
    "flows__show": FLOW,
    "flows__retry": FLOW_DONE,
    "flows__cancel": FLOW_DONE,
    "jobs__enqueue": lambda _name, _data, _pairs=(), **_how: "job-9",
    "jobs__catalogued": {},
    "jobs__enqueue_function": EnqueuedFunction("job-9", "default", False, 1),
    "jobs__types": [JobType("welcome-email", "email", ("userEmail: text", "userName?: text"), "Welcome a user.", 2)],
    "jobs__stop": StoppedJob("job-1", "email", "w1", "stopped", 0.1),
    "jobs__editable": EditablePayload("job-1", "email", "failed", BEFORE, b"..."),
    "jobs__edit": lambda job, text: PayloadEdit(job.id, job.queue, job.text, text, True),
    "jobs__revert": lambda job: PayloadEdit(job.id, job.queue, job.text, BEFORE, True),
    "transfer__export": export,
    "transfer__import_": lambda _lines, **_: ImportResult(1, 0, [], ["email"]),
    "queues__show": QueueDetail("email", [QueueStats("email", waiting=4)], [], {"send": 4}, [CAUSE]),
    "queues__history": [HistoryStep(NOW, {"finished": 12, "dead": 1}, 0.4)],
    "queues__drain": lambda name, **_: DrainResult(name, Pause(name, "ops@host", NOW, "drained"), 1.0),
    "queues__delete": lambda name, **_: DeleteResult(name, 4, "20261122-044512-x7f2", listed=False),
    "dead_letters__groups": Causes([CAUSE], 12, 12),
}
