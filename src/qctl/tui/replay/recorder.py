"""An `Ops` that writes down every answer that the monitor gets, with its time: `qctl monitor --record FILE`.

A line is a call and its answer, where that is another one than last time:
`{"at": seconds since the beginning, "call": ..., "answer": ...}`, or `"error"`. The first line says when that was.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from qctl.errors import QctlError, RefusedError
from qctl.models import Event
from qctl.safe import redact_url
from qctl.tui.replay import codec

VERSION = 1

LARGE = 8_000_000
"""Bytes from which a file is compressed."""

LONGEST = 2000
"""Characters of a call. Longer ones name the jobs of an act, which nobody looks at."""

FLUSH = 1.0
"""Seconds of which a crash may take what was seen."""

UNSEEN = {"audit.note", "jobs.choose", "jobs.editable"}
"""Calls of acts alone, whose answers no screen shows."""

FOLLOW = "events.follow"


def name_of(part: str, verb: str, given: tuple[Any, ...], named: dict[str, Any]) -> str:
    """A call by what was asked: the same for the same question."""
    asked = [*given, *([dict(sorted(named.items()))] if named else [])]
    return f"{part}.{verb}{json.dumps(codec.written(asked), separators=(',', ':'))}"


class Sheet:
    """The file. Only its owner may read it. What cannot be written ends the recording, and `problem` says why."""

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._size = 0
        self._flushed = 0.0
        self._last: dict[str, int] = {}
        self._file: IO[bytes] | gzip.GzipFile | None = _created(path)
        self.problem: str | None = None
        began = datetime.now(timezone.utc).isoformat()
        self._write({"qctl": "monitor", "version": VERSION, "began": began, "target": redact_url(target)})

    def note(self, call: str, **said: Any) -> None:
        """Write down what a call brought, unless it brought the same as before."""
        if len(call) > LONGEST:
            return
        at = round(time.monotonic() - self._began, 3)
        text = json.dumps(said, separators=(",", ":"))
        with self._lock:
            if call != FOLLOW and self._last.get(call) == hash(text):
                return
            self._last[call] = hash(text)
            self._append(f'{{"at":{at},"call":{json.dumps(call)},{text[1:]}\n'.encode())

    def close(self) -> None:
        """End the recording."""
        with self._lock:
            if self._file:
                self._file.close()
            self._file = None

    def _write(self, line: dict[str, Any]) -> None:
        self._append(json.dumps(line).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        if self._file is None:
            return
        try:
            self._file.write(line)
            self._size += len(line)
            if self._size > LARGE and not isinstance(self._file, gzip.GzipFile):
                self._file.close()
                self._file = _compressed(self._path)
            if time.monotonic() - self._flushed > FLUSH:
                self._flushed = time.monotonic()
                self._file.flush()
        except OSError as error:
            self.problem, self._file = error.strerror or str(error), None


class _Packed(gzip.GzipFile):
    """A compressed file that closes what it is in."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__("", "wb", 6, raw)
        self._raw = raw

    def close(self) -> None:
        super().close()
        self._raw.close()


def _compressed(path: Path) -> gzip.GzipFile:
    """The same file, compressed, at the same place, open at its end."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    packed = _Packed(_created(beside))
    with path.open("rb") as before:
        shutil.copyfileobj(before, packed)
    beside.replace(path)
    return packed


def _created(path: Path) -> IO[bytes]:
    """A new file for its owner alone. Raises RefusedError where there is something, or nothing can be made."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise RefusedError(f"{path} cannot be made: {error.strerror}") from error


class RecordingOps:
    """Has every part that `ops` has; what they answer is written down."""

    def __init__(self, ops: Any, sheet: Sheet) -> None:
        self._ops = ops
        self._sheet = sheet

    def __getattr__(self, name: str) -> _Part:
        part = _Part(getattr(self._ops, name), name, self._sheet)
        setattr(self, name, part)
        return part


class _Part:
    def __init__(self, part: Any, name: str, sheet: Sheet) -> None:
        self._part = part
        self._name = name
        self._sheet = sheet

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        operation: Callable[..., Any] = getattr(self._part, verb)
        call = f"{self._name}.{verb}"
        if call == FOLLOW:
            return lambda **given: self._follow(operation, **given)
        if call in UNSEEN:
            return operation

        def asked(*given: Any, **named: Any) -> Any:
            known = {name: value for name, value in named.items() if not callable(value)}
            call = name_of(self._name, verb, given, known)
            try:
                answer = operation(*given, **named)
            except QctlError as error:
                self._sheet.note(call, error=codec.written_error(error))
                raise
            self._sheet.note(call, answer=codec.written(answer))
            return answer

        return asked

    def _follow(
        self, operation: Callable[..., Iterator[list[Event]]], *, away: Callable[[QctlError, float], None], **given: Any
    ) -> Iterator[list[Event]]:
        gone = False

        def noted(error: QctlError, seconds: float) -> None:
            nonlocal gone
            gone = True
            self._sheet.note(FOLLOW, error=codec.written_error(error))
            away(error, seconds)

        for events in operation(**given, away=noted):
            if events or gone:
                gone = False
                self._sheet.note(FOLLOW, answer=codec.written(events))
            yield events
