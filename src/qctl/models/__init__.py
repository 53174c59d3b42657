"""What is shown: plain dataclasses that `ops` returns and the CLI and TUI print.

Times are aware datetimes in UTC, durations are seconds, sizes are bytes. Text that came from outside is raw here;
`safe.py` makes it inert where it becomes a view.
"""

from qctl.models.bulk import BulkResult, Outcome
from qctl.models.dead_letters import DeadKind, DeadLetter, DeadLetterDetail, DeadLetters
from qctl.models.health import Finding, Health, HealthStatus, Ping
from qctl.models.queues import ClearResult, Pause, PauseResult, QueueStats, ResumeResult, RunningJob, Stats, Totals
from qctl.models.trash import RestoreResult, TrashBatch
from qctl.models.workers import WorkerInfo

__all__ = [
    "BulkResult",
    "ClearResult",
    "DeadKind",
    "DeadLetter",
    "DeadLetterDetail",
    "DeadLetters",
    "Finding",
    "Health",
    "HealthStatus",
    "Outcome",
    "Pause",
    "PauseResult",
    "Ping",
    "QueueStats",
    "RestoreResult",
    "ResumeResult",
    "RunningJob",
    "Stats",
    "Totals",
    "TrashBatch",
    "WorkerInfo",
]
