"""How a producer may want a job to run: the options of every call that creates one, checked before it is queued."""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypedDict

from qctl import catalog
from qctl.catalog.specs import JobSpec
from qctl.errors import UsageError

MOST_DELAY = 10 * 365 * 86_400
"""Seconds; more is a mistake in the unit."""

LONGEST_BACKOFF = 86_400
"""Seconds that a retry waits at most."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""What RQ allows in the id of a job, and no longer than can be read."""

_WORD = re.compile(r"[!-~]{1,128}")

_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")


class Options(TypedDict, total=False):
    """What is not given is by the catalog and settings.

    `delay`: seconds from now, or `at`: a time with a zone. `priority`: 1 high, 5 normal, 10 low. `attempts`: retries
    after the first run. `backoff`: seconds before the first of them; each later one waits twice as long. `unique`: a
    key of yours; while a job of this name and key is remembered no second one is created. `job_id`: an id of letters,
    digits, `_` and `-`, unique likewise. `trace_id` shows in every event and log line of the job; by default it is
    the one of the running job, or a new one. `owner`: whose job it is; the limits are per owner. `title`: what people
    are shown in the place of the job's name, one line.
    """

    delay: float
    at: datetime | None
    priority: int | None
    attempts: int | None
    backoff: float | None
    unique: str | None
    job_id: str | None
    trace_id: str | None
    owner: str | None
    title: str | None


def check(options: Options) -> None:
    """Raise UsageError, naming all that is wrong at once, and TypeError for an option that does not exist."""
    unknown = options.keys() - _CHECKS.keys()
    if unknown:
        raise TypeError(f"no such option: {', '.join(sorted(unknown))}")
    problems = [
        f"{name} {problem}"
        for name, value in options.items()
        if value is not None and (problem := _CHECKS[name](value))
    ]
    if options.get("delay") and options.get("at"):
        problems.append("delay and at exclude each other")
    if options.get("unique") is not None and options.get("job_id") is not None:
        problems.append("unique and job_id exclude each other")
    if problems:
        raise UsageError("; ".join(problems))


def ids(name: str, options: Options, count: int) -> list[str]:
    """The ids of `count` jobs: chosen by the producer, made of the unique key, or random."""
    chosen, key = options.get("job_id"), options.get("unique")
    if key is not None:
        word = re.sub(r"[^A-Za-z0-9_-]", "-", name)
        chosen = f"{word}-{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()[:24]}"
    if chosen is None:
        return [str(uuid.uuid4()) for _ in range(count)]
    return [chosen, *(f"{chosen}-{n}" for n in range(1, count))]


def lane(spec: JobSpec, options: Options) -> str:
    """The queue that the job goes to."""
    asked = options.get("priority")
    return catalog.lane(spec.queue, spec.priority if asked is None else asked)


def delays(spec: JobSpec, options: Options, attempts: int, backoff: float) -> tuple[int, ...]:
    """Seconds before each retry: as asked, as the catalog says, else by `attempts` and `backoff` of the settings."""
    times = next(n for n in (options.get("attempts"), spec.retries, attempts) if n is not None)
    first = next(s for s in (options.get("backoff"), spec.backoff, backoff) if s is not None)
    return tuple(max(1, round(min(LONGEST_BACKOFF, first * 2**n))) for n in range(times))


def _number(low: float, high: float, unit: str, whole: bool = False) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        right = not isinstance(value, bool) and isinstance(value, int if whole else (int, float))
        if right and math.isfinite(value) and low <= value <= high:
            return None
        return f"is not between {low:g} and {high:g}{unit}"

    return check


def _text(form: re.Pattern[str], what: str) -> Callable[[Any], str | None]:
    return lambda value: None if isinstance(value, str) and form.fullmatch(value) else f"is not {what}"


def _time(value: Any) -> str | None:
    aware = isinstance(value, datetime) and value.tzinfo is not None
    return None if aware else "is not a datetime with a time zone"


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "delay": _number(0, MOST_DELAY, " seconds"),
    "at": _time,
    "priority": lambda value: None if value in (1, 5, 10) else "is not 1 (high), 5 (normal) or 10 (low)",
    "attempts": _number(0, 20, "", whole=True),
    "backoff": _number(0, LONGEST_BACKOFF, " seconds"),
    "unique": lambda value: None if isinstance(value, str) and value else "is not text",
    "job_id": _text(_ID, "letters, digits, _ and -, at most 200"),
    "trace_id": _text(_WORD, "printable ASCII without spaces, at most 128"),
    "owner": _text(_LINE, "one line of text, at most 200"),
    "title": _text(_LINE, "one line of text, at most 200"),
}
