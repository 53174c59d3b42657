"""Counters for each queue: by the minute for rates, error rates and percentiles, and since counting began.

There are three kinds of hash:

- `keys.counts`: one for each hour and queue, with fields `{minute}.{counter}`. Counters are `taken` (claims),
  `finished`, `failed` (attempts), `dead`, `retried`, `removed` (cleared or moved away), `received` (items that a source
  put into the buffer in front of the queue), and `depth` (jobs that waited when the minute began).
- `keys.durations`: one for each minute and queue, with durations in the buckets of `histogram`. Fields are
  `w{bucket}` for waits, `r{bucket} {name}` for runs that succeeded and `f{bucket} {name}` for runs that failed, by the
  job's name.
- `keys.TOTALS`: one hash with fields `{counter}:{queue}`. Prometheus counters never go back, so it does not expire.

Lua scripts count by Redis's clock, Python by the clock of its host; `qctl doctor` compares the two.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from redis.client import Pipeline

from qctl.broker.redis import keys
from qctl.histogram import BUCKET_RANGE, Histogram, bucket

RETENTION_SECONDS = 2 * 86400
"""Time (s) after which the counters of a minute expire."""

ALL_TIME_COUNTERS = ("submitted", "finished", "failed", "dead", "retried", "omitted")
"""Counters that are also added up in `keys.TOTALS`."""

MINUTE_COUNTERS = ("taken", "finished", "failed", "dead", "retried", "removed", "depth")

WHOLE_WINDOW_COUNTERS = ("finished", "failed")
"""Counters that a window reads for all of its minutes. It reads the others for the last two minutes only."""

WINDOW_MINUTES = 5
"""Minutes, with the current one, from which `stats` makes error rates and percentiles."""

EXPIRE_INTERVAL_SECONDS = 10.0
"""Time (s) between two EXPIRE commands of one process for the same key."""

_expire_sent_at: dict[str, float] = {}
"""`time.monotonic()` of this process's last EXPIRE by key. It saves one command for each count."""

# --- counting -----------------------------------------------------------------------------------------------


