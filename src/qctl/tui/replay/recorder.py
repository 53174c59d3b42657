"""Records every answer that the monitor shows, with its time: `qctl monitor --record FILE`.

A line is a call and its answer, written only if the answer differs from the last one to the same call:
`{"at": seconds since the start, "call": ..., "answer": ...}`, or `"error"`. The first line holds the start time.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any, TypeVar

from qctl.errors import QctlError, RefusedError
from qctl.models import Event
from qctl.safe import redact_url
from qctl.tui.data.monitor_data import EventReader, MonitorData
from qctl.tui.replay import codec
from qctl.tui.replay.calls import FOLLOW, VERSION, Answers, NamedCalls, listed_events

MAX_PLAIN_BYTES = 8_000_000
"""Size (bytes) of a file beyond which it is compressed."""

MAX_CALL_CHARACTERS = 2000
"""Longest name of a call; an answer to a longer one is not recorded."""

FLUSH_SECONDS = 1.0
"""Time (s) between flushes: as much as a crash may lose."""

T = TypeVar("T")


def record(data: MonitorData, file: RecordingFile) -> MonitorData:
    """The same data, with each answer written to `file`."""
    recorder = _Recorder(data, file)
    return NamedCalls(recorder, _RecordedEvents(data.events, recorder, file))


class RecordingFile:
    """A new file that only its owner may read. A write error ends the recording; `problem` then says why."""

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._size = 0
        self._flushed = 0.0
        self._last: dict[str, int] = {}
        self._file: IO[bytes] | gzip.GzipFile | None = _create(path)
        self.problem: str | None = None
        began = datetime.now(timezone.utc).isoformat()
        self._append(json.dumps({"qctl": "monitor", "version": VERSION, "began": began, "target": redact_url(target)}))

    def write(self, call: str, **answer: Any) -> None:
        """Write the answer to a call, unless it equals the last one."""
        if len(call) > MAX_CALL_CHARACTERS:
            return
        at = round(time.monotonic() - self._began, 3)
        text = json.dumps(answer, separators=(",", ":"))
        with self._lock:
            if call != FOLLOW and self._last.get(call) == hash(text):
                return
            self._last[call] = hash(text)
            self._append(f'{{"at":{at},"call":{json.dumps(call)},{text[1:]}')

    def close(self) -> None:
        """End the recording."""
        with self._lock:
            if self._file:
                self._file.close()
            self._file = None

    def _append(self, line: str) -> None:
        if self._file is None:
            return
        try:
            self._size += self._file.write(line.encode() + b"\n")
            if self._size > MAX_PLAIN_BYTES and not isinstance(self._file, gzip.GzipFile):
                self._file.close()
                self._file = _compress(self._path)
            if time.monotonic() - self._flushed > FLUSH_SECONDS:
                self._flushed = time.monotonic()
                self._file.flush()
        except OSError as error:
            self.problem, file, self._file = error.strerror or str(error), self._file, None
            with suppress(OSError):  # closing writes what is buffered, on the disk that is full
                file.close()


class _GzipFile(gzip.GzipFile):
    """A compressed file that also closes the file below it."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__("", "wb", 6, raw)
        self._raw = raw

    def close(self) -> None:
        super().close()
        self._raw.close()


def _compress(path: Path) -> gzip.GzipFile:
    """Replace a file by a compressed one, open at its end."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    compressed = _GzipFile(_create(temporary))
    with path.open("rb") as plain:
        shutil.copyfileobj(plain, compressed)
    temporary.replace(path)
    return compressed


def _create(path: Path) -> IO[bytes]:
    """Create a file for its owner alone. Raises RefusedError if it exists or cannot be created."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise RefusedError(f"cannot create {path}: {error.strerror}") from error


class _Recorder(Answers):
    def __init__(self, data: MonitorData, file: RecordingFile) -> None:
        self._data = data
        self._file = file

    def answer(self, name: str, call: Callable[[MonitorData], T]) -> T:
        try:
            answer = call(self._data)
        except QctlError as error:
            self._file.write(name, error=codec.encode_error(error))
            raise
        self._file.write(name, answer=codec.encode(answer))
        return answer


class _RecordedEvents(EventReader):
    def __init__(self, events: EventReader, recorder: _Recorder, file: RecordingFile) -> None:
        self._events = events
        self._recorder = recorder
        self._file = file

    def list(self, *, limit: int) -> Sequence[Event]:
        return listed_events(self._recorder, limit)

    def last_id(self) -> str:
        return self._events.last_id()

    def follow(self, *, after: str, on_disconnect: Callable[[QctlError, float], None]) -> Iterator[Sequence[Event]]:
        """Record events, and when Redis went away and came back."""
        is_away = False

        def record_away(error: QctlError, seconds: float) -> None:
            nonlocal is_away
            is_away = True
            self._file.write(FOLLOW, error=codec.encode_error(error))
            on_disconnect(error, seconds)

        for events in self._events.follow(after=after, on_disconnect=record_away):
            if events or is_away:
                is_away = False
                self._file.write(FOLLOW, answer=codec.encode(events))
            yield events
