"""The programs of the site: `qctl up`, and the shop's own worker beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event

from demo.site import Site
from qctl.stack import die_with_parent

STARTING = 90.0
"""Seconds that `qctl up` may take until its servers answer, on a busy machine."""

ENDING = 240.0
"""Seconds that a program may take to finish what it holds, as `qctl up` gives its daemons."""


class Child:
    """A program in a session of its own, so that a Ctrl-C reaches it only through us, when its turn has come. Where we
    are killed it is asked to end all the same.

    Used as a context manager it is ended when the block is left.
    """

    def __init__(self, site: Site, script: str, *arguments: str) -> None:
        command = [str(Path(sys.executable).with_name(script)), *arguments]
        tied = [
            sys.executable,
            "-I",
            "-S",
            die_with_parent.__file__,
            str(os.getpid()),
            str(int(signal.SIGTERM)),
            *command,
        ]
        self._process = subprocess.Popen(
            tied, cwd=site.home, env=site.environ, stdin=subprocess.DEVNULL, start_new_session=True
        )

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    def ask(self) -> None:
        """Ask it to end; a second time, not to wait for what it holds."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.ask()
        self._process.wait(ENDING)


def await_up(site: Site, up: Child, stop: Event) -> bool:
    """Wait until the servers of `qctl up` answer. Returns False where it ended before, or `stop` was set."""
    settings = site.settings
    waits = int(STARTING / 0.2)
    for _ in range(waits):
        if up.code is not None or stop.is_set():
            return False
        if all((settings.redis_socket.exists(), _answers(settings.mqtt_port), _answers(settings.socket_port))):
            return True
        stop.wait(0.2)
    return False


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
