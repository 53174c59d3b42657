"""Writing without a queue (CACHE_ENABLED=false): items go to the sink at once and are acknowledged once stored there.

`DirectWriter` replaces everything that a source otherwise keeps in Redis. The price: while the sink is down
nothing is acknowledged, so only the MQTT broker and the clients hold new messages; rejects go to a file instead of
becoming dead letters that can be retried; and because only this process knows which messages were committed, a reading
without a timestamp that is sent again after a restart may be stored twice.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from qctl.broker.ingest.buffer import BufferLevel, Commit
from qctl.broker.ingest.mqtt_session import SessionState
from qctl.errors import BackpressureError
from qctl.models import SourceState
from qctl.settings import Settings
from qctl.sinks.base import Rejection

log = logging.getLogger(__name__)

MAX_REJECTS_FILE_BYTES = 256 * 1024**2
"""Size of the file of rejects. When it is reached nothing more is taken until the file is moved away, because senders
decide what is in it."""


class OpenSink(Protocol):
    """The part of a sink that is used (`sinks.base.ReopeningSink`). Both methods raise SinkError."""

    def write(self, batch: Sequence[Any]) -> Sequence[Rejection]: ...

    def check(self) -> None: ...


class DirectWriter:
    """Writes one pipeline's items to its sink."""

    def __init__(self, settings: Settings, pipeline: str, sink: OpenSink) -> None:
        self._settings = settings
        self._sink = sink
        self._is_available = True
        self._file = settings.make_home() / f"rejects-{pipeline}.jsonl"
        self._sessions = 0
        log.info("CACHE_ENABLED is false, writing %s without a queue: rejects=%s", pipeline, self._file)

    # --- in place of `Buffer` ---------------------------------------------------------------------------------

    def append(self, commit: Commit) -> int:
        """Write a group and record its rejects. Returns 0, because there is no buffer.

        Raises SinkError and BackpressureError; then the same group may be appended again.
        """
        items = [json.loads(item) for item in commit.items]
        refused = self._write(items) if items else ()
        self._record(
            [
                *({"reason": row.reason, "item": items[row.index]} for row in refused),
                *({"reason": reject.reason, "id": reject.id, "args": reject.args} for reject in commit.rejects),
            ]
        )
        return 0

    def has_commits(self) -> bool:
        """False: a sink may have come back without what it had."""
        return False

    def level(self) -> BufferLevel:
        """The fill levels of an empty buffer. Raises SinkError while a sink is down that failed at the last write, so
        that no client is admitted only to be rejected."""
        if not self._is_available:
            self._sink.check()
            self._is_available = True
        return BufferLevel(0, None, 0, 0.0)

    def backpressure_reason(self, _level: BufferLevel) -> str | None:
        """The reason that no items can be taken, None if they can."""
        if self._file.exists() and self._file.stat().st_size >= MAX_REJECTS_FILE_BYTES:
            return f"{self._file} is full: move it away"
        return None

    def record_session_loss(self) -> None:
        """Do nothing: the loss is logged."""

    def record_broker_drops(self, _counter: str, _value: int) -> int:
        """Do nothing: Redis, which knows the count before, may not exist."""
        return 0

    def _write(self, items: Sequence[Any]) -> Sequence[Rejection]:
        self._is_available = False
        refused = self._sink.write(items)
        self._is_available = True
        return refused

    def _record(self, rejects: Iterable[dict[str, Any]]) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        text = "".join(json.dumps({"at": at, **reject}) + "\n" for reject in rejects)
        if not text:
            return
        try:
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with open(handle, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(handle)
        except OSError as error:
            raise BackpressureError(f"{self._file} cannot be written: {error.strerror}") from error

    # --- in place of `MqttSession` ----------------------------------------------------------------------------

    def begin_connect(self) -> SessionState:
        """Return no notes: other processes leave none."""
        return SessionState([], settled=True)

    def record_resumed(self, *, discard_notes: bool) -> None:
        """Do nothing: the broker still has the session."""
        del discard_notes

    def record_new_session(self) -> int:
        """Count a new session at the broker. Returns the number of sessions since this process started."""
        self._sessions += 1
        return self._sessions

    # --- in place of `Heartbeats` ---------------------------------------------------------------------------------

    is_due = False

    def beat(self, state: SourceState = "serving", reason: str = "") -> None:
        """Do nothing: Redis may not exist."""

    # --- in place of `TopicCounters` and `BatchCutter` ---------------------------------------------------------------

    def add(self, topic: str, lag_ns: int | None) -> None:
        """Do nothing: topics are not counted."""

    def add_ignored(self, topic: str, reason: str) -> None:
        """Do nothing: topics are not counted."""

    def add_left_out(self, topic: str, names: Iterable[str], clocks: int = 0) -> None:
        """Do nothing: topics are not counted."""

    def flush(self) -> None:
        """Do nothing: there is nothing to publish."""

    def wake(self) -> None:
        """Do nothing: there are no batches."""

    def check(self) -> None:
        """Do nothing: no thread can have ended."""

    def __enter__(self) -> DirectWriter:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: every write is complete when it returns."""
