"""Random ids of requests and jobs, of bytes that the kernel is asked for in blocks.

Each call of `os.urandom` lets another thread take the interpreter's lock, for which the event loop then waits.
"""

from __future__ import annotations

import os
import uuid
from collections import deque

IDS_PER_BLOCK = 256

_unused: deque[bytes] = deque()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unused.clear)


def new_id() -> str:
    """A random UUID. Thread-safe."""
    while True:
        try:
            return str(uuid.UUID(bytes=_unused.popleft(), version=4))
        except IndexError:
            block = os.urandom(16 * IDS_PER_BLOCK)
            _unused.extend(block[at : at + 16] for at in range(0, len(block), 16))
