"""The tree of commands: where each one is, and what is said of it before its module is read.

A command line needs one command, help and completion need names and a sentence. Reading every module for that took
longer than all the rest of `qctl --help`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module

import typer

from qctl import __version__
from qctl.cli.command import Command, noun, program, stub

HELP = "Show, hold, clear and repair RQ queues on Redis."

EXIT_CODES = """
0 done, or so already   1 failed     2 usage     3 not found
4 server unreachable    5 in part    6 refused   7 timed out
8 awaited job failed    130 Ctrl-C   141 stdout closed
"""

EXAMPLES = """
qctl stats
qctl pause email --reason deploy --for 30m
qctl dlq list --queue 'email*'
"""


@dataclass(frozen=True)
class Noun:
    """Verbs about one thing, each as `module.attribute` of this package, and things that belong to it."""

    help: str
    verbs: tuple[str, ...]
    nouns: Mapping[str, Noun] = field(default_factory=dict)


DAILY: Mapping[str, tuple[str, str]] = {
    "stats": (
        "stats.stats",
        "Show every queue: depth, age, rates, errors, how long jobs wait and run, workers, pauses.",
    ),
    "pause": ("queues.pause", "Hold queues: no job of theirs starts from now on."),
    "resume": ("queues.resume", "Let paused queues go on."),
    "clear": ("queues.clear", "Move all that waits in a queue to the trash."),
    "retry": ("retry.retry", "Run dead letters again: each goes back to the end of its queue."),
    "monitor": ("monitor.monitor", "Watch queues, jobs, dead letters and workers live, and act on them by keys."),
    "up": ("up.up", "Run everything here, in the foreground, until Ctrl-C."),
    "ping": ("health.ping", "Ask Redis whether it is there."),
    "health": ("health.health", "Tell whether work flows, and what to mend."),
    "doctor": (
        "doctor.doctor",
        "Look at everything that qctl stands on: what is wrong, why it matters, what mends it.",
    ),
    "backup": (
        "backup.backup",
        "Write pauses, schedules, dead letters and the trash to one file, secrets too.",
    ),
    "restore": ("backup.restore", "Put back what a backup holds and is not there."),
    "check": ("check.check", "Judge queues for a monitoring system."),
    "events": ("events.events", "Show what happened to queues, jobs and workers, oldest first."),
    "audit": ("events.audit", "Show who changed what, from which host, with which command line, and how it ended."),
}
"""The verbs of every day, in the order of the help: where each is, and the first sentence of its help."""

NOUNS: Mapping[str, Noun] = {
    "job": Noun(
        "Jobs of any queue and state.",
        (
            *("jobs.page", "jobs.show", "one_job.enqueue", "jobs.wait", "retry.retry"),
            *("job_bulk.cancel", "job_bulk.delete", "job_bulk.move", "one_job.stop", "one_job.edit"),
            *("transfer.jobs", "transfer.take"),
        ),
    ),
    "dlq": Noun(
        "Dead letters: jobs that wait for a person.",
        (
            *("dead_letters.page", "dead_letters.groups", "dead_letters.show", "retry.retry", "job_bulk.discard"),
            *("transfer.dead_letters", "transfer.take"),
        ),
    ),
    "queue": Noun(
        "One queue and all its jobs.",
        (
            *("one_queue.everything", "one_queue.show", "one_queue.history"),
            *("one_queue.move", "one_queue.drain", "one_queue.delete"),
        ),
    ),
    "trash": Noun("What was cleared, until it is gone for good.", ("trash.batches", "trash.restore", "trash.empty")),
    "schedule": Noun(
        "What comes at a time.",
        (
            *("schedules.everything", "schedules.next_", "schedules.add", "schedules.remove"),
            *("schedules.pause", "schedules.resume", "schedules.run"),
        ),
    ),
    "worker": Noun(
        "Processes that take jobs from queues.",
        ("workers.everyone", "workers.show", "workers.quiet", "workers.resume", "workers.stop"),
    ),
    "daemon": Noun(
        "The daemons as units of systemd.",
        (
            *("daemons.everything", "daemons.status", "daemons.start", "daemons.stop", "daemons.restart"),
            *("daemons.logs", "daemons.scale", "daemons.install"),
        ),
    ),
    "ingest": Noun(
        "The way of data into the queues.",
        ("ingest.status", "ingest.topics", "ingest.tail", "ingest.push", "ingest.flush"),
        {
            "rejects": Noun(
                "What came in and was refused, until somebody acts.",
                ("rejects.page", "rejects.show", "rejects.retry", "rejects.discard"),
            )
        },
    ),
    "cleanup": Noun(
        "Housekeeping, made for cron.",
        (
            *("cleanup.finished", "cleanup.failed", "cleanup.results", "cleanup.reports", "cleanup.exports"),
            *("cleanup.images", "cleanup.history", "cleanup.trash", "cleanup.everything"),
        ),
    ),
    "alert": Noun(
        "Rules by which people are told that a queue is bad.", ("alerts.rules", "alerts.test", "alerts.mute")
    ),
    "user": Noun(
        "Users of the gateway, and who of them is an admin.",
        ("users.everyone", "users.create", "users.promote", "users.demote", "users.remove", "users.password"),
    ),
    "metrics": Noun("What was measured, for people and for Prometheus.", ("metrics.show", "metrics.export")),
    "context": Noun(
        "Named settings: which Redis of several.", ("contexts.everything", "contexts.show", "contexts.use")
    ),
    "config": Noun("Settings: what is set, and where.", ("config.show", "config.check", "config.init")),
}
"""The others, by what they are about."""


def load(path: str) -> Command:
    """The command at `module.attribute`."""
    module, _, name = path.partition(".")
    found: Command = getattr(import_module(f"qctl.cli.commands.{module}"), name)
    return found


def build(words: Collection[str] | None = None) -> typer.Typer:
    """The program, whole, or with no more than names and help of what these words do not name."""
    app = program(HELP, {"Examples": EXAMPLES, "Exit codes": EXIT_CODES}, __version__)
    for name, (path, help) in DAILY.items():
        if words is None or name in words:
            load(path).add_to(app)
        else:
            stub(app, name, help)
    for name, each in NOUNS.items():
        _add(app, name, each, whole=words is None or name in words)
    return app


def _add(app: typer.Typer, name: str, wanted: Noun, *, whole: bool) -> None:
    """Register a noun, with its verbs where it is wanted whole."""
    group = noun(app, name, wanted.help, [load(path) for path in wanted.verbs] if whole else [])
    for each, below in wanted.nouns.items() if whole else ():
        _add(group, each, below, whole=True)
