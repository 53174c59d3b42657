"""A bad cable: frames between two interfaces, of which some are lost and all are late. It does without the kernel's
netem, which many lack."""

from __future__ import annotations

import ctypes
import fcntl
import random
import select
import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from types import TracebackType

_ALL_PROTOCOLS = 0x0003
_OUTGOING = 4
"""Kind of a frame that this machine itself sends by the interface."""

_SIOCETHTOOL = 0x8946
_OFFLOADS = (0x17, 0x1F, 0x24)
"""ethtool's commands that set checksums, segmentation of TCP, and of all protocols (linux/ethtool.h)."""

_MAX_FRAME_BYTES = 65_536


def send_whole_frames(interface: str) -> None:
    """Let the kernel, and not the interface, compute checksums and cut segments: frames can then be copied."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for command in _OFFLOADS:
            value = (ctypes.c_uint32 * 2)(command, 0)
            fcntl.ioctl(control, _SIOCETHTOOL, struct.pack("16sP", interface.encode(), ctypes.addressof(value)))


class BadWire:
    """Copies frames between two interfaces. Those from `near` are lost by chance, and late. Used as a context
    manager."""

    def __init__(self, near: str, far: str, *, loss: float, delay_seconds: float) -> None:
        self._loss = loss
        self._delay_seconds = delay_seconds
        self._near, self._far = _listen(near), _listen(far)
        self._late: deque[tuple[float, bytes]] = deque()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._copy, daemon=True)

    def _copy(self) -> None:
        while not self._ending.is_set():
            wait = max(0.0, self._late[0][0] - time.monotonic()) if self._late else 0.1
            for source in select.select([self._near, self._far], [], [], min(wait, 0.1))[0]:
                self._take(source)
            while self._late and self._late[0][0] <= time.monotonic():
                _send(self._far, self._late.popleft()[1])

    def _take(self, source: socket.socket) -> None:
        frame, address = source.recvfrom(_MAX_FRAME_BYTES)
        if address[2] == _OUTGOING:
            return
        if source is self._far:
            _send(self._near, frame)
        elif random.random() >= self._loss:
            self._late.append((time.monotonic() + self._delay_seconds, frame))

    def __enter__(self) -> BadWire:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()
        self._near.close()
        self._far.close()


def _listen(interface: str) -> socket.socket:
    found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
    found.bind((interface, 0))
    return found


def _send(target: socket.socket, frame: bytes) -> None:
    with suppress(OSError):  # the other end is down: a frame more is lost
        target.send(frame)