def increment(pipe: Pipeline, queue: str, counter: str, by: int = 1) -> None:
    """Add to a counter in the current minute, in the pipeline of the change that is counted."""
    hour, minute = divmod(int(time.time()) // 60, 60)
    key = keys.counts(queue, hour)
    pipe.hincrby(key, f"{minute}.{counter}", by)
    _expire(pipe, key)
    if counter in ALL_TIME_COUNTERS:
        pipe.hincrby(keys.TOTALS, f"{counter}:{queue}", by)


def record_run(pipe: Pipeline, queue: str, name: str, *, failed: bool, waited: float | None, ran: float | None) -> None:
    """Count a run of the job `name`, in the pipeline that ends it. Durations are in seconds, None if unknown."""
    increment(pipe, queue, "failed" if failed else "finished")
    key = keys.durations(queue, int(time.time()) // 60)
    if waited is not None:
        pipe.hincrby(key, f"w{bucket(waited)}", 1)
    pipe.hincrby(key, f"{'f' if failed else 'r'}{bucket(ran or 0)} {name}", 1)
    _expire(pipe, key)


def reset_totals(pipe: Pipeline) -> None:
    """Set the counts since counting began to zero."""
    pipe.delete(keys.TOTALS)


def _expire(pipe: Pipeline, key: str) -> None:
    now = time.monotonic()
    if now - _expire_sent_at.get(key, -EXPIRE_INTERVAL_SECONDS) < EXPIRE_INTERVAL_SECONDS:
        return
    if len(_expire_sent_at) > 1000:
        _expire_sent_at.clear()
    _expire_sent_at[key] = now
    pipe.expire(key, RETENTION_SECONDS)


def reset_expiry_cache() -> None:
    """Send EXPIRE again for every key. Call it when a pipeline failed, because its EXPIRE may not have arrived."""
    _expire_sent_at.clear()


# --- rates --------------------------------------------------------------------------------------------------

Counts = dict[str, int]
"""Counters of one minute by name."""


@dataclass(frozen=True)
class CountWindow:
    """Counters of a queue in the last `WINDOW_MINUTES`, the current minute first; `seconds` of it have passed."""

    minutes: Sequence[Counts]
    seconds: float

    @property
    def is_empty(self) -> bool:
        """True if nothing was counted."""
        return not any(self.minutes)

    def sum(self, counter: str) -> int:
        """The sum of one of `WHOLE_WINDOW_COUNTERS`."""
        return sum(minute.get(counter, 0) for minute in self.minutes)

    def rate(self, counter: str) -> float:
        """Rate per second over a minute: all of the current minute, and the end of the last one in proportion."""
        now, before = self.minutes[:2]
        share = 1 - self.seconds / 60
        return (now.get(counter, 0) + before.get(counter, 0) * share) / 60

    def arrivals(self, depth: int) -> float | None:
        """Jobs per second that arrived from any producer: jobs taken or removed, plus the growth of the depth.

        None if no depth was recorded at the beginning of either of the last two minutes.
        """
        now, before = self.minutes[:2]
        departures = ("taken", "removed")
        if "depth" in before:
            span = 60 + self.seconds
            left = sum(now.get(counter, 0) + before.get(counter, 0) for counter in departures)
            return max(0.0, (left + depth - before["depth"]) / span)
        if "depth" in now and self.seconds >= 1:
            left = sum(now.get(counter, 0) for counter in departures)
            return max(0.0, (left + depth - now["depth"]) / self.seconds)
        return None


def window_minutes(at: float) -> list[int]:
    """The minutes since 1970 of a window that ends at `at` (s since 1970), the current one first."""
    return _minutes_back_from(int(at) // 60)


@lru_cache(maxsize=4)
def _minutes_back_from(last: int) -> list[int]:
    return [last - back for back in range(WINDOW_MINUTES)]


def window_hours(at: float) -> list[int]:
    """The hours since 1970 that contain the window's minutes: `queue_window_reads` gets one reply for each."""
    return _hours_back_from(int(at) // 60)


@lru_cache(maxsize=4)
def _hours_back_from(last: int) -> list[int]:
    return sorted({minute // 60 for minute in _minutes_back_from(last)})


def queue_window_reads(pipe: Pipeline, queue: str, at: float) -> None:
    """Queue the reads that `parse_window` needs, one for each of `window_hours`."""
    for hour in window_hours(at):
        pipe.hmget(keys.counts(queue, hour), _fields_of_hour(hour, int(at) // 60))


@lru_cache(maxsize=4)
def _fields_of_hour(hour: int, last: int) -> list[str]:
    return [
        f"{minute % 60}.{counter}"
        for ago, minute in enumerate(_minutes_back_from(last))
        if minute // 60 == hour
        for counter in (MINUTE_COUNTERS if ago < 2 else WHOLE_WINDOW_COUNTERS)
    ]


def parse_window(replies: Sequence[Sequence[bytes | None]], at: float) -> CountWindow:
    """Make a window from the replies to `queue_window_reads`. Raises ValueError if a count is not a number."""
    by_minute: dict[int, Counts] = {}
    for hour, row in zip(window_hours(at), replies, strict=True):
        for name, value in zip(_fields_of_hour(hour, int(at) // 60), row, strict=True):
            if value is not None:
                minute, _, counter = name.partition(".")
                by_minute.setdefault(60 * hour + int(minute), {})[counter] = int(value)
    return CountWindow([by_minute.get(minute, {}) for minute in window_minutes(at)], at % 60)


def parse_hour(raw: Mapping[bytes, bytes]) -> dict[int, Counts]:
    """Counters of one hour by minute (0 to 59). Fields that cannot be parsed are left out."""
    by_minute: dict[int, Counts] = {}
    for name, value in raw.items():
        minute, _, counter = name.decode(errors="replace").partition(".")
        if minute.isdecimal() and int(minute) < 60 and counter in MINUTE_COUNTERS and _is_count(value):
            by_minute.setdefault(int(minute), {})[counter] = int(value)
    return by_minute


def _is_count(raw: bytes) -> bool:
    return raw.removeprefix(b"-").isdigit() and len(raw) < 20


# --- durations ----------------------------------------------------------------------------------------------


@dataclass
class DurationHistograms:
    """Histograms of waits, and of runs by the job's name: `runs` that succeeded, and `failures`."""

    waits: Histogram = field(default_factory=Histogram)
    runs: dict[str, Histogram] = field(default_factory=dict)
    failures: dict[str, Histogram] = field(default_factory=dict)

    @property
    def all_runs(self) -> Histogram:
        """Every run, successful or not."""
        return Histogram.merged((*self.runs.values(), *self.failures.values()))


def parse_times(raws: Sequence[Mapping[bytes, bytes]]) -> DurationHistograms:
    """Merge the duration hashes of some minutes. Fields that cannot be parsed are left out: others may write there."""
    buckets: dict[tuple[str, str], dict[int, int]] = {}
    for raw in raws:
        for name, value in raw.items():
            kind, number, job = _parse_duration_field(name)
            if number is not None and value.isdigit() and len(value) < 20:
                counts = buckets.setdefault((kind, job), {})
                counts[number] = counts.get(number, 0) + int(value)
    histograms = {kind_and_job: Histogram(counts) for kind_and_job, counts in buckets.items()}
    return DurationHistograms(
        histograms.get(("w", ""), Histogram()),
        {job: histogram for (kind, job), histogram in histograms.items() if kind == "r"},
        {job: histogram for (kind, job), histogram in histograms.items() if kind == "f"},
    )


@lru_cache(maxsize=5000)
def _parse_duration_field(name: bytes) -> tuple[str, int | None, str]:
    """Kind, bucket and job of a field; bucket None if the field has another form. Cached, because fields repeat."""
    head, _, job = name.decode(errors="replace").partition(" ")
    kind, digits = head[:1], head[1:]
    if kind not in ("w", "r", "f") or not digits.removeprefix("-").isdecimal() or len(digits) > 5:
        return kind, None, job
    number = int(digits)
    return kind, number if BUCKET_RANGE[0] <= number <= BUCKET_RANGE[1] else None, job
