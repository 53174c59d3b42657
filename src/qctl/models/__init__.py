"""Models: plain dataclasses that `ops` returns and that the command line, the monitor and the gateway show.

Times are aware datetimes in UTC, durations are seconds, sizes are bytes. Text from outside is raw here; `safe` escapes
it when it is shown. Names of classes and fields are stored in recordings of the monitor.

A module is imported on first use of one of its names: creating all these classes takes as long as most commands.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qctl.models.alerts import Alert, AlertRule, Channel, Delivery, Firing, Mute, Notice
    from qctl.models.annotations import Mark, Note, NoteKind, last_mark, marks_between
    from qctl.models.budgets import BudgetKind, BudgetUse, RejectTally
    from qctl.models.bulk import (
        MAX_LISTED_OUTCOMES,
        BulkResult,
        CanaryState,
        ChosenJobs,
        DependentsChoice,
        Outcome,
        Progress,
        RestoreResult,
        Scan,
        Selection,
        Selector,
        TrashBatch,
        TrashChoice,
        Verb,
        ignore_progress,
    )
    from qctl.models.chat import DeliveryDay, MessageFile
    from qctl.models.checks import (
        LEVEL_ORDER,
        Check,
        CheckedMetric,
        CheckedValue,
        Level,
        QueueCheck,
        Threshold,
        Thresholds,
    )
    from qctl.models.cleanup import Cleanup, CleanupKind, CleanupResult
    from qctl.models.configuration import ContextInfo, SettingInfo
    from qctl.models.daemons import Daemon
    from qctl.models.dead_letters import NEW_SECONDS, Cause, Causes, DeadKind, DeadLetter, DeadLetterDetail, DeadLetters
    from qctl.models.events import AuditEntry, Event, EventFilter, HistoryStep, Span
    from qctl.models.explanations import Explanation, Reason, ReasonCode
    from qctl.models.flows import Flow, FlowJob, FlowKind, Flows
    from qctl.models.health import SEVERITY_ORDER, STATUS_ORDER, Finding, Health, HealthStatus, Ping, Repair, Severity
    from qctl.models.ingest import (
        Arrival,
        Arrivals,
        FlushResult,
        PipelineStatus,
        RejectDetail,
        ReplayedItems,
        SourceState,
        SourceStatus,
        StoredReading,
        Topics,
        TopicStatus,
    )
    from qctl.models.jobs import (
        DEAD_STATES,
        MOVABLE_STATES,
        OWNED_STATUSES,
        STATE_ALIASES,
        STATES,
        Attempt,
        EditablePayload,
        EnqueuedFunction,
        JobDetail,
        JobLogs,
        JobRow,
        Jobs,
        JobType,
        LogLine,
        OwnedJob,
        OwnedStatus,
        Payload,
        PayloadEdit,
        RunLog,
        State,
        StoppedJob,
        StrandedJob,
        WaitResult,
    )
    from qctl.models.limits import Limit, Limits, LimitScope, RqLimit
    from qctl.models.memory import LargeKey, MemoryKind, MemoryShare, MemoryUse, NameMemory
    from qctl.models.metrics import Metrics, Names, NameStats, Series, Step
    from qctl.models.pools import MAX_PROCESSES, Pool, PoolRequest, PoolSize
    from qctl.models.queues import (
        ClearResult,
        DeleteResult,
        DrainResult,
        Pause,
        PauseResult,
        QueueDetail,
        QueueStats,
        ResumeResult,
        RunningJob,
        Stats,
        Totals,
        UnrealJobs,
    )
    from qctl.models.schedules import CatchUp, Schedule
    from qctl.models.timers import (
        TIMER_KINDS,
        Coming,
        Concern,
        EditableSchedule,
        RunOutcome,
        ScheduleRun,
        Timer,
        TimerKind,
        Timers,
    )
    from qctl.models.transfer import Backup, ImportResult, RejectedLine, RestoredBackup
    from qctl.models.users import Account, AccountChange, Accounts, Invitation, Role
    from qctl.models.workers import Pace, Quiet, QuietResult, StopResult, WorkerInfo

_NAMES = {
    "alerts": "Alert AlertRule Channel Delivery Firing Mute Notice",
    "annotations": "Mark Note NoteKind last_mark marks_between",
    "bulk": "MAX_LISTED_OUTCOMES BulkResult CanaryState ChosenJobs DependentsChoice Outcome Progress RestoreResult "
    "Scan Selection Selector TrashBatch TrashChoice Verb ignore_progress",
    "checks": "LEVEL_ORDER Check Level QueueCheck CheckedValue Threshold Thresholds CheckedMetric",
    "cleanup": "Cleanup CleanupKind CleanupResult",
    "configuration": "ContextInfo SettingInfo",
    "daemons": "Daemon",
    "budgets": "BudgetKind BudgetUse RejectTally",
    "dead_letters": "NEW_SECONDS Cause Causes DeadKind DeadLetter DeadLetterDetail DeadLetters",
    "chat": "DeliveryDay MessageFile",
    "events": "AuditEntry Event EventFilter HistoryStep Span",
    "explanations": "Explanation Reason ReasonCode",
    "flows": "Flow FlowJob FlowKind Flows",
    "health": "SEVERITY_ORDER STATUS_ORDER Finding Health HealthStatus Ping Repair Severity",
    "ingest": "Arrival Arrivals FlushResult PipelineStatus RejectDetail ReplayedItems SourceState SourceStatus "
    "StoredReading Topics TopicStatus",
    "jobs": "DEAD_STATES MOVABLE_STATES OWNED_STATUSES STATES STATE_ALIASES Attempt EditablePayload EnqueuedFunction "
    "JobDetail JobLogs JobRow JobType Jobs LogLine OwnedJob OwnedStatus Payload PayloadEdit RunLog "
    "State StoppedJob StrandedJob WaitResult",
    "limits": "Limit Limits LimitScope RqLimit",
    "memory": "LargeKey MemoryKind MemoryShare MemoryUse NameMemory",
    "metrics": "Metrics Names NameStats Series Step",
    "pools": "MAX_PROCESSES Pool PoolRequest PoolSize",
    "queues": "ClearResult DeleteResult DrainResult Pause PauseResult QueueDetail QueueStats ResumeResult RunningJob "
    "Stats Totals UnrealJobs",
    "schedules": "CatchUp Schedule",
    "timers": "TIMER_KINDS Coming Concern EditableSchedule RunOutcome ScheduleRun Timer TimerKind Timers",
    "transfer": "Backup ImportResult RejectedLine RestoredBackup",
    "users": "Account AccountChange Accounts Invitation Role",
    "workers": "Pace Quiet QuietResult StopResult WorkerInfo",
}
"""Names that each module defines."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

