"""A process that a test starts, stops, freezes and kills by its own pid."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TypeVar

from support.waiting import PATIENCE_SECONDS, eventually

ProgramT = TypeVar("ProgramT", bound="Program")

MAX_RESERVED_PORTS = 2000
"""Ports that a process does not draw again."""

_reserved: dict[int, None] = {}


class Program:
    """One program, its output in `{folder}/{name}.log`. It dies with the test process, however that ends.

    `env` adds to the environment. `says` is text that it prints when it is ready. Used as a context manager
    it is started, and ended with everything that it forked.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        env: Mapping[str, str] | None = None,
        says: str = "",
    ) -> None:
        self.name = name
        self.says = says
        self.folder = folder
        self.command = list(command)
        self.env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._said_before = 0

    def start(self) -> None:
        """Start it and return when it is ready. Raises AssertionError with its output where it is not."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start it, and do not wait. Not for a thread of its own: the program would die with it."""
        assert not self.running, f"{self.name} runs already"
        with self._log_file.open("ab") as log:
            self._said_before = log.tell()
            self._process = subprocess.Popen(
                [*_bound_to_us(), *self.command],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_ready(self) -> None:
        """Wait until what was started is ready. Raises AssertionError with its output where it does not get so."""
        assert self._process is not None, f"{self.name} was never started"
        try:
            eventually(
                lambda: not self.running or (self._is_bound and self.ready()),
                what=f"start of {self.name}",
            )
            assert self.running, f"{self.name} ended with {self._process.returncode}"
        except AssertionError as error:
            self.end()
            raise AssertionError(f"{error}\n{self.output[-4000:]}") from None

    def ready(self) -> bool:
        """True if it can be used: by default, if it has printed `says` since its start."""
        return self.says.encode() in self._log_file.read_bytes()[self._said_before :]

    @property
    def running(self) -> bool:
        """True if it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id, also after it ended."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything that it printed, over all its starts."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None, f"{self.name} was never started"
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait until it ends. Returns its exit code, negative for a signal."""
        assert self._process is not None, f"{self.name} was never started"
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds} s\n{self.output[-4000:]}") from None

    def stop(self, seconds: float = PATIENCE_SECONDS) -> int:
        """End it by SIGTERM, as an operator does. Returns its exit code."""
        self.send(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.send(signal.SIGKILL)
        self.wait()

    def restart(self) -> None:
        """Start it again with the state it had; stop it first where it runs."""
        if self.running:
            self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the clock for it (SIGSTOP): it keeps its connections and answers nothing."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self.send(signal.SIGCONT)

    def end(self) -> None:
        """Kill it and whatever it forked; nothing happens where it ended already."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self: ProgramT) -> ProgramT:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def _is_bound(self) -> bool:
        """True once setpriv has done its work: before that, the program would outlive this process."""
        try:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes()
            ours = Path("/proc/self/cmdline").read_bytes()
        except FileNotFoundError:
            return True
        setpriv = "".join(_bound_to_us()[:1])
        return not setpriv or (words not in (b"", ours) and not words.startswith(setpriv.encode() + b"\0"))

    @property
    def _log_file(self) -> Path:
        return self.folder / f"{self.name}.log"


def _bound_to_us() -> list[str]:
    """A prefix by which the kernel kills the program when this process dies. Without setpriv: nothing."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, and that no other test process was given.

    Drawn from below the ephemeral range, so that no outgoing connection takes it between a kill and a
    restart, and not with `random`: pytest-randomly gives every worker process the same seed.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if _reserve(port):
            return port


@cache
def _reservations() -> BinaryIO:
    """A file of this user's with a byte for each port; the lock of a byte lasts as long as the process."""
    return (Path(tempfile.gettempdir()) / f"qctl-test-ports-{os.getuid()}").open("ab")


def _reserve(port: int) -> bool:
    """Take a port for this process. False if it, or another process, has it: a server may not have started yet."""
    if port in _reserved:
        return False
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    if len(_reserved) >= MAX_RESERVED_PORTS:
        _reserved.pop(next(iter(_reserved)))
    _reserved[port] = None
    return True


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """True if something accepts connections on this port of an address."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0
