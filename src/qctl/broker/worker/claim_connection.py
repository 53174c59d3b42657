"""The connection on which a claimant claims: one that it keeps.

redis-py's client takes a connection from its pool for each command and hands it back, asks whether it may retry, and
measures: more work than the command itself, where one loop asks the same thing thousands of times a second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from hiredis import pack_command
from redis import Redis
from redis.exceptions import NoScriptError, ResponseError

from qctl.broker.redis.scripts import Argument, Script

FRESH = 1.0
"""Seconds without use after which the pool looks whether Redis has closed the connection meanwhile."""


class Line:
    """One connection of a client's pool, for one thread. It is opened anew where it broke, or the process forked."""

    def __init__(self, connection: Redis) -> None:
        self._pool = connection.connection_pool
        self._connection: Any = None
        self._pid = 0
        self._used = 0.0

    def run(self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]) -> Any:
        """Run a script, which is sent where Redis does not know it. Raises what redis-py raises; nothing is tried
        again. Text among the arguments is what UTF-8 can say."""
        try:
            return self._ask("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return self._ask("EVAL", script.body, len(keys), *keys, *args)

    def _ask(self, *command: Argument) -> Any:
        connection = self._connection_now()
        try:
            connection.send_packed_command([pack_command(command)])  # type: ignore[arg-type]  # its stub says: of one
            return connection.read_response()
        except ResponseError:
            raise
        except BaseException:
            # What was asked may be answered later: nobody must take that for the answer to another question.
            self._connection = None
            connection.disconnect()
            self._pool.release(connection)
            raise

    def _connection_now(self) -> Any:
        now, pid = time.monotonic(), os.getpid()
        if self._connection is not None and self._pid == pid and now - self._used > FRESH:
            self._pool.release(self._connection)
            self._connection = None
        if self._connection is None or self._pid != pid:
            self._connection, self._pid = self._pool.get_connection(), pid
        self._used = now
        return self._connection
