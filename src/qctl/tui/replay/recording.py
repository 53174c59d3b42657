"""Reads the file of a recording. Answers are decoded when they are used."""

from __future__ import annotations

import bisect
import contextlib
import gzip
import json
import re
import shutil
import tempfile
import threading
import zlib
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from qctl.errors import NotFoundError, QctlError, UsageError
from qctl.models import Event
from qctl.safe import escape_line
from qctl.tui.replay import codec
from qctl.tui.replay.calls import FOLLOW, VERSION

GZIP_MAGIC = b"\x1f\x8b"

MAX_LINE_BYTES = 256_000_000
"""Longest line (bytes); a longer one cannot be decoded."""

LINE_HEAD = re.compile(rb'\{"at":([0-9.]{1,20}),"call":("(?:[^"\\]|\\.)*"),')
"""Start of a line, from which it is indexed without decoding the answer."""


class Recording:
    """A recording, indexed by call and time. Raises UsageError if the file is not a recording.

    As a context it closes the file. A monitor may still ask it then, from a thread: it gets a QctlError.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = _open(path)
        self._times: dict[str, list[float]] = {}
        self._offsets: dict[str, list[int]] = {}
        try:
            self.began, self.target = _read_head(self._file, path)
            self.length = self._index()
        except Exception:
            self.close()
            raise

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _index(self) -> float:
        """Index all lines but one that a crash cut off. Returns the seconds of the last."""
        last, offset = 0.0, self._file.tell()
        for line in iter(lambda: self._file.readline(MAX_LINE_BYTES), b""):
            head = LINE_HEAD.match(line)
            if head and line.endswith(b"\n"):
                last = max(last, float(head[1]))
                call = str(json.loads(head[2]))
                self._times.setdefault(call, []).append(last)
                self._offsets.setdefault(call, []).append(offset)
            offset += len(line)
        return last

    def answer(self, call: str, at: float) -> Any:
        """Return the last answer to a call up to a position. Raises its error if it failed, and NotFoundError if the
        call had not been made by then."""
        count = bisect.bisect_right(self._times.get(call, []), at)
        if not count:
            raise NotFoundError("not in the recording: this was not open by then")
        return self._decode(self._offsets[call][count - 1])

    def followed(self, after: float, until: float) -> list[Any]:
        """Return the followed events between two positions: lists of events, and errors."""
        times = self._times.get(FOLLOW, [])
        first, last = bisect.bisect_right(times, after), bisect.bisect_right(times, until)
        answers = []
        for offset in self._offsets.get(FOLLOW, [])[first:last]:
            try:
                answers.append(self._decode(offset))
            except QctlError as error:
                answers.append(error)
        return answers

    def followed_events(self, until: float, limit: int) -> list[Event]:
        """Return the last followed events up to a position, oldest first."""
        events: list[Event] = []
        count = bisect.bisect_right(self._times.get(FOLLOW, []), until)
        for offset in reversed(self._offsets.get(FOLLOW, [])[:count]):
            if len(events) >= limit:
                break
            with contextlib.suppress(QctlError):
                events[:0] = self._decode(offset)
        return events[-limit:] if limit else []

    def _decode(self, offset: int) -> Any:
        try:
            with self._lock:
                self._file.seek(offset)
                line = self._file.readline(MAX_LINE_BYTES)
            data = json.loads(line)
            error = codec.decode_error(data["error"]) if "error" in data else None
            answer = codec.decode(data.get("answer"))
        except (ValueError, RecursionError) as problem:
            raise QctlError(f"cannot read a line of the recording: {escape_line(str(problem))}") from problem
        if error:
            raise error
        return answer


def _read_head(file: IO[bytes], path: Path) -> tuple[datetime, str]:
    """Return the time of the start and the Redis that was watched. Raises UsageError."""
    try:
        first = json.loads(file.readline(MAX_LINE_BYTES))
        version = (first["qctl"], first["version"])
        head = datetime.fromisoformat(first["began"]).astimezone(timezone.utc), str(first["target"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is not a recording of `qctl monitor --record`") from error
    if version != ("monitor", VERSION):
        raise UsageError(f"{path} was recorded by another version of qctl")
    return head


def _open(path: Path) -> IO[bytes]:
    """Open a recording. A compressed one is unpacked into a temporary file, up to where a crash cut it off."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    is_compressed = file.read(2) == GZIP_MAGIC
    file.seek(0)
    if not is_compressed:
        return file
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the recording
    # The lines before a missing end count.
    with file, contextlib.suppress(EOFError, OSError, zlib.error):
        shutil.copyfileobj(gzip.GzipFile(fileobj=file), unpacked)
    unpacked.seek(0)
    return unpacked