if not TYPE_CHECKING:  # a type checker would assume that any name exists

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value


__all__ = [
    "DEAD_STATES",
    "LEVEL_ORDER",
    "MAX_LISTED_OUTCOMES",
    "MAX_PROCESSES",
    "MOVABLE_STATES",
    "NEW_SECONDS",
    "OWNED_STATUSES",
    "SEVERITY_ORDER",
    "STATES",
    "STATE_ALIASES",
    "STATUS_ORDER",
    "TIMER_KINDS",
    "Account",
    "AccountChange",
    "Accounts",
    "Alert",
    "AlertRule",
    "Arrival",
    "Arrivals",
    "Attempt",
    "AuditEntry",
    "Backup",
    "BudgetKind",
    "BudgetUse",
    "BulkResult",
    "CanaryState",
    "CatchUp",
    "Cause",
    "Causes",
    "Channel",
    "Check",
    "CheckedMetric",
    "CheckedValue",
    "ChosenJobs",
    "Cleanup",
    "CleanupKind",
    "CleanupResult",
    "ClearResult",
    "Coming",
    "Concern",
    "ContextInfo",
    "Daemon",
    "DeadKind",
    "DeadLetter",
    "DeadLetterDetail",
    "DeadLetters",
    "DeleteResult",
    "Delivery",
    "DeliveryDay",
    "DependentsChoice",
    "DrainResult",
    "EditablePayload",
    "EditableSchedule",
    "EnqueuedFunction",
    "Event",
    "EventFilter",
    "Explanation",
    "Finding",
    "Firing",
    "Flow",
    "FlowJob",
    "FlowKind",
    "Flows",
    "FlushResult",
    "Health",
    "HealthStatus",
    "HistoryStep",
    "ImportResult",
    "Invitation",
    "JobDetail",
    "JobLogs",
    "JobRow",
    "JobType",
    "Jobs",
    "LargeKey",
    "Level",
    "Limit",
    "LimitScope",
    "Limits",
    "LogLine",
    "Mark",
    "MemoryKind",
    "MemoryShare",
    "MemoryUse",
    "MessageFile",
    "Metrics",
    "Mute",
    "NameMemory",
    "NameStats",
    "Names",
    "Note",
    "NoteKind",
    "Notice",
    "Outcome",
    "OwnedJob",
    "OwnedStatus",
    "Pace",
    "Pause",
    "PauseResult",
    "Payload",
    "PayloadEdit",
    "Ping",
    "PipelineStatus",
    "Pool",
    "PoolRequest",
    "PoolSize",
    "Progress",
    "QueueCheck",
    "QueueDetail",
    "QueueStats",
    "Quiet",
    "QuietResult",
    "Reason",
    "ReasonCode",
    "RejectDetail",
    "RejectTally",
    "RejectedLine",
    "Repair",
    "ReplayedItems",
    "RestoreResult",
    "RestoredBackup",
    "ResumeResult",
    "Role",
    "RqLimit",
    "RunLog",
    "RunOutcome",
    "RunningJob",
    "Scan",
    "Schedule",
    "ScheduleRun",
    "Selection",
    "Selector",
    "Series",
    "SettingInfo",
    "Severity",
    "SourceState",
    "SourceStatus",
    "Span",
    "State",
    "Stats",
    "Step",
    "StopResult",
    "StoppedJob",
    "StoredReading",
    "StrandedJob",
    "Threshold",
    "Thresholds",
    "Timer",
    "TimerKind",
    "Timers",
    "TopicStatus",
    "Topics",
    "Totals",
    "TrashBatch",
    "TrashChoice",
    "UnrealJobs",
    "Verb",
    "WaitResult",
    "WorkerInfo",
    "ignore_progress",
    "last_mark",
    "marks_between",
]
