"""Without a queue (CACHE_ENABLED=false): what came goes to the sink at once, and is acknowledged when it is there.

`Direct` stands in for all that a source has in Redis otherwise. What that costs: while the sink is down nothing is
acknowledged, and only the broker and the clients hold what comes. What is refused is noted in a file, not a dead letter
that can be retried. Which messages were committed is known to this process alone, so that a reading without a time of
its own, sent again after a restart, may show twice.
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
from qctl.settings import Settings
from qctl.sinks.base import Refused

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024**2
"""Size of the file of rejects from which on nothing is taken until somebody moves it away: who sends decides what is
in it."""


class OpenSink(Protocol):
    """What is wanted of a sink (`sinks.base.KeptOpen`). Both raise SinkError."""

    def write(self, batch: Sequence[Any]) -> Sequence[Refused]: ...

    def check(self) -> None: ...


class Direct:
    """The way of one pipeline to its sink."""

    def __init__(self, settings: Settings, pipeline: str, sink: OpenSink) -> None:
        self._settings = settings
        self._sink = sink
        self._is_well = True
        self._file = settings.make_home() / f"rejects-{pipeline}.jsonl"
        self._sessions = 0
        log.info("CACHE_ENABLED is false: %s are written at once; rejects are noted in %s", pipeline, self._file)

    # --- in the place of `Buffer` -----------------------------------------------------------------------------

    def append(self, commit: Commit) -> int:
        """Write a group, and note what was refused of it. Returns 0: nothing waits. Raises SinkError and
        BackpressureError; the group can be given again."""
        items = [json.loads(item) for item in commit.items]
        refused = self._write(items) if items else ()
        self._note(
            [
                *({"reason": each.reason, "item": items[each.index]} for each in refused),
                *({"reason": each.reason, "id": each.id, "args": each.args} for each in commit.rejects),
            ]
        )
        return 0

    def level(self) -> BufferLevel:
        """Nothing waits here. Raises SinkError while the sink, which could not be written to, still cannot be: nobody
        is let in to be sent away again."""
        if not self._is_well:
            self._sink.check()
            self._is_well = True
        return BufferLevel(0, None, 0, 0.0)

    def backpressure_reason(self, _level: BufferLevel) -> str | None:
        """Why nothing can be taken, None where it can be."""
        if self._file.exists() and self._file.stat().st_size >= MOST_BYTES:
            return f"{self._file} is full: move it away"
        return None

    def record_session_loss(self) -> None:
        """That is in the log."""

    def _write(self, items: Sequence[Any]) -> Sequence[Refused]:
        self._is_well = False
        refused = self._sink.write(items)
        self._is_well = True
        return refused

    def _note(self, rejects: Iterable[dict[str, Any]]) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        text = "".join(json.dumps({"at": at, **each}) + "\n" for each in rejects)
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

    # --- in the place of `MqttSession` ------------------------------------------------------------------------

    def begin_connect(self) -> SessionState:
        """Nothing is remembered of other processes."""
        return SessionState([], settled=True)

    def record_resumed(self, *, discard_notes: bool) -> None:
        """The broker still has the session."""
        del discard_notes

    def record_new_session(self) -> int:
        """The broker made a new one. Returns how many it made since this process began."""
        self._sessions += 1
        return self._sessions

    # --- in the place of `Topics` and `Cutter` ----------------------------------------------------------------

    def add(self, topic: str, lag_ns: int | None) -> None:
        """Topics are not counted."""

    def flush(self) -> None:
        """Nobody is told."""

    def wake(self) -> None:
        """Nothing is cut."""

    def check(self) -> None:
        """Nothing can have ended."""

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, *_: object) -> None:
        """What was written is on the disk."""
