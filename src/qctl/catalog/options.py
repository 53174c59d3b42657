"""Options of every call that creates a job: delay, priority, retries, ids, owner. Checked before it is enqueued."""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypedDict

from qctl import catalog, durations
from qctl.catalog.specs import JobSpec
from qctl.errors import UsageError

MAX_DELAY_SECONDS = 10 * 365 * 86_400
"""A longer delay is refused: it is probably a mistake in the unit."""

MAX_BACKOFF_SECONDS = 86_400
"""Longest wait before a retry; a longer option is refused, and doubling stops here."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""Characters that RQ allows in a job id, and a length that people can still read."""

_WORD = re.compile(r"[!-~]{1,128}")

_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")


class Options(TypedDict, total=False):
    """Options of a new job. Omitted ones come from the catalog, then from the settings.

    `delay`: time from now, a number of seconds or a duration: `"5s"`, `"1h30m"`; or `at`: a datetime with a time zone.
    `priority`: 1 to 3 high, 4 to 7 normal, 8 to 10 low. `attempts`: retries after the first run. `backoff`: time before
    the first retry, as `delay`; each later one waits twice as long. (The `add_...` methods of QueueService count in
    milliseconds: `catalog.original_options`.)
    `unique`: an idempotency key; no second job of this name and key is created while Redis still has the first.
    `job_id`: an id of letters, digits, `_` and `-`, unique in the same way. `trace_id`: shown in every event and log
    line of the job; the default is that of the running job, or a new one. `owner`: the user whose limits apply.
    `title`: one line shown to people instead of the job's name.
    """

    delay: float | str
    at: datetime | None
    priority: int | None
    attempts: int | None
    backoff: float | str | None
    unique: str | None
    job_id: str | None
    trace_id: str | None
    owner: str | None
    title: str | None


def check(options: Options) -> None:
    """Raise UsageError, listing every problem, and TypeError for an unknown option."""
    unknown = options.keys() - _CHECKS.keys()
    if unknown:
        raise TypeError(f"unknown option: {', '.join(sorted(unknown))}")
    problems = [
        f"{name} {problem}"
        for name, value in options.items()
        if value is not None and (problem := _CHECKS[name](value))
    ]
    if options.get("delay") and options.get("at"):
        problems.append("delay cannot be combined with at")
    if options.get("unique") is not None and options.get("job_id") is not None:
        problems.append("unique cannot be combined with job_id")
    if problems:
        raise UsageError("; ".join(problems))


def in_seconds(options: Options) -> Options:
    """The options with `delay` and `backoff` as seconds. Raises UsageError that names the one that is no duration."""
    converted = options.copy()
    for name in ("delay", "backoff"):
        if isinstance(value := options.get(name), str):
            converted[name] = durations.parse(value, name)
    return converted


def ids(name: str, options: Options, count: int) -> list[str]:
    """The ids of `count` jobs: from `job_id`, from a hash of the `unique` key, or random."""
    chosen, key = options.get("job_id"), options.get("unique")
    if key is not None:
        word = re.sub(r"[^A-Za-z0-9_-]", "-", name)
        chosen = f"{word}-{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()[:24]}"
    if chosen is None:
        return [str(uuid.uuid4()) for _ in range(count)]
    return [chosen, *(f"{chosen}-{n}" for n in range(1, count))]


def lane(spec: JobSpec, options: Options) -> str:
    """The queue that the job goes to: the lane of its priority."""
    priority = options.get("priority")
    return catalog.lane(spec.queue, spec.priority if priority is None else priority)


def delays(spec: JobSpec, options: Options, attempts: int, backoff: float) -> tuple[int, ...]:
    """Seconds before each retry: from the options, else the catalog, else `attempts` and `backoff` of the settings."""
    times = next(n for n in (options.get("attempts"), spec.retries, attempts) if n is not None)
    first = next(s for s in (options.get("backoff"), spec.backoff, backoff) if s is not None)
    return retry_delays(times, float(first))


def retry_delays(attempts: int, backoff: float) -> tuple[int, ...]:
    """Seconds before each of so many retries: the first, doubled with each further one."""
    return tuple(max(1, round(min(MAX_BACKOFF_SECONDS, backoff * 2**n))) for n in range(attempts))


def _number(low: float, high: float, unit: str, whole: bool = False) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        is_number = not isinstance(value, bool) and isinstance(value, int if whole else (int, float))
        if is_number and math.isfinite(value) and low <= value <= high:
            return None
        return f"is not between {low:g} and {high:g}{unit}"

    return check


def _text(pattern: re.Pattern[str], description: str) -> Callable[[Any], str | None]:
    return lambda value: None if isinstance(value, str) and pattern.fullmatch(value) else f"is not {description}"


def _time(value: Any) -> str | None:
    aware = isinstance(value, datetime) and value.tzinfo is not None
    return None if aware else "is not a datetime with a time zone"


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "delay": _number(0, MAX_DELAY_SECONDS, " seconds"),
    "at": _time,
    "priority": _number(1, 10, " (1 high, 5 normal, 10 low)", whole=True),
    "attempts": _number(0, 20, "", whole=True),
    "backoff": _number(0, MAX_BACKOFF_SECONDS, " seconds"),
    "unique": lambda value: None if isinstance(value, str) and value else "is not text",
    "job_id": _text(_ID, "letters, digits, _ and -, at most 200"),
    "trace_id": _text(_WORD, "printable ASCII without spaces, at most 128"),
    "owner": _text(_LINE, "one line of text, at most 200"),
    "title": _text(_LINE, "one line of text, at most 200"),
}
