"""An `Ops` that answers out of a recording, as of the moment that a clock points to: `qctl monitor --replay FILE`."""

from __future__ import annotations

import bisect
import contextlib
import gzip
import json
import re
import shutil
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any

from qctl.errors import NotFoundError, QctlError, UsageError
from qctl.models import Event
from qctl.safe import escape_line
from qctl.tui.replay import codec
from qctl.tui.replay.recorder import FOLLOW, VERSION, name_of

GZIP = b"\x1f\x8b"

LONGEST = 256_000_000
"""Bytes of a line."""

HEAD = re.compile(rb'\{"at":([0-9.]{1,20}),"call":("(?:[^"\\]|\\.)*"),')
"""How a line begins: enough to find it again without reading all of it."""

OFTEN = 0.03
"""Seconds between two looks for what happened."""

STILL = 1.0
"""Seconds after which it is said that nothing happened."""


class Recording:
    """A file that was recorded. Answers are read when they are asked for. Raises UsageError where it is none."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = _plain(path)
        self._times: dict[str, list[float]] = {}
        self._places: dict[str, list[int]] = {}
        try:
            first = json.loads(self._file.readline(LONGEST))
            if first["qctl"] != "monitor" or first["version"] != VERSION:
                raise UsageError(f"{path} was recorded by another version of qctl")
            self.began = datetime.fromisoformat(first["began"]).astimezone(timezone.utc)
            self.target = str(first["target"])
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is no recording of `qctl monitor --record`") from error
        self.length = self._find()

    def _find(self) -> float:
        """Where each answer is. Returns the seconds of the last; what a crash cut off is left out."""
        last, place = 0.0, self._file.tell()
        for line in iter(lambda: self._file.readline(LONGEST), b""):
            head = HEAD.match(line)
            if head and line.endswith(b"\n"):
                last = max(last, float(head[1]))
                call = str(json.loads(head[2]))
                self._times.setdefault(call, []).append(last)
                self._places.setdefault(call, []).append(place)
            place += len(line)
        return last

    def answer(self, call: str, at: float) -> Any:
        """What a call brought last, up to so many seconds. Raises that where it was an error, and NotFoundError where
        nobody had asked for it by then."""
        found = bisect.bisect_right(self._times.get(call, []), at)
        if not found:
            raise NotFoundError("nobody had looked at this by then: the recording does not hold it")
        return self._read(self._places[call][found - 1])

    def happened(self, after: float, until: float) -> list[Any]:
        """What following the events brought after one moment and up to another: lists of events, and errors."""
        times = self._times.get(FOLLOW, [])
        first, last = bisect.bisect_right(times, after), bisect.bisect_right(times, until)
        found = []
        for place in self._places.get(FOLLOW, [])[first:last]:
            try:
                found.append(self._read(place))
            except QctlError as error:
                found.append(error)
        return found

    def last(self, until: float, limit: int) -> list[Event]:
        """The last events that were followed up to a moment, oldest of them first."""
        found: list[Event] = []
        there = bisect.bisect_right(self._times.get(FOLLOW, []), until)
        for place in reversed(self._places.get(FOLLOW, [])[:there]):
            if len(found) >= limit:
                break
            with contextlib.suppress(QctlError):
                found[:0] = self._read(place)
        return found[-limit:] if limit else []

    def _read(self, place: int) -> Any:
        with self._lock:
            self._file.seek(place)
            line = self._file.readline(LONGEST)
        try:
            said = json.loads(line)
            error = codec.read_error(said["error"]) if "error" in said else None
            answer = codec.read(said.get("answer"))
        except (ValueError, RecursionError) as problem:
            raise QctlError(f"a line of the recording cannot be read: {escape_line(str(problem))}") from problem
        if error:
            raise error
        return answer


def _plain(path: Path) -> IO[bytes]:
    """The file, unpacked into a temporary one where it is compressed; what a crash cut off is left out."""
    try:
        given = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    packed = given.read(2) == GZIP
    given.seek(0)
    if not packed:
        return given
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - it is there for as long as the recording is looked at
    # Where the end is missing, as after a crash, the lines before it count.
    with given, contextlib.suppress(EOFError, OSError, zlib.error):
        shutil.copyfileobj(gzip.GzipFile(fileobj=given), unpacked)
    unpacked.seek(0)
    return unpacked


class Clock:
    """Which moment of a recording is shown, in seconds from its beginning: it goes on by itself, from 0 to `length`."""

    def __init__(self, length: float) -> None:
        self.length = length
        self.speed = 1.0
        self.held = False
        self.jumps = 0
        """How often it was set to another moment."""
        self._at = 0.0
        self._since = time.monotonic()

    @property
    def at(self) -> float:
        """The moment."""
        gone = 0.0 if self.held else (time.monotonic() - self._since) * self.speed
        return min(self.length, self._at + gone)

    def go(self, to: float) -> None:
        """Show another moment."""
        self._at, self._since = max(0.0, min(to, self.length)), time.monotonic()
        self.jumps += 1

    def run(self, speed: float) -> None:
        """Go so many times as fast as it happened."""
        self._at, self._since, self.speed = self.at, time.monotonic(), speed

    def hold(self, held: bool) -> None:
        """Stand still, or go on."""
        self._at, self._since, self.held = self.at, time.monotonic(), held

    def moment(self, recording: Recording) -> datetime:
        """When that was."""
        return recording.began + timedelta(seconds=self.at)


class ReplayOps:
    """Has every part that an `Ops` has, and answers what was answered then."""

    def __init__(self, recording: Recording, clock: Clock) -> None:
        self._recording = recording
        self._clock = clock

    def __getattr__(self, name: str) -> _Part:
        if name.startswith("_"):
            raise AttributeError(name)
        return _Part(name, self._recording, self._clock)


class _Part:
    def __init__(self, name: str, recording: Recording, clock: Clock) -> None:
        self._name = name
        self._recording = recording
        self._clock = clock

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if verb.startswith("_"):
            raise AttributeError(verb)
        if f"{self._name}.{verb}" == FOLLOW:
            return self._follow
        if f"{self._name}.{verb}" == "events.last_id":
            return lambda: "0-0"

        def asked(*given: Any, **named: Any) -> Any:
            known = {name: value for name, value in named.items() if not callable(value)}
            call = name_of(self._name, verb, given, known)
            if call.startswith("events.list") and not given and list(known) == ["limit"]:
                return self._events(call, known["limit"])
            return self._recording.answer(call, self._clock.at)

        return asked

    def _events(self, call: str, limit: int) -> list[Event]:
        """The last events: what was followed, and before that what was listed."""
        at = self._clock.at
        followed = self._recording.last(at, limit)
        before: list[Event] = []
        with contextlib.suppress(NotFoundError):
            before = self._recording.answer(call, at)
        known = {event.id for event in followed}
        return [*(event for event in before if event.id not in known), *followed][-limit:]

    def _follow(self, *, away: Callable[[QctlError, float], None], **_: Any) -> Iterator[list[Event]]:
        """What happened, when it did; an empty list each second in which Redis was there and nothing did."""
        yield []
        clock, told, gone = self._clock, time.monotonic(), False
        at, jumps = clock.at, clock.jumps
        while True:
            time.sleep(OFTEN)
            if clock.jumps != jumps:
                jumps, at, gone = clock.jumps, clock.at, False
                yield []
            now = clock.at
            for said in self._recording.happened(at, now):
                gone, told = isinstance(said, QctlError), time.monotonic()
                if isinstance(said, QctlError):
                    away(said, OFTEN)
                else:
                    yield said
            at = now
            if not gone and time.monotonic() - told >= STILL:
                told = time.monotonic()
                yield []
