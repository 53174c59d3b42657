"""On a terminal: questions that want an answer, tables that fit, colours that can be turned off."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from select import select

import pytest
from redis import Redis
from rq import Queue

from qctl.settings import Settings

PROGRAM = str(Path(sys.executable).with_name("qctl"))

PATIENCE = 60.0
"""Seconds until a program that says nothing more fails its test."""


class Terminal:
    """A program on a terminal of its own, where Ctrl-C is a signal."""

    def __init__(self, *arguments: str, columns: int = 80, **names: str) -> None:
        self.shown = ""
        self._screen, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        foreign = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
        env = {name: value for name, value in os.environ.items() if name not in foreign}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", PROGRAM, *arguments],
            stdin=end,
            stdout=end,
            stderr=end,
            env={**env, "TERM": "xterm-256color", **names},
        )
        os.close(end)

    def read_until(self, text: str) -> None:
        """Read what it shows until `text` is there."""
        while text not in self.shown:
            self.read_more(f"{text!r} did not come")

    def read_more(self, problem: str = "nothing more came") -> None:
        """Read what it shows next."""
        ready, _, _ = select([self._screen], [], [], PATIENCE)
        assert ready, f"{problem}; shown so far: {self.shown}"
        self.shown += os.read(self._screen, 65536).decode()

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._screen, text.encode())

    def end(self) -> int:
        """Read the rest, and return its exit code."""
        with suppress(OSError):  # how Linux says that the other end is closed
            while select([self._screen], [], [], PATIENCE)[0]:
                piece = os.read(self._screen, 65536)
                if not piece:
                    break
                self.shown += piece.decode()
        os.close(self._screen)
        return self._process.wait(PATIENCE)


@pytest.fixture
def qctl(settings: Settings) -> Callable[..., Terminal]:
    """Starts `qctl("clear", "email", columns=80, NAME="value")` on a terminal."""

    def start(*arguments: str, columns: int = 80, **names: str) -> Terminal:
        return Terminal(*arguments, columns=columns, REDIS_URL=settings.redis_target, **names)

    return start


@pytest.fixture
def email(connection: Redis) -> Iterator[Queue]:
    """A queue with two jobs."""
    queue = Queue("email", connection=connection)
    queue.enqueue("app.send")
    queue.enqueue("app.send")
    return queue


Start = Callable[..., Terminal]


def test_clear_goes_on_when_the_name_is_typed(qctl: Start, email: Queue) -> None:
    terminal = qctl("clear", "email")
    terminal.read_until("2 waiting jobs of email would go to the trash.\r\nType email to go on:")
    terminal.type("email\r")
    assert terminal.end() == 0
    assert "2 jobs moved to the trash" in terminal.shown
    assert email.job_ids == []


@pytest.mark.parametrize(("typed", "code"), [("emial\r", 6), ("\r", 6), ("y\r", 6), ("\x04", 6), ("ema\x03", 130)])
def test_clear_stops_at_anything_else(typed: str, code: int, qctl: Start, email: Queue) -> None:
    terminal = qctl("clear", "email")
    terminal.read_until("Type email to go on:")
    terminal.type(typed)
    assert terminal.end() == code
    assert ("qctl: interrupted" if code == 130 else "qctl: nothing was done") in terminal.shown
    assert len(email.job_ids) == 2


@pytest.mark.parametrize(("typed", "code"), [("y\r", 0), ("\r", 6), ("no\r", 6)])
def test_a_bulk_retry_asks_with_its_count(typed: str, code: int, qctl: Start, email: Queue, connection: Redis) -> None:
    for job in email.get_jobs():
        email.remove(job)
        job.set_status("failed")
        email.failed_job_registry.add(job, ttl=-1)
    terminal = qctl("retry", "--all", "--queue", "em*")
    terminal.read_until("Run again 2 jobs of email (2 failed)? [y/N]")
    terminal.type(typed)
    assert terminal.end() == code
    assert len(email.job_ids) == (2 if code == 0 else 0)


@pytest.mark.parametrize("kind", ["xterm-256color", "dumb"])
def test_a_table_in_80_columns_and_20(qctl: Start, email: Queue, kind: str) -> None:
    for columns in (80, 20):
        terminal = qctl("stats", columns=columns, TERM=kind)
        assert terminal.end() == 0
        plain = re.sub(r"\x1b\[[0-9;]*m", "", terminal.shown).splitlines()
        assert plain[0].startswith("QUEUE ")
        assert "email" in plain[1]
        assert max(map(len, plain[: plain.index("")])) <= columns


@pytest.mark.parametrize(
    ("more", "names", "colour"),
    [((), {}, True), (("--no-color",), {}, False), ((), {"NO_COLOR": "1"}, False), ((), {"TERM": "dumb"}, False)],
)
def test_colour_can_be_turned_off(
    more: tuple[str, ...], names: dict[str, str], colour: bool, qctl: Start, email: Queue
) -> None:
    terminal = qctl("stats", *more, **names)
    assert terminal.end() == 0
    assert "no worker takes from it" in terminal.shown
    assert ("\x1b[33m" in terminal.shown) == colour
