"""What a person sees of each model: columns, style words and humanised values, for CLI and TUI tables alike.

Every text that leaves this package has passed `safe`. A style word says what a value means; whoever draws maps it to
a colour, and the text alone must say the same to those who see no colour.
"""

from qctl.view.alerts import alert_columns, delivery_columns
from qctl.view.configuration import context_columns, setting_columns
from qctl.view.daemons import daemon_columns
from qctl.view.dead_letters import cause_columns, cause_line, dead_letter_columns
from qctl.view.events import audit_columns, event_columns, event_line
from qctl.view.health import HEALTH, finding_columns
from qctl.view.history import history_columns
from qctl.view.ingest import arrival_line, pipeline_columns, reject_columns, topic_columns
from qctl.view.jobs import job_columns
from qctl.view.metrics import name_columns, step_columns
from qctl.view.queues import queue_columns, queue_state, totals
from qctl.view.table import Cell, Column, Style, Table
from qctl.view.timers import coming_columns, rule_in_words, timer_columns, timer_state
from qctl.view.trash import trash_columns
from qctl.view.users import user_columns
from qctl.view.values import (
    NOTHING,
    PERCENTILES,
    age,
    count,
    counted,
    duration,
    eta,
    fact,
    lapse,
    lapses,
    moment,
    pause,
    rate,
    share,
    size,
)
from qctl.view.workers import worker_columns, worker_facts, worker_state

__all__ = [
    "HEALTH",
    "NOTHING",
    "PERCENTILES",
    "Cell",
    "Column",
    "Style",
    "Table",
    "age",
    "alert_columns",
    "arrival_line",
    "audit_columns",
    "cause_columns",
    "cause_line",
    "coming_columns",
    "context_columns",
    "count",
    "counted",
    "daemon_columns",
    "dead_letter_columns",
    "delivery_columns",
    "duration",
    "eta",
    "event_columns",
    "event_line",
    "fact",
    "finding_columns",
    "history_columns",
    "job_columns",
    "lapse",
    "lapses",
    "moment",
    "name_columns",
    "pause",
    "pipeline_columns",
    "queue_columns",
    "queue_state",
    "rate",
    "reject_columns",
    "rule_in_words",
    "setting_columns",
    "share",
    "size",
    "step_columns",
    "timer_columns",
    "timer_state",
    "topic_columns",
    "totals",
    "trash_columns",
    "user_columns",
    "worker_columns",
    "worker_facts",
    "worker_state",
]
