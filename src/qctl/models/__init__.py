"""What is shown: plain dataclasses that `ops` returns and the CLI and TUI print.

Times are aware datetimes in UTC, durations are seconds, sizes are bytes. Text that came from outside is raw here;
`safe.py` makes it inert where it becomes a view.
"""

from qctl.models.bulk import KEPT, BulkResult, Chosen, Outcome, Scan, Selection, Selector
from qctl.models.dead_letters import Cause, Causes, DeadKind, DeadLetter, DeadLetterDetail, DeadLetters
from qctl.models.health import Finding, Health, HealthStatus, Ping
from qctl.models.jobs import (
    ALIASES,
    DEAD,
    STATES,
    Attempt,
    BadLine,
    Edited,
    Happening,
    Imported,
    JobDetail,
    JobRow,
    Jobs,
    Payload,
    State,
    Waited,
)
from qctl.models.metrics import Metrics, Names, NameStats, Series, Step
from qctl.models.queues import ClearResult, Pause, PauseResult, QueueStats, ResumeResult, RunningJob, Stats, Totals
from qctl.models.schedules import CatchUp, Schedule
from qctl.models.trash import RestoreResult, TrashBatch
from qctl.models.workers import WorkerInfo

__all__ = [
    "ALIASES",
    "DEAD",
    "KEPT",
    "STATES",
    "Attempt",
    "BadLine",
    "BulkResult",
    "CatchUp",
    "Cause",
    "Causes",
    "Chosen",
    "ClearResult",
    "DeadKind",
    "DeadLetter",
    "DeadLetterDetail",
    "DeadLetters",
    "Edited",
    "Finding",
    "Happening",
    "Health",
    "HealthStatus",
    "Imported",
    "JobDetail",
    "JobRow",
    "Jobs",
    "Metrics",
    "NameStats",
    "Names",
    "Outcome",
    "Pause",
    "PauseResult",
    "Payload",
    "Ping",
    "QueueStats",
    "RestoreResult",
    "ResumeResult",
    "RunningJob",
    "Scan",
    "Schedule",
    "Selection",
    "Selector",
    "Series",
    "State",
    "Stats",
    "Step",
    "Totals",
    "TrashBatch",
    "Waited",
    "WorkerInfo",
]
