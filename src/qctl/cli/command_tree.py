"""Tree of commands: their names, titles, modules and one sentence of help.

A command line needs one command; help and completion need only names and a sentence. Importing every module for that
would take longer than the rest of `qctl --help`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module

import typer

from qctl import __version__
from qctl.cli.command import Command, add_group, add_placeholder, program

HELP = "Inspect, pause, clear and repair RQ queues on Redis."

EXIT_CODES = """
0 done, or nothing to do    1 failed       2 usage     3 not found
4 server unreachable        5 partial      6 refused   7 timed out
8 awaited job failed        130 Ctrl-C     141 stdout closed
"""

EXAMPLES = """
qctl stats
qctl pause email --reason deploy --for 30m
qctl dlq list --queue 'email*'
"""

QUEUES = "QUEUES AND JOBS"
MONITORING = "MONITORING"
OPERATION = "OPERATION"
MAINTENANCE = "MAINTENANCE"
HELP_AND_VERSION = "HELP"


@dataclass(frozen=True)
class Verb:
    """A command without a noun: its title, its place as `module.attribute`, and the first sentence of its help."""

    title: str
    path: str
    help: str


@dataclass(frozen=True)
class Noun:
    """A group of commands, each as `module.attribute`, and the groups below it."""

    title: str | None
    help: str
    verbs: tuple[str, ...]
    nouns: Mapping[str, Noun] = field(default_factory=dict)


VERBS: Mapping[str, Verb] = {
    "stats": Verb(QUEUES, "stats.stats", "Show depth, age, rates, errors and workers of every queue."),
    "pause": Verb(QUEUES, "queue_control.pause", "Pause queues: no new job starts."),
    "resume": Verb(QUEUES, "queue_control.resume", "Resume paused queues."),
    "clear": Verb(QUEUES, "queue_control.clear", "Move all waiting jobs of a queue to the trash."),
    "retry": Verb(QUEUES, "retry.retry", "Run dead letters again, from the end of their queue."),
    "monitor": Verb(MONITORING, "monitor.monitor", "Watch queues, jobs and workers live, and act on them."),
    "ping": Verb(MONITORING, "health.ping", "Check whether Redis answers."),
    "health": Verb(MONITORING, "health.health", "Check whether jobs are flowing, and what to fix."),
    "doctor": Verb(MONITORING, "doctor.doctor", "Diagnose the whole installation, and say what to fix."),
    "check": Verb(MONITORING, "check.check", "Check queues against thresholds, for a monitoring system."),
    "report": Verb(MONITORING, "report.report", "Write a problem as Markdown without secrets, to send."),
    "memory": Verb(MONITORING, "memory.memory", "Show where Redis's memory goes: by use, job and key."),
    "events": Verb(MONITORING, "events.events", "Show events of queues, jobs and workers, oldest first."),
    "audit": Verb(MONITORING, "events.audit", "Show who changed what, from where, and how it ended."),
    "up": Verb(OPERATION, "up.up", "Run the whole stack on this machine until Ctrl-C."),
    "backup": Verb(MAINTENANCE, "backup.backup", "Back up pauses, limits, schedules, dead letters and trash."),
    "restore": Verb(MAINTENANCE, "backup.restore", "Restore the entries of a backup that Redis lacks."),
    "help": Verb(HELP_AND_VERSION, "program.help_", "Show the help of qctl or of a command."),
    "version": Verb(HELP_AND_VERSION, "program.version", "Show the version of qctl."),
}
"""Commands without a noun, in the order of the help page."""

NOUNS: Mapping[str, Noun] = {
    "job": Noun(
        QUEUES,
        "Manage jobs of any queue and state.",
        (
            *("jobs.list_jobs", "jobs.show", "job_logs.logs", "explain.explain_job"),
            *("job_enqueue.list_types", "job_enqueue.enqueue"),
            *(
                "jobs.wait",
                "retry.retry",
                "retry.replay",
                "job_bulk.cancel",
                "job_bulk.delete",
                "job_bulk.move",
                "job_bulk.release",
            ),
            *("job_edit.stop", "job_edit.edit"),
            *("transfer.export_jobs", "transfer.import_jobs"),
        ),
    ),
    "dlq": Noun(
        QUEUES,
        "Dead letters: failed jobs that need a decision.",
        (
            *("dlq.list_dead_letters", "dlq.groups", "dlq.show", "retry.retry", "job_bulk.discard"),
            *("transfer.export_dead_letters", "transfer.import_jobs"),
        ),
    ),
    "queue": Noun(
        QUEUES,
        "Manage one queue and all its jobs.",
        (
            *("queue.list_queues", "queue.list_queues_as_ls", "queue.show", "explain.explain_queue", "queue.history"),
            *("queue_control.pause", "queue_control.resume", "queue_control.clear"),
            *("queue.move", "queue.drain", "queue.delete"),
        ),
    ),
    "flow": Noun(
        QUEUES,
        "Manage jobs that wait for each other, and groups of jobs.",
        ("flows.list_flows", "flows.show", "flows.retry", "flows.cancel"),
    ),
    "limit": Noun(
        QUEUES,
        "Limit rates and concurrency of queues, names and owners.",
        ("limits.set_limit", "limits.list_limits", "limits.clear"),
    ),
    "note": Noun(
        QUEUES,
        "Write notes on causes and pauses, and acknowledge them.",
        ("notes.add", "notes.list_notes", "notes.delete"),
    ),
    "trash": Noun(
        QUEUES,
        "Manage the trash: removed jobs that can be restored.",
        ("trash.list_batches", "trash.restore", "trash.empty"),
    ),
    "schedule": Noun(
        QUEUES,
        "Manage scheduled jobs.",
        (
            *("schedules.list_schedules", "schedules.next_", "schedules.add", "schedules.edit"),
            *(
                "schedules.remove",
                "schedules.pause",
                "schedules.resume",
                "schedules.skip",
                "schedules.blackout",
                "schedules.run",
                "schedules.backfill",
            ),
        ),
    ),
    "worker": Noun(
        OPERATION,
        "Manage workers: processes that run jobs.",
        (
            *("workers.list_workers", "workers.show", "workers.quiet", "workers.resume", "workers.stop"),
            *("pools.list_pools", "pools.scale"),
        ),
    ),
    "daemon": Noun(
        OPERATION,
        "Manage the daemons as systemd units.",
        (
            *("daemons.list_daemons", "daemons.status", "daemons.start", "daemons.stop", "daemons.restart"),
            *("daemons.logs", "daemons.scale", "daemons.install"),
        ),
    ),
    "ingest": Noun(
        OPERATION,
        "Inspect and control data ingestion.",
        ("ingest.status", "ingest.topics", "ingest.tail", "ingest.push", "ingest_replay.replay", "ingest.flush"),
        {
            "rejects": Noun(
                None,
                "Manage rejected messages and rows.",
                ("rejects.list_rejects", "rejects.show", "rejects.retry", "rejects.discard"),
            )
        },
    ),
    "cleanup": Noun(
        MAINTENANCE,
        "Delete old jobs, files and events; made for cron.",
        (
            *("cleanup.finished", "cleanup.failed", "cleanup.results", "cleanup.reports", "cleanup.exports"),
            *("cleanup.images", "cleanup.history", "cleanup.trash", "cleanup.all_kinds"),
        ),
    ),
    "mark": Noun(MONITORING, "Mark deployments on plots.", ("marks.add", "marks.list_marks", "marks.delete")),
    "alert": Noun(MONITORING, "Manage alert rules.", ("alerts.list_rules", "alerts.test", "alerts.mute")),
    "user": Noun(
        OPERATION,
        "Manage users and admins of the gateway.",
        (
            "users.list_users",
            "users.create",
            "users.invite",
            "users.business",
            "users.promote",
            "users.demote",
            "users.remove",
            "users.password",
            "users.logout",
        ),
    ),
    "metrics": Noun(
        MONITORING,
        "Show metrics, or export them to Prometheus.",
        ("metrics.show", "metrics.chat", "metrics.export", "metrics.reset"),
    ),
    "context": Noun(
        OPERATION,
        "Manage contexts: named settings, one for each Redis.",
        ("contexts.list_contexts", "contexts.show", "contexts.use"),
    ),
    "config": Noun(OPERATION, "Inspect and check settings.", ("config.show", "config.check", "config.init")),
}
"""Groups of commands about one noun."""


def load(path: str) -> Command:
    """Import the command at `module.attribute`."""
    module, _, name = path.partition(".")
    command: Command = getattr(import_module(f"qctl.cli.commands.{module}"), name)
    return command


def build(words: Collection[str] | None = None) -> typer.Typer:
    """Build the whole program, or only the commands that these words name and placeholders for all others."""
    app = program(HELP, {"EXAMPLES": EXAMPLES, "EXIT CODES": EXIT_CODES}, __version__)
    for name, verb in VERBS.items():
        if words is None or name in words:
            load(verb.path).add_to(app, verb.title)
        else:
            add_placeholder(app, name, verb.help, verb.title)
    for name, noun in NOUNS.items():
        _add_noun(app, name, noun, whole=words is None or name in words)
    return app


def _add_noun(app: typer.Typer, name: str, noun: Noun, *, whole: bool) -> None:
    """Register a noun, with its commands if `whole`."""
    group = add_group(app, name, noun.help, [load(path) for path in noun.verbs] if whole else [], noun.title)
    for nested_name, nested in noun.nouns.items() if whole else ():
        _add_noun(group, nested_name, nested, whole=True)
