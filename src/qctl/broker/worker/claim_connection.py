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
from redis.exceptions import ConnectionError, NoScriptError, ResponseError

from qctl.broker.redis import protocol
from qctl.broker.redis.cluster import Redirected, until_accepted
from qctl.broker.redis.protocol import Argument
from qctl.broker.redis.scripts import Script

MAX_IDLE_SECONDS = 1.0
"""Time (s) without use after which the pool checks whether Redis has closed the connection."""


class ClaimConnection:
    """One connection of a client's pool, for one thread at a time. It is opened again if it broke, or if the process
    forked.
    """

    def __init__(self, client: Redis) -> None:
        self._pool = client.connection_pool
        self._connection: Any = None
        self._pid = 0
        self._used_at = 0.0
        self._sent: tuple[Script, Sequence[Argument], Sequence[Argument]] | None = None

    def send(self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]) -> None:
        """Send a script without waiting for its reply: the next call is `read`. Raises redis-py's exceptions.

        Text among the arguments must be what UTF-8 can encode.
        """
        if self._sent is not None and self._connection is not None:
            self._close()  # a signal came before the reply was read: it must not be read as the reply to this one
        self._write("EVALSHA", script.sha, len(keys), *keys, *args)
        self._sent = script, keys, args

    def read(self) -> Any:
        """The reply to the script that was sent. Raises redis-py's exceptions.

        It sends the script's text if Redis does not know it, and nothing again that may have been run.
        """
        sent, self._sent = self._sent, None
        if sent is None:
            raise ConnectionError("no request was sent")
        try:
            return self._reply_to(*sent)
        except Redirected:
            return until_accepted(lambda: self._run(*sent))

    def _run(self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]) -> Any:
        self._write("EVALSHA", script.sha, len(keys), *keys, *args)
        return self._reply_to(script, keys, args)

    def _reply_to(self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]) -> Any:
        try:
            return self._read()
        except NoScriptError:
            self._write("EVAL", script.body, len(keys), *keys, *args)
            return self._read()

    def _write(self, *command: Argument) -> None:
        connection = self._open()
        try:
            connection.send_packed_command([protocol.pack_utf8(command)])
        except BaseException:
            self._close()
            raise

    def _read(self) -> Any:
        connection = self._connection
        try:
            return connection.read_response()
        except ResponseError:
            if getattr(connection, "must_close", False):  # its server may be the primary no longer
                self._close()
            raise
        except BaseException:
            # The reply may come later: it must not be read as the reply to another request.
            self._close()
            raise

    def _close(self) -> None:
        connection, self._connection = self._connection, None
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
