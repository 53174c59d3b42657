"""A child process that runs one job after another for a worker, and the messages between the two.

A fork for each job costs several milliseconds, most of them for memory that the child only reads. So a child is kept
for a number of jobs, or until it has grown too large. A job that kills it costs no other job anything.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any, NoReturn

from qctl.broker.worker import process_memory

MAX_JOBS = 1000
"""Jobs after which a child is replaced, which frees memory that they leaked."""

MAX_GROWTH_BYTES = 100 << 20
"""Memory (bytes) by which a child may grow after its start before it is replaced."""

MEMORY_CHECK_JOBS = 20
"""Jobs between checks of a child's memory."""

ANSWER_SECONDS = 1
"""Time (s) that `receive` waits for an answer."""

READ_BYTES = 1 << 16
"""Bytes that are read at once; most messages are shorter than 2 KB."""

LENGTH_BYTES = 8
"""Bytes of a message's length, which precedes it."""


class Messages:
    """Messages over a socket, one at a time in each direction. Tuples of plain values take the least time."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._received = bytearray()

    def send(self, message: Any) -> None:
        """Send a message. Raises OSError if the other side is gone."""
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        self.socket.sendall(len(data).to_bytes(LENGTH_BYTES, "big") + data)

    def receive(self) -> Any:
        """Wait for a message. Raises BlockingIOError after the socket's time-out, EOFError if the other side is gone.

        The part of a message that has arrived until then is kept for the next call.
        """
        received, needed = self._received, LENGTH_BYTES
        while True:
            if len(received) >= needed:
                needed = LENGTH_BYTES + int.from_bytes(received[:LENGTH_BYTES], "big")
                if len(received) >= needed:
                    break
            data = self.socket.recv(READ_BYTES)
            if not data:
                raise EOFError
            received += data
        self._received = bytearray()
        return pickle.loads(memoryview(received)[LENGTH_BYTES:])  # noqa: S301 - both sides are this program


class ChildProcess:
    """A forked process. `serve` is called in it with each task that is sent, and returns the answer."""

    def __init__(self, prepare: Callable[[], None], serve: Callable[[Any], Any]) -> None:
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            _serve_until_closed(Messages(theirs), prepare, serve)
        theirs.close()
        with contextlib.suppress(OSError):  # the child may have done so already, or have ended
            os.setpgid(self.pid, self.pid)
        # The socket keeps blocking: a large task may take longer to send than an answer is waited for.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", ANSWER_SECONDS, 0))
        self._messages = Messages(ours)
        self._jobs = 0
        self._first_bytes = process_memory.resident_bytes(self.pid) or 0

    @property
    def is_worn(self) -> bool:
        """True if it should be replaced before the next job."""
        if self._jobs >= MAX_JOBS:
            return True
        if self._jobs % MEMORY_CHECK_JOBS != MEMORY_CHECK_JOBS - 1:
            return False
        return (process_memory.resident_bytes(self.pid) or 0) > self._first_bytes + MAX_GROWTH_BYTES

    def send(self, task: Any) -> None:
        """Send a task. If the child is gone, `wait` notices."""
        self._jobs += 1
        with contextlib.suppress(OSError):
            self._messages.send(task)

    def receive(self) -> tuple[bool, Any]:
        """True and the answer, False and None if none came within a second. If the child is gone, `wait` notices.

        It sets no alarm, which for a short job would take longer than to wait for it.
        """
        try:
            return True, self._messages.receive()
        except (EOFError, OSError):
            return False, None

    def wait(self) -> tuple[Any, int]:
        """Wait for the answer. Returns it and 0, or None and the status with which the child died, as `os.wait4` does.

        An exception that an alarm raises meanwhile propagates, and the caller may wait again.
        """
        ready = select.poll()
        ready.register(self._messages.socket, select.POLLIN)
        try:
            ready.poll()
            signal.alarm(0)  # an answer that was read in part could not be read again
            while True:
                with contextlib.suppress(BlockingIOError):
                    return self._messages.receive(), 0
        except (EOFError, OSError):
            return None, self.close() or 1 << 8

    def close(self) -> int:
        """Let the child end, and wait for it. Returns its status, 0 if other code has waited for it already."""
        self._messages.socket.close()
        with contextlib.suppress(ChildProcessError):
            return os.waitpid(self.pid, 0)[1]
        return 0


def _serve_until_closed(messages: Messages, prepare: Callable[[], None], serve: Callable[[Any], Any]) -> NoReturn:
    """Run the child until its socket is closed. Never returns: it must not go on with the worker's own code."""
    try:
        os.setpgrp()
        prepare()
        while True:
            messages.send(serve(messages.receive()))
    except EOFError:
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it was, the worker sees that the child is gone
        os._exit(1)
