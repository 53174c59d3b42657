"""The persistent connection on which a claimant sends its claim requests.

redis-py's client takes a connection from its pool for each command and returns it, decides whether it may retry, and
records metrics, which is more work than the command itself in a loop that sends thousands of requests a second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.exceptions import NoScriptError, ResponseError

from qctl.broker.redis import protocol
from qctl.broker.redis.cluster import Redirected, until_accepted
from qctl.broker.redis.protocol import Argument
from qctl.broker.redis.scripts import Script

MAX_IDLE_SECONDS = 1.0
"""Time (s) without use after which the pool checks whether Redis has closed the connection."""


class ClaimConnection:
    """One connection of a client's pool, for one thread. It is opened again if it broke, or if the process forked."""

    def __init__(self, client: Redis) -> None:
        self._pool = client.connection_pool
        self._connection: Any = None
        self._pid = 0
        self._used_at = 0.0

    def run(self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]) -> Any:
        """Run a script, and send its text if Redis does not know it. Raises redis-py's exceptions.

        It sends nothing again that may have been run. Text among the arguments must be what UTF-8 can encode.
        """
        try:
            return self._run(script, keys, args)
        except Redirected:
            return until_accepted(lambda: self._run(script, keys, args))

    def _run(self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]) -> Any:
        try:
            return self._send("EVALSHA", script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return self._send("EVAL", script.body, len(keys), *keys, *args)

    def _send(self, *command: Argument) -> Any:
        connection = self._open()
        try:
            connection.send_packed_command([protocol.pack_utf8(command)])
            return connection.read_response()
        except ResponseError:
            if getattr(connection, "must_close", False):  # its server may be the primary no longer
                self._close(connection)
            raise
        except BaseException:
            # The reply may come later: it must not be read as the reply to another request.
            self._close(connection)
            raise

    def _close(self, connection: Any) -> None:
        self._connection = None
        connection.disconnect()
        self._pool.release(connection)

    def _open(self) -> Any:
        now, pid = time.monotonic(), os.getpid()
        if self._connection is not None and self._pid == pid and now - self._used_at > MAX_IDLE_SECONDS:
            self._pool.release(self._connection)
            self._connection = None
        if self._connection is None or self._pid != pid:
            self._connection, self._pid = self._pool.get_connection(), pid
        self._used_at = now
        return self._connection
