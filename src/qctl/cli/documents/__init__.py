"""What commands print to programs: the JSON documents `qctl.<noun>.<verb>/1`, and the rows of csv, jsonl and pipes.

Times are RFC 3339 in UTC with Z, durations are seconds and say so in their key. A key that is here stays: within one
version of a schema keys are only added.
"""

from qctl.cli.documents.alerts import alert_mute, alert_test, alerts
from qctl.cli.documents.backup import backup, recalled
from qctl.cli.documents.bulk import acted, imported
from qctl.cli.documents.checks import check
from qctl.cli.documents.cleanup import cleanup
from qctl.cli.documents.configuration import chosen, config, config_check, config_init, context, contexts
from qctl.cli.documents.daemons import daemons, installed
from qctl.cli.documents.dead_letters import causes, dead_letter, dead_letters
from qctl.cli.documents.document import Document, Record, cell
from qctl.cli.documents.events import audit, events
from qctl.cli.documents.health import doctor, health, ping
from qctl.cli.documents.ingest import arrivals, flushed, ingest, pushed, reject, rejects, topics
from qctl.cli.documents.jobs import edited, enqueued, job, job_stopped, jobs, waited
from qctl.cli.documents.metrics import names, series
from qctl.cli.documents.queue_detail import deleted, drained, history, queue
from qctl.cli.documents.queues import cleared, paused, resumed, stats
from qctl.cli.documents.schedules import comings, schedule_acts, scheduled, timers
from qctl.cli.documents.trash import emptied, restored, trash
from qctl.cli.documents.users import user_act, users
from qctl.cli.documents.workers import hushed, stopped, worker, workers

__all__ = [
    "Document",
    "Record",
    "acted",
    "alert_mute",
    "alert_test",
    "alerts",
    "arrivals",
    "audit",
    "backup",
    "causes",
    "cell",
    "check",
    "chosen",
    "cleanup",
    "cleared",
    "comings",
    "config",
    "config_check",
    "config_init",
    "context",
    "contexts",
    "daemons",
    "dead_letter",
    "dead_letters",
    "deleted",
    "doctor",
    "drained",
    "edited",
    "emptied",
    "enqueued",
    "events",
    "flushed",
    "health",
    "history",
    "hushed",
    "imported",
    "ingest",
    "installed",
    "job",
    "job_stopped",
    "jobs",
    "names",
    "paused",
    "ping",
    "pushed",
    "queue",
    "recalled",
    "reject",
    "rejects",
    "restored",
    "resumed",
    "schedule_acts",
    "scheduled",
    "series",
    "stats",
    "stopped",
    "timers",
    "topics",
    "trash",
    "user_act",
    "users",
    "waited",
    "worker",
    "workers",
]
