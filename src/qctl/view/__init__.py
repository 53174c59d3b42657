"""Text for people: table columns, detail lines and humanised values of each model, shared by CLI and TUI.

All text that leaves this package has passed `safe`. A style says what a value means; CLI and TUI map it to a colour.
The text alone must say the same for users who see no colour.
"""

from qctl.quantities import quantity
from qctl.view.alerts import alert_columns, delivery_columns
from qctl.view.annotations import mark_columns, note_columns, note_text
from qctl.view.configuration import context_columns, setting_columns
from qctl.view.daemons import daemon_columns
from qctl.view.dead_letters import cause_columns, cause_line, dead_letter_columns
from qctl.view.details import ago, detail_line, payload_section, section
from qctl.view.events import audit_columns, audit_details, event_columns, event_line
from qctl.view.explanations import explanation
from qctl.view.flows import flow_columns, flow_progress, flow_tree, relatives
from qctl.view.health import HEALTH_STYLES, SEVERITY_STYLES, finding_columns, problem_rows
from qctl.view.ingest import (
    NO_PIPELINE,
    OTHER_TOPICS,
    arrival_line,
    pipeline_columns,
    reject_columns,
    source_columns,
    source_line,
    topic_columns,
)
from qctl.view.job_details import job_details
from qctl.view.job_logs import job_log, job_log_lines
from qctl.view.jobs import job_columns, job_type_columns
from qctl.view.limits import limit_columns, limit_rows
from qctl.view.memory import memory_lines
from qctl.view.metrics import chat_columns, job_name_columns, metrics_columns
from qctl.view.pools import pool_columns
from qctl.view.queue_details import queue_details
from qctl.view.queues import (
    NO_QUEUE,
    history_columns,
    queue_columns,
    queue_state,
    totals_line,
)
from qctl.view.schedule_runs import LEGEND as RUN_LEGEND
from qctl.view.schedules import (
    delayed_columns,
    describe_rule,
    schedule_columns,
    schedule_details,
    schedule_state,
    upcoming_columns,
)
from qctl.view.table import Cell, Column, Style, Table
from qctl.view.trash import trash_columns
from qctl.view.users import user_columns
from qctl.view.values import (
    NO_VALUE,
    PERCENTILES,
    age,
    count,
    duration,
    elapsed,
    elapsed_percentiles,
    eta,
    local_time,
    pause_text,
    rate,
    share,
    size,
)
from qctl.view.workers import worker_columns, worker_details, worker_state

__all__ = [
    "HEALTH_STYLES",
    "NO_PIPELINE",
    "NO_QUEUE",
    "NO_VALUE",
    "OTHER_TOPICS",
    "PERCENTILES",
    "RUN_LEGEND",
    "SEVERITY_STYLES",
    "Cell",
    "Column",
    "Style",
    "Table",
    "age",
    "ago",
    "alert_columns",
    "arrival_line",
    "audit_columns",
    "audit_details",
    "cause_columns",
    "cause_line",
    "chat_columns",
    "context_columns",
    "count",
    "daemon_columns",
    "dead_letter_columns",
    "delayed_columns",
    "delivery_columns",
    "describe_rule",
    "detail_line",
    "duration",
    "elapsed",
    "elapsed_percentiles",
    "eta",
    "event_columns",
    "event_line",
    "explanation",
    "finding_columns",
    "flow_columns",
    "flow_progress",
    "flow_tree",
    "history_columns",
    "job_columns",
    "job_details",
    "job_log",
    "job_log_lines",
    "job_name_columns",
    "job_type_columns",
    "limit_columns",
    "limit_rows",
    "local_time",
    "mark_columns",
    "memory_lines",
    "metrics_columns",
    "note_columns",
    "note_text",
    "pause_text",
    "payload_section",
    "pipeline_columns",
    "pool_columns",
    "problem_rows",
    "quantity",
    "queue_columns",
    "queue_details",
    "queue_state",
    "rate",
    "reject_columns",
    "relatives",
    "schedule_columns",
    "schedule_details",
    "schedule_state",
    "section",
    "setting_columns",
    "share",
    "size",
    "source_columns",
    "source_line",
    "topic_columns",
    "totals_line",
    "trash_columns",
    "upcoming_columns",
    "user_columns",
    "worker_columns",
    "worker_details",
    "worker_state",
]
