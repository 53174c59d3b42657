"""A process of its own for a site whose keys have another prefix: RQ reads the prefix once, when it is imported.

The process makes one object from the site's settings, and calls its methods when it is asked to. It ends when the pipe
to it is closed, or with this process.
"""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from importlib import import_module
from typing import IO, Any

from qctl.errors import QctlError, UnreachableError
from qctl.settings import Settings

_LENGTH = struct.Struct("!Q")

_PROGRAM = "import sys; sys.path = [p for p in sys.path if p]; from qctl.site_process import main; main()"
"""Python code of the process. `python -c` imports from the working folder first: its entry is removed."""

END_SECONDS = 5.0
"""Time that the process has to end by itself."""


class SiteProcess:
    """Calls methods of an object in the site's process. One call at a time; any thread may call.

    The process is started by the first call, and again by the next one if it died. It ends with this object.
    """

    def __init__(self, factory: str, settings: Settings) -> None:
        """`factory` is `module:name` of what makes the object from the settings."""
        self._factory = factory
        self._settings = settings
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end_process: weakref.finalize[[subprocess.Popen[bytes], int], SiteProcess] | None = None
        self._pid = 0

    def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the object. Raises what it raises, and UnreachableError if the process died meanwhile."""
        with self._lock:
            process = self._running()
            try:
                _write(process.stdin, (method, args, options))
                kind, answer = _read(process.stdout)
            except (OSError, EOFError) as error:
                self._end()
                raise UnreachableError(
                    f"the process for QUEUE_PREFIX={self._settings.queue_prefix} died", "repeat what you did"
                ) from error
        if kind == "error":
            raise answer
        return answer

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._pid != os.getpid() or self._process.poll() is not None:
            # A child that was forked from this process must not talk over its parent's pipe.
            self._end()
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "QUEUE_PREFIX": self._settings.queue_prefix or "rq"},
            )
            self._pid = os.getpid()
            self._end_process = weakref.finalize(self, _end, self._process, self._pid)
            with suppress(OSError):  # the call tells
                _write(self._process.stdin, (self._factory, self._settings))
        return self._process

    def _end(self) -> None:
        self._process = None
        if self._end_process is not None:
            self._end_process()


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """End a process that this one, or the parent that it was forked from, started; only the owner waits for it."""
    if owner != os.getpid():
        return
    with suppress(OSError):
        if process.stdin:
            process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def _write(pipe: IO[bytes] | None, value: object) -> None:
    if pipe is None:
        raise EOFError
    packed = pickle.dumps(value)
    pipe.write(_LENGTH.pack(len(packed)) + packed)
    pipe.flush()


def _read(pipe: IO[bytes] | None) -> Any:
    """Read one value. The other end is this program itself, by a pipe that nobody else has. Raises EOFError."""
    if pipe is None:
        raise EOFError
    return pickle.loads(_exactly(pipe, _LENGTH.unpack(_exactly(pipe, _LENGTH.size))[0]))  # noqa: S301


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    received = pipe.read(count)
    if len(received) < count:
        raise EOFError
    return received


def _answer(target: object, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[str, Any]:
    try:
        return "value", getattr(target, method)(*args, **options)
    except QctlError as error:
        return "error", error
    except Exception as error:  # noqa: BLE001 - it belongs to the caller, and must not end the process
        return "error", QctlError(f"{type(error).__name__}: {error}")


def main() -> None:
    """Answer calls until the pipe is closed."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a job's module prints must not be read as an answer
    target: object = None
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        factory, settings = _read(requests)
        module, _, name = factory.partition(":")
        failure: tuple[str, Any] | None = None
        try:
            target = getattr(import_module(module), name)(settings)
        except QctlError as error:
            failure = "error", error
        while True:
            call = _read(requests)
            _write(answers, failure or _answer(target, *call))
