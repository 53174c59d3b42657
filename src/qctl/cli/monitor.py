"""`qctl monitor`: the screens that stay open."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

from qctl.cli.command import command
from qctl.cli.output import is_terminal
from qctl.cli.session import Session
from qctl.errors import RefusedError, UsageError
from qctl.safe import redact_url

PATIENCE = 60.0
"""Seconds that a command line of the monitor may take."""


@command("monitor", examples="qctl monitor\nqctl monitor --read-only")
def monitor(session: Session) -> None:
    """Watch queues, jobs, dead letters and workers live, and act on them by keys."""
    if not (is_terminal(sys.stdout) and is_terminal(sys.stdin)):
        raise RefusedError("`qctl monitor` needs a terminal", "`qctl stats --watch 2s` needs none")
    from qctl.tui.app import Monitor  # brings Textual, which no other command needs

    settings = session.settings
    Monitor(
        session.ops,
        target=redact_url(settings.redis_target),
        read_only=_read_only(session),
        run=lambda line: run_line(session, line),
    ).run()


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
    program = [sys.executable, "-c", "import sys; from qctl.cli.main import main; sys.exit(main())"]
    try:
        run = subprocess.run(
            [*program, *words],
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
