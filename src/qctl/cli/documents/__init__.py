"""JSON documents `qctl.<noun>.<verb>/1` and rows of csv, jsonl and pipes: the output of commands for programs.

Times are RFC 3339 in UTC with Z. Durations are seconds, as their key says. Keys are stable: within one version of a
schema, keys are only added.
"""

from qctl.cli.documents.alerts import alert_list, alert_mute, alert_test
from qctl.cli.documents.annotations import mark_add, mark_delete, mark_list, note_add, note_delete, note_list
from qctl.cli.documents.backup import backup, restore
from qctl.cli.documents.bulk import bulk_action, job_import
from qctl.cli.documents.checks import check
from qctl.cli.documents.cleanup import cleanup
from qctl.cli.documents.configuration import (
    config_check,
    config_init,
    config_show,
    context_list,
    context_show,
    context_use,
    version,
)
from qctl.cli.documents.daemons import daemon_install, daemon_states
from qctl.cli.documents.dead_letters import dlq_groups, dlq_list, dlq_show
from qctl.cli.documents.document import Document, Record, cell
from qctl.cli.documents.events import audit, events
from qctl.cli.documents.explanations import explanation
from qctl.cli.documents.flows import flow_act, flow_list, flow_show
from qctl.cli.documents.health import doctor, health, ping
from qctl.cli.documents.ingest import (
    ingest_flush,
    ingest_push,
    ingest_replay,
    ingest_status,
    ingest_tail,
    ingest_topics,
    reject_list,
    reject_show,
)
from qctl.cli.documents.jobs import job_edit, job_enqueue, job_list, job_logs, job_show, job_stop, job_types, job_wait
from qctl.cli.documents.limits import limit_clear, limit_list, limit_set
from qctl.cli.documents.memory import memory
from qctl.cli.documents.metrics import metrics_chat, metrics_reset, metrics_show, stats_names
from qctl.cli.documents.pools import pool_list
from qctl.cli.documents.queues import (
    clear,
    pause,
    queue_delete,
    queue_drain,
    queue_history,
    queue_show,
    resume,
    stats,
)
from qctl.cli.documents.schedules import (
    schedule_actions,
    schedule_add,
    schedule_backfill,
    schedule_edit,
    schedule_list,
    schedule_next,
)
from qctl.cli.documents.trash import trash_empty, trash_list, trash_restore
from qctl.cli.documents.users import user_action, user_invitation, user_list
from qctl.cli.documents.workers import worker_list, worker_quiet, worker_show, worker_stop

__all__ = [
    "Document",
    "Record",
    "alert_list",
    "alert_mute",
    "alert_test",
    "audit",
    "backup",
    "bulk_action",
    "cell",
    "check",
    "cleanup",
    "clear",
    "config_check",
    "config_init",
    "config_show",
    "context_list",
    "context_show",
    "context_use",
    "daemon_install",
    "daemon_states",
    "dlq_groups",
    "dlq_list",
    "dlq_show",
    "doctor",
    "events",
    "explanation",
    "flow_act",
    "flow_list",
    "flow_show",
    "health",
    "ingest_flush",
    "ingest_push",
    "ingest_replay",
    "ingest_status",
    "ingest_tail",
    "ingest_topics",
    "job_edit",
    "job_enqueue",
    "job_import",
    "job_list",
    "job_logs",
    "job_show",
    "job_stop",
    "job_types",
    "job_wait",
    "limit_clear",
    "limit_list",
    "limit_set",
    "mark_add",
    "mark_delete",
    "mark_list",
    "memory",
    "metrics_chat",
    "metrics_reset",
    "metrics_show",
    "note_add",
    "note_delete",
    "note_list",
    "pause",
    "ping",
    "pool_list",
    "queue_delete",
    "queue_drain",
    "queue_history",
    "queue_show",
    "reject_list",
    "reject_show",
    "restore",
    "resume",
    "schedule_actions",
    "schedule_add",
    "schedule_backfill",
    "schedule_edit",
    "schedule_list",
    "schedule_next",
    "stats",
    "stats_names",
    "trash_empty",
    "trash_list",
    "trash_restore",
    "user_action",
    "user_invitation",
    "user_list",
    "version",
    "worker_list",
    "worker_quiet",
    "worker_show",
    "worker_stop",
]
