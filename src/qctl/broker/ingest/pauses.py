"""The usual pauses of topics and jobs, by the longest pause of each of the last seven days.

One long pause, an outage, does not make a habit: the second longest of the days before today counts, once there are
two. A topic that is quiet every night has such a pause every day.
"""

from __future__ import annotations

from redis import Redis

from qctl.broker.redis import ingest_keys, replies
from qctl.broker.redis.scripts import Script

MIN_PAUSES = 20
"""Pauses without which nothing is usual."""

MAX_JOBS = 1000
"""Jobs whose pauses are kept."""

_VALUES = 9
"""Numbers of an entry: the count, the day, and the longest pauses of seven days."""

_note_run = Script("ingest/note_run", after=("redis/types", "ingest/pauses"))


def usual_pause(raw: bytes | None) -> float | None:
    """Return the longest usual pause (s) of an entry as `pauses.lua` writes it, None if nothing is usual yet."""
    numbers = [int(word) for word in (raw or b"").split() if word.isdigit() and len(word) < 16]
    if len(numbers) != _VALUES or numbers[0] < MIN_PAUSES:
        return None
    before = sorted((pause for pause in numbers[3:] if pause), reverse=True)
    return (before[1] if len(before) > 1 else max(numbers[2:])) / 1000


def of_job(connection: Redis, name: str) -> float | None:
    """Return the longest usual pause (s) between runs of a job, None if nothing is usual yet."""
    return usual_pause(replies.optional_bytes(connection.hget(ingest_keys.JOB_PAUSES, name)))


def note_run(connection: Redis, name: str, minute: int) -> float | None:
    """Note the minute since 1970 in which the last run of a job ended. Returns its longest usual pause (s)."""
    reply = _note_run(
        connection,
        pauses=ingest_keys.JOB_PAUSES,
        name=name,
        at_field=f"at:{name}",
        minute=minute,
        max_names=MAX_JOBS,
    )
    return usual_pause(replies.optional_bytes(reply))
