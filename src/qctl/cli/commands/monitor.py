"""`qctl monitor`: the screens that stay open."""

from __future__ import annotations

import gc
import os
import shlex
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from qctl.cli.command import command
from qctl.cli.line_completion import Completer
from qctl.cli.output import is_terminal
from qctl.cli.session import Session
from qctl.errors import QctlError, RefusedError, UsageError
from qctl.safe import redact_url
from qctl.stack.die_with_parent import shell_command

if TYPE_CHECKING:
    from qctl.tui.replay.recording import Recording

PATIENCE = 60.0
"""Seconds that a command line of the monitor may take."""


TIDYING = (20_000, 20, 20)
"""How rarely Python looks for what only refers to itself: by its own choice that is a tenth of the time to the first
screen."""

PROGRAM = (sys.executable, "-c", "import sys; from qctl.cli.main import main; sys.exit(main())")
"""This program, as one starts it beside itself."""

PORT = 8787
"""Where a browser finds the monitor: always the same, so that ssh can forward it."""

EXAMPLES = """
qctl monitor
qctl monitor --read-only
qctl monitor --web
qctl monitor --record incident.jsonl
qctl monitor --replay incident.jsonl
"""


@command("monitor", examples=EXAMPLES)
def monitor(
    session: Session,
    web: Annotated[
        bool, typer.Option("--web", help="Show it to a browser on this machine; prints where. It may only look.")
    ] = False,
    allow_actions: Annotated[
        bool, typer.Option("--allow-actions", help="With --web: the browser may act too.")
    ] = False,
    no_commands: Annotated[
        bool, typer.Option("--no-commands", help="Without its command line: for whom this machine is not open.")
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", help=f"With --web: the port, {PORT}. 0: any that is free.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Write what it shows into a new file, too.")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Show what was recorded, without any Redis.")
    ] = None,
) -> None:
    """Watch queues, jobs, dead letters and workers live, and act on them by keys."""
    if record and (replay or web):
        raise UsageError("--record goes with neither --replay nor --web")
    if web:
        _serve(session, allow_actions, PORT if port is None else port, replay)
        return
    if allow_actions or port is not None:
        raise UsageError("--allow-actions and --port go with --web")
    if not (_in_browser() or (is_terminal(sys.stdout) and is_terminal(sys.stdin))):
        raise RefusedError("`qctl monitor` needs a terminal", "`qctl stats --watch 2s` needs none")
    if replay:
        _play(replay)
    else:
        _watch(session, record, commands=not no_commands)


def _watch(session: Session, record: Path | None, *, commands: bool) -> None:
    """Show what is, and write it down where that is wanted."""
    gc.set_threshold(*TIDYING)
    from qctl.tui.app import Monitor  # brings Textual, which no other command needs
    from qctl.tui.data.cached_data import CachedData
    from qctl.tui.data.monitor_data import MonitorData
    from qctl.tui.replay import recorder

    target = redact_url(session.settings.redis_target)
    file = recorder.RecordingFile(record, target) if record else None
    data: MonitorData = CachedData(session.ops)
    read_only = _read_only(session)
    # Commands write files too: who may only look, and from a browser, has no command line.
    runs = commands and not (read_only and _in_browser())
    try:
        Monitor(
            recorder.record(data, file) if file else data,
            session.ops,
            target=target,
            read_only=read_only,
            run=(lambda line: run_line(session, line)) if runs else None,
            complete=Completer(session.settings.redis_target),
        ).run()
    finally:
        if file:
            file.close()
    if file and file.problem:
        raise QctlError(f"the recording in {record} ends early: {file.problem}")


def _play(file: Path) -> None:
    """Show what was."""
    from qctl.tui.replay.replay_app import ReplayMonitor

    ReplayMonitor(_recording(file)).run()


def _recording(file: Path) -> Recording:
    """What was recorded. Raises UsageError where that is none."""
    from qctl.tui.replay.recording import Recording

    return Recording(file)


def _serve(session: Session, allow_actions: bool, port: int, replay: Path | None) -> None:
    """Show it to a browser: each visit is this program again, with the same options."""
    options = session.options
    if allow_actions and options.read_only:
        raise UsageError("--allow-actions and --read-only contradict each other")
    if allow_actions and replay:
        raise UsageError("--allow-actions and --replay contradict each other: what was recorded is over")
    if not 0 <= port <= 65535:
        raise UsageError(f"there is no port {port}")
    if replay:
        _recording(replay)  # that it is none is said now, and not to the browser
    _ = session.settings  # what is wrong with them is said now, and not to the browser
    web = _web()
    given = {"REDIS_URL": options.redis_url, "QCTL_HOME": options.home, "QCTL_CONTEXT": options.context}
    given["QCTL_READ_ONLY"] = None if allow_actions else "true"
    # By the environment, as everybody may read command lines.
    os.environ.update({name: str(value) for name, value in given.items() if value})
    words = ("--replay", str(replay)) if replay else ()
    served = web.WebMonitor(shell_command((*PROGRAM, "monitor", *words), signal.SIGKILL), port)

    def started(url: str) -> None:
        session.out.say("qctl: good for one browser, once; Ctrl-C ends it" + ("" if allow_actions else "; read-only"))
        session.out.print(url + "\n")

    served.run(started)


def _web() -> ModuleType:
    """The module that serves, which needs an extra."""
    try:
        return import_module("qctl.tui.web")
    except ImportError as error:
        raise RefusedError("`qctl monitor --web` needs textual-serve", "pip install 'qctl[web]'") from error


def _in_browser() -> bool:
    """Whether textual-serve started this for a browser."""
    return "web_driver" in os.environ.get("TEXTUAL_DRIVER", "")


def _read_only(session: Session) -> str | None:
    """Why nothing may be changed, None where it may be."""
    try:
        session.refuse_if_read_only("qctl monitor")
    except RefusedError as error:
        return error.message.replace("`qctl monitor` changes things, and ", "")
    return None


def run_line(session: Session, line: str) -> str:
    """What `qctl LINE` says, run beside this process: without a terminal, so that it asks nothing and refuses what
    would need an answer."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        return f"qctl: {error}"
    if words[:1] == ["monitor"]:
        raise UsageError("this is the monitor already")
    settings = session.settings
    places = {
        "REDIS_URL": settings.redis_target,
        "QCTL_READ_ONLY": str(settings.read_only).lower(),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    try:
        run = subprocess.run(
            [*PROGRAM, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **places},
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"qctl: {line} was ended after {PATIENCE:g} s"
    return run.stdout.decode(errors="replace") + f"\n(exit code {run.returncode})"
