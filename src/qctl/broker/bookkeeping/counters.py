"""Counts per queue and minute, from which rates, error rates and percentiles are made, and counts of all time.

Three kinds of hash. `keys.counts`, one an hour and queue, fields `{minute}.{what}`: `taken` (claims), `finished`,
`failed` (attempts), `dead`, `retried`, `removed` (cleared or moved away), `received` (items that a source put into the
buffer before the queue), and `depth`, the number waiting when the minute began. `keys.durations`, one a minute and
queue, how long jobs waited and ran, in the buckets of `histogram`: `w{bucket}` waits, `r{bucket} {name}` runs that
succeeded and `f{bucket} {name}` that failed, by the job's name.
`keys.TOTALS`, one for all, `{what}:{queue}`: what Prometheus calls a counter, so it never expires.

Scripts count with Redis's clock; the rest with this host's, which `doctor` compares with it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from redis.client import Pipeline

from qctl.broker.redis import keys
from qctl.histogram import RANGE, Histogram, bucket

KEEP = 2 * 86400
"""Seconds that counts are kept."""

FOR_EVER = ("finished", "failed", "dead", "retried")
"""What is counted for all time too."""

FIELDS = ("taken", "finished", "failed", "dead", "retried", "removed", "depth")

SUMMED = ("finished", "failed")
"""What a window knows of all its minutes; of the others, of the last two."""

RECENT = 5
"""Minutes, the current one among them, that error rates and percentiles of `stats` are made of."""

REMIND = 10.0
"""Seconds after which a key is given its time to live again, by a process that goes on counting in it."""

_reminded: dict[str, float] = {}
"""When this process last gave a key its time to live, by `time.monotonic`: once is enough, and one command less."""

# --- counting -----------------------------------------------------------------------------------------------


def bump(pipe: Pipeline, queue: str, what: str, by: int = 1) -> None:
    """Add to the count of `what` in the current minute, in the pipeline of the change."""
    hour, minute = divmod(int(time.time()) // 60, 60)
    key = keys.counts(queue, hour)
    pipe.hincrby(key, f"{minute}.{what}", by)
    _keep(pipe, key)
    if what in FOR_EVER:
        pipe.hincrby(keys.TOTALS, f"{what}:{queue}", by)


def ended(pipe: Pipeline, queue: str, name: str, *, failed: bool, waited: float | None, ran: float | None) -> None:
    """Count a run of the job `name` that ended, in the pipeline that ends it. Durations in seconds, None if unknown."""
    bump(pipe, queue, "failed" if failed else "finished")
    key = keys.durations(queue, int(time.time()) // 60)
    if waited is not None:
        pipe.hincrby(key, f"w{bucket(waited)}", 1)
    pipe.hincrby(key, f"{'f' if failed else 'r'}{bucket(ran or 0)} {name}", 1)
    _keep(pipe, key)


def _keep(pipe: Pipeline, key: str) -> None:
    now = time.monotonic()
    if now - _reminded.get(key, -REMIND) < REMIND:
        return
    if len(_reminded) > 1000:
        _reminded.clear()
    _reminded[key] = now
    pipe.expire(key, KEEP)


def forget() -> None:
    """What was sent last may not have arrived: give every key its time to live once more."""
    _reminded.clear()


# --- rates --------------------------------------------------------------------------------------------------

Counts = dict[str, int]
"""What was counted in one minute."""


@dataclass(frozen=True)
class Window:
    """The last `RECENT` minutes of a queue, the current one first. `seconds` is how far that has come."""

    minutes: Sequence[Counts]
    seconds: float

    @property
    def is_empty(self) -> bool:
        """Whether nobody counted anything."""
        return not any(self.minutes)

    def sum(self, what: str) -> int:
        """How often one of `SUMMED` was counted in all of them."""
        return sum(minute.get(what, 0) for minute in self.minutes)

    def rate(self, what: str) -> float:
        """Per second over about the last minute: all of this minute, and the part of the last one that is left."""
        now, before = self.minutes[:2]
        share = 1 - self.seconds / 60
        return (now.get(what, 0) + before.get(what, 0) * share) / 60

    def arrivals(self, depth: int) -> float | None:
        """Jobs a second that came, whoever sent them: what was taken or removed, and what the depth rose by.

        None where nothing noted the depth when a minute began.
        """
        now, before = self.minutes[:2]
        gone = ("taken", "removed")
        if "depth" in before:
            span = 60 + self.seconds
            left = sum(now.get(w, 0) + before.get(w, 0) for w in gone)
            return max(0.0, (left + depth - before["depth"]) / span)
        if "depth" in now and self.seconds >= 1:
            left = sum(now.get(w, 0) for w in gone)
            return max(0.0, (left + depth - now["depth"]) / self.seconds)
        return None


def recent(at: float) -> list[int]:
    """The minutes since 1970 that a window is made of, the current one first. `at` is the time in seconds."""
    return _recent(int(at) // 60)


@lru_cache(maxsize=4)
def _recent(last: int) -> list[int]:
    return [last - back for back in range(RECENT)]


def hours(at: float) -> list[int]:
    """The hours that those lie in: as many replies come to `ask`."""
    return sorted({minute // 60 for minute in recent(at)})


def ask(pipe: Pipeline, queue: str, at: float) -> None:
    """Queue the reads that `window` needs, one an hour of `hours`."""
    for hour in hours(at):
        pipe.hmget(keys.counts(queue, hour), _asked(hour, int(at) // 60))


@lru_cache(maxsize=4)
def _asked(hour: int, last: int) -> list[str]:
    return [
        f"{minute % 60}.{what}"
        for ago, minute in enumerate(_recent(last))
        if minute // 60 == hour
        for what in (FIELDS if ago < 2 else SUMMED)
    ]


def window(answers: Sequence[Sequence[bytes | None]], at: float) -> Window:
    """Make a window of the replies to `ask`. Raises ValueError where a count is no number."""
    found: dict[int, Counts] = {}
    for hour, row in zip(hours(at), answers, strict=True):
        for asked, value in zip(_asked(hour, int(at) // 60), row, strict=True):
            if value is not None:
                minute, _, what = asked.partition(".")
                found.setdefault(60 * hour + int(minute), {})[what] = int(value)
    return Window([found.get(minute, {}) for minute in recent(at)], at % 60)


def hour_of_counts(raw: Mapping[bytes, bytes]) -> dict[int, Counts]:
    """All of one hour by its minutes 0 to 59. What cannot be read is left out."""
    found: dict[int, Counts] = {}
    for name, value in raw.items():
        minute, _, what = name.decode(errors="replace").partition(".")
        if minute.isdecimal() and int(minute) < 60 and what in FIELDS and _is_count(value):
            found.setdefault(int(minute), {})[what] = int(value)
    return found


def _is_count(raw: bytes) -> bool:
    return raw.removeprefix(b"-").isdigit() and len(raw) < 20


# --- durations ----------------------------------------------------------------------------------------------


@dataclass
class Times:
    """How long jobs waited, and how long they ran, by name: those that succeeded and those that failed."""

    waits: Histogram = field(default_factory=Histogram)
    runs: dict[str, Histogram] = field(default_factory=dict)
    failures: dict[str, Histogram] = field(default_factory=dict)

    @property
    def all_runs(self) -> Histogram:
        """Every run, however it ended."""
        return Histogram.merged((*self.runs.values(), *self.failures.values()))


def times(raws: Sequence[Mapping[bytes, bytes]]) -> Times:
    """What the hashes of some minutes say together. What cannot be read is left out: somebody else may write there."""
    found: dict[tuple[str, str], dict[int, int]] = {}
    for raw in raws:
        for name, value in raw.items():
            kind, number, job = _parts(name)
            if number is not None and value.isdigit() and len(value) < 20:
                buckets = found.setdefault((kind, job), {})
                buckets[number] = buckets.get(number, 0) + int(value)
    made = {place: Histogram(buckets) for place, buckets in found.items()}
    return Times(
        made.get(("w", ""), Histogram()),
        {job: histogram for (kind, job), histogram in made.items() if kind == "r"},
        {job: histogram for (kind, job), histogram in made.items() if kind == "f"},
    )


@lru_cache(maxsize=5000)
def _parts(field_name: bytes) -> tuple[str, int | None, str]:
    """Kind, bucket and job of a field; no bucket where it is none of ours. The same few come again and again."""
    head, _, job = field_name.decode(errors="replace").partition(" ")
    kind, digits = head[:1], head[1:]
    if kind not in ("w", "r", "f") or not digits.removeprefix("-").isdecimal() or len(digits) > 5:
        return kind, None, job
    number = int(digits)
    return kind, number if RANGE[0] <= number <= RANGE[1] else None, job
