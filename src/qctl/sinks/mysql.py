"""Stores messages in MySQL or MariaDB: the table `messages` (docs/compatibility.md), one transaction for each batch.

A row whose msg_id exists is left as it is, by an update that changes nothing, because INSERT IGNORE would turn invalid
values into warnings too. The rows are then read back in the same transaction, while they are locked: the same message
is accepted, another one is rejected. Rows are compared here, not by the collation, in which `a`, `A` and `a ` may be
equal. A row is also rejected if only the table sees an equal id, or if another unique key has its value.

If the column `timestamp` has no fractions of a second, which is the default, they are cut off and not rounded up:
`ALTER TABLE messages MODIFY timestamp DATETIME(3)` keeps milliseconds from then on.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from qctl.databases import mysql
from qctl.databases.mysql import MysqlServer
from qctl.errors import RejectedError
from qctl.sinks.base import Rejection, Row, Sink, write_rows
from qctl.sinks.messages import MESSAGES_SCHEMA, Message, conflict_reason, parse_message

IDLE_SECONDS = 30.0
"""Time (s) without a batch after which the connection is tested before use, because servers close idle connections."""

STATEMENT_OVERHEAD_BYTES = 1000
"""Maximum size of a statement without the text of its messages."""

MAX_ATTEMPTS = 4
"""Attempts at a transaction after deadlocks and lock time-outs, before the batch waits."""

_TABLE = f"{MESSAGES_SCHEMA.rstrip()} {mysql.TABLE_OPTIONS}"
_LIMITS = """
SELECT DATETIME_PRECISION, @@max_allowed_packet FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'messages' AND COLUMN_NAME = 'timestamp'
"""
_INSERT = """
INSERT INTO messages (msg_id, message, user_id, timestamp) VALUES (%s, %s, %s, %s)
ON DUPLICATE KEY UPDATE msg_id = msg_id
"""
_STORED = "SELECT msg_id, message, user_id, timestamp FROM messages WHERE msg_id IN %s"

Params = tuple[str, str, str, datetime]


class MysqlSink(Sink):
    """The table `messages` of one database. The table is created if it is missing, the database is not."""

    def __init__(self, server: MysqlServer) -> None:
        self._server = server
        self._connection: Any = None
        self._decimals = 6
        self._max_packet_bytes = 0
        self._used_at = 0.0

    def open(self) -> None:
        """Connect and create the table."""
        if self._connection is not None and not self._is_connected():
            self.close()
        if self._connection is None:
            self._connection = mysql.connect(self._server)
            with mysql.translate_errors(self._server, "messages"):
                self._prepare()

    def write(self, batch: Sequence[Any]) -> list[Rejection]:
        """Store messages. A message whose msg_id is stored with other content is rejected."""
        if self._connection is None:
            raise RuntimeError("the sink is not open")
        self._used_at = time.monotonic()
        return write_rows(batch, self._encode, self._insert)

    def check(self) -> None:
        """Connect, and let the server explain an insertion, for which it checks the rights and the table.

        `open` creates a missing table if the user has the right to; that right is not checked.
        """
        connection = mysql.connect(self._server)
        with closing(connection), mysql.transaction(connection, self._server, "messages") as cursor:
            if cursor.execute(_LIMITS):
                cursor.execute(f"EXPLAIN {_INSERT}", ("", "", "", None))

    def close(self) -> None:
        """Close the connection; the server rolls back an open transaction."""
        connection, self._connection = self._connection, None
        if connection is not None:
            mysql.close(connection)

    # --- connecting ---------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Create the table if it is missing. That needs other rights than writing to it."""
        with self._connection.cursor() as cursor:
            if not cursor.execute(_LIMITS):
                cursor.execute(_TABLE)
                cursor.execute(_LIMITS)
            (precision, self._max_packet_bytes) = cursor.fetchone()
        self._connection.commit()
        self._decimals = 6 if precision is None else precision

    def _is_connected(self) -> bool:
        if time.monotonic() - self._used_at < IDLE_SECONDS:
            return True
        try:
            self._connection.ping(reconnect=False)
        except Exception:  # noqa: BLE001 - after any error a new connection is opened
            return False
        return True

    # --- writing ------------------------------------------------------------------------------------------

    def _encode(self, item: Any) -> Params:
        message = parse_message(item)
        # The server would close the connection on a larger packet, and the whole batch would fail.
        if 2 * len(message.message.encode()) + STATEMENT_OVERHEAD_BYTES > self._max_packet_bytes:
            raise RejectedError("it is larger than max_allowed_packet of MySQL")
        unit = 10 ** (6 - self._decimals)
        timestamp = message.timestamp.replace(tzinfo=None, microsecond=message.timestamp.microsecond // unit * unit)
        return Message(message.msg_id, message.message, message.user_id, timestamp)

    def _insert(self, rows: Sequence[Row[Params]]) -> list[Rejection]:
        """Store rows in one transaction, except for those that conflict with stored ones."""

        def run() -> list[Rejection]:
            with mysql.transaction(self._connection, self._server, "messages") as cursor:
                cursor.max_stmt_length = min(cursor.max_stmt_length, self._max_packet_bytes - STATEMENT_OVERHEAD_BYTES)
                inserted = cursor.executemany(_INSERT, [row.value for row in rows])
                return [] if inserted == len(rows) else self._conflicts(cursor, rows)

        return mysql.retry_on_contention(run, MAX_ATTEMPTS)

    def _conflicts(self, cursor: Any, rows: Sequence[Row[Params]]) -> list[Rejection]:
        cursor.execute(_STORED, ([row.value[0] for row in rows],))
        stored = {row[0]: row for row in cursor.fetchall()}
        return [
            Rejection(
                row.index, conflict_reason(id_) if id_ in stored else f"another row has the same unique key: {id_!r}"
            )
            for row in rows
            if stored.get(id_ := row.value[0]) != row.value
        ]
