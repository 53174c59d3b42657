"""The program `qctl`: every command, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import shlex
import sys
import traceback
from collections.abc import Sequence

import typer

from qctl import __version__
from qctl.cli import (
    alerts,
    check,
    cleanup,
    config,
    contexts,
    dead_letters,
    events,
    health,
    job_acts,
    jobs,
    metrics,
    monitor,
    queues,
    retry,
    schedules,
    stats,
    trash,
    workers,
)
from qctl.cli.command import Command, command, noun, program
from qctl.cli.exits import ExitCode, exit_code_for
from qctl.cli.output import StdoutClosedError
from qctl.cli.session import Session
from qctl.errors import QctlError

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


@command("up", examples="qctl up\nqctl up --home ./var", changes=True, here=True)
def up(session: Session) -> None:
    """Run everything here, in the foreground, until Ctrl-C.

    Redis and an MQTT broker where the settings name none, the MQTT bridge, workers and the scheduler.
    """
    from qctl.cli.up import up as start  # brings process management, which no other command needs

    start(session.settings)


def build() -> typer.Typer:
    """All commands: the verbs of every day first, the nouns below."""
    daily = (
        stats.stats,
        queues.pause,
        queues.resume,
        queues.clear,
        retry.retry,
        monitor.monitor,
        up,
        health.ping,
        health.health,
        check.check,
        events.events,
        events.audit,
    )
    app = program(HELP, {"Examples": EXAMPLES, "Exit codes": EXIT_CODES}, __version__, daily)
    acts = (retry.retry, job_acts.cancel, job_acts.delete, job_acts.move)
    noun(app, "job", "Jobs of any queue and state.", (jobs.page, jobs.show, jobs.wait, *acts))
    letters = (dead_letters.page, dead_letters.groups, dead_letters.show, retry.retry, job_acts.discard)
    noun(app, "dlq", "Dead letters: jobs that wait for a person.", letters)
    noun(app, "trash", "What was cleared, until it is gone for good.", (trash.batches, trash.restore, trash.empty))
    made = (schedules.everything, schedules.next_, schedules.add, schedules.remove)
    noun(app, "schedule", "What comes at a time.", (*made, schedules.pause, schedules.resume, schedules.run))
    told = (workers.everyone, workers.show, workers.quiet, workers.resume, workers.stop)
    noun(app, "worker", "Processes that take jobs from queues.", told)
    kinds = (cleanup.finished, cleanup.failed, cleanup.results, cleanup.reports, cleanup.exports, cleanup.history)
    noun(app, "cleanup", "Housekeeping, made for cron.", (*kinds, cleanup.trash, cleanup.everything))
    noun(app, "alert", "Rules by which people are told that a queue is bad.", (alerts.rules, alerts.test, alerts.mute))
    noun(app, "metrics", "What was measured, for people and for Prometheus.", (metrics.show, metrics.export))
    noun(app, "context", "Named settings: which Redis of several.", (contexts.everything, contexts.show, contexts.use))
    noun(app, "config", "Settings: what is set, and where.", (config.show, config.check, config.init))
    return app


def run(arguments: Sequence[str], session: Session) -> int:
    """Run one command line. Prints what went wrong, on one line, and returns the exit code."""
    out = session.out
    session.line = shlex.join(("qctl", *arguments))
    try:
        program = typer.main.get_command(build())
        code = program.main(list(arguments), prog_name="qctl", standalone_mode=False, obj=session)
    except StdoutClosedError:
        return ExitCode.CUT_OFF
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except typer.TyperException as error:
        out.complain(error.format_message(), _where_to_read(error))
        return check.MALFORMED if _is_of(error, check.check) else ExitCode.USAGE
    except QctlError as error:
        _show_traceback(session)
        out.complain_of(error)
        return exit_code_for(error)
    except Exception as error:  # noqa: BLE001 - a fault of qctl itself: one line, and how to see the rest
        _show_traceback(session)
        out.complain(f"internal error: {type(error).__name__}: {error}", "see where with --debug")
        return ExitCode.FAILED
    if code == ExitCode.INTERRUPTED:
        out.complain("interrupted")
    return int(code or ExitCode.DONE)


def main() -> int:
    """Run the command line of this process and return its exit code."""
    return run(sys.argv[1:], Session())


def _where_to_read(error: typer.TyperException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"see `{context.command_path} --help`" if context else None


def _is_of(error: typer.TyperException, command: Command) -> bool:
    """Whether a command line is malformed that was to be this command's."""
    context = getattr(error, "ctx", None)
    return context is not None and context.command_path == f"qctl {command.name}"


def _show_traceback(session: Session) -> None:
    if session.options.debug:
        session.out.show_traceback(traceback.format_exc())
