"""A program of qctl on a pseudo-terminal."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path
from select import select
from time import monotonic
from types import TracebackType

PROGRAM = str(Path(sys.executable).with_name("qctl"))

TIMEOUT_SECONDS = 60.0
"""Time without output after which a test fails."""


class Terminal:
    """A program on a pseudo-terminal, on which Ctrl-C is a signal."""

    def __init__(self, *arguments: str, columns: int = 80, program: str = PROGRAM, **names: str) -> None:
        self.shown = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._screen, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        foreign = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
        env = {name: value for name, value in os.environ.items() if name not in foreign}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", program, *arguments],
            stdin=end,
            stdout=end,
            stderr=end,
            env={**env, "TERM": "xterm-256color", **names},
        )
        os.close(end)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def read_until(self, text: str) -> None:
        """Read output until `text` appears. A program that repeats other output fails after TIMEOUT_SECONDS too."""
        end = monotonic() + TIMEOUT_SECONDS
        while text not in self.shown:
            self.read_more(f"{text!r} did not appear")
            assert monotonic() < end or text in self.shown, f"{text!r} did not appear; shown so far: {self.shown}"

    def read_more(self, problem: str = "no more output") -> None:
        """Read the next output."""
        ready, _, _ = select([self._screen], [], [], TIMEOUT_SECONDS)
        assert ready, f"{problem}; shown so far: {self.shown}"
        self.shown += self._decoder.decode(os.read(self._screen, 65536))

    def type(self, text: str) -> None:
        """Type text."""
        os.write(self._screen, text.encode())

    def end(self) -> int:
        """Read the remaining output and return the exit code."""
        with suppress(OSError):  # Linux raises this when the other end is closed
            while select([self._screen], [], [], TIMEOUT_SECONDS)[0]:
                piece = os.read(self._screen, 65536)
                if not piece:
                    break
                self.shown += self._decoder.decode(piece)
        os.close(self._screen)
        return self._process.wait(TIMEOUT_SECONDS)
