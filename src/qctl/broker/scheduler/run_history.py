"""The history of schedules: their last runs, with the outcome of each.

An entry is written when a run is created, missed, dropped or skipped. How it ended is in the hash of its job, which
Redis deletes after a while; the scheduler copies it into the entry before (`copy_outcomes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, get_args

from redis import Redis

from qctl.broker.redis import clock, keys, replies, schedule_keys, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.models import RunOutcome, ScheduleRun

MAX_RUNS = 20
"""Runs of a schedule that are remembered; an older one is deleted for each new one."""

MAX_SETTLED_SCHEDULES = 1000
"""Schedules whose runs are settled; later ones have runs with an unknown outcome."""

_note = Script("scheduler/note_runs", after=("redis/types", "scheduler/trim_runs"))

_JOB_FIELDS = ("status", "started_at", "ended_at")

_OUTCOMES: Mapping[str, RunOutcome] = {
    "queued": "waiting",
    "deferred": "waiting",
    "scheduled": "waiting",
    "rate_limited": "waiting",
    "started": "running",
    "finished": "finished",
    "failed": "failed",
    "stopped": "stopped",
    "canceled": "canceled",
}

_NOT_CREATED = frozenset({"missed", "dropped", "skipped"})
_MAY_CHANGE = frozenset({"waiting", "running", "failed", "stopped", "canceled"})
"""Outcomes that a job may leave: a dead letter can be retried."""


class _Entry(NamedTuple):
    """A run with the field and the value that it was read from."""

    field: str
    value: str
    run: ScheduleRun


def note(connection: Redis, name: str, runs: Mapping[str, int]) -> None:
    """Write runs that were created outside `fire.lua`, or skipped: due times (s) by field of `schedule_keys.runs`."""
    _write(connection, name, {field: str(due) for field, due in runs.items()}, only_known=False)


def read(connection: Redis, names: Sequence[str]) -> dict[str, tuple[ScheduleRun, ...]]:
    """The last runs of schedules by their names, the oldest first, as they are now. Writes nothing."""
    return {name: _overlapping([entry.run for entry in entries]) for name, entries in _read(connection, names).items()}


def copy_outcomes(connection: Redis) -> None:
    """Copy how runs ended from their jobs into the history of all schedules."""
    raw_names = replies.bytes_list(connection.zrange(keys.SCHEDULES, 0, MAX_SETTLED_SCHEDULES - 1))
    for name, entries in _read(connection, [untrusted_fields.decode(raw) for raw in raw_names]).items():
        ended = {entry.field: _value(entry.run) for entry in entries if entry.run.outcome not in ("waiting", "running")}
        changed = {
            entry.field: ended[entry.field] for entry in entries if ended.get(entry.field, entry.value) != entry.value
        }
        if changed:
            _write(connection, name, changed, only_known=True)


def _write(connection: Redis, name: str, values: Mapping[str, str], *, only_known: bool) -> None:
    _note(
        connection,
        schedules=keys.SCHEDULES,
        history=schedule_keys.runs(name),
        max_runs=MAX_RUNS,
        schedule_name=name,
        only_known=int(only_known),
        entries=[part for pair in values.items() for part in pair],
    )


def _read(connection: Redis, names: Sequence[str]) -> dict[str, list[_Entry]]:
    with connection.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.hgetall(schedule_keys.runs(name))
        answers = [replies.bytes_dict(reply) for reply in replies.execute(pipe)] if names else []
    entries = {
        name: sorted(
            (_parse(untrusted_fields.decode(field), untrusted_fields.decode(value)) for field, value in fields.items()),
            key=lambda entry: entry.run.due_at,
        )[-MAX_RUNS:]
        for name, fields in zip(names, answers, strict=True)
    }
    return _as_they_are_now(connection, entries)


def _as_they_are_now(connection: Redis, entries: Mapping[str, list[_Entry]]) -> dict[str, list[_Entry]]:
    """The entries with the state of the jobs that may have changed since it was written."""
    jobs = [entry.run.job for rows in entries.values() for entry in rows if entry.run.outcome in _MAY_CHANGE]
    with connection.pipeline(transaction=False) as pipe:
        for job in jobs:
            pipe.hmget(keys.job(job), _JOB_FIELDS)
        answers = replies.execute(pipe) if jobs else []
    states = dict(zip(jobs, (replies.field_values(reply, len(_JOB_FIELDS)) for reply in answers), strict=True))
    return {
        name: [entry._replace(run=_with_state(entry.run, states.get(entry.run.job))) for entry in rows]
        for name, rows in entries.items()
    }


def _with_state(run: ScheduleRun, state: Sequence[bytes | None] | None) -> ScheduleRun:
    if state is None:
        return run
    status, started, ended = state
    if status is None:
        return replace(run, outcome="unknown") if run.outcome in ("waiting", "running") else run
    return replace(
        run,
        outcome=_OUTCOMES.get(untrusted_fields.decode(status), "unknown"),
        started_at=untrusted_fields.parse_time(started),
        ended_at=untrusted_fields.parse_time(ended),
    )


def _parse(field: str, value: str) -> _Entry:
    """Parse an entry: `DUE`, `DUE COUNT` of runs without a job, or `DUE OUTCOME STARTED_MS ENDED_MS`."""
    words = [*value.split(" "), "", "", ""]
    due_at = clock.optional_datetime(_number(words[0]) * 1000) or clock.to_datetime(0)
    kind = field.partition(":")[0]
    if kind in _NOT_CREATED:
        outcome: RunOutcome = next(word for word in get_args(RunOutcome) if word == kind)
        return _Entry(field, value, ScheduleRun(due_at, outcome, count=max(1, _number(words[1]))))
    outcome = next((word for word in get_args(RunOutcome) if word == words[1]), "waiting")
    started, ended = (clock.optional_datetime(_number(word) or None) for word in words[2:4])
    return _Entry(field, value, ScheduleRun(due_at, outcome, field, started, ended))


def _value(run: ScheduleRun) -> str:
    if not run.job:
        return f"{run.due_at.timestamp():.0f} {run.count}"
    times = (0 if at is None else round(at.timestamp() * 1000) for at in (run.started_at, run.ended_at))
    return " ".join(map(str, (f"{run.due_at.timestamp():.0f}", run.outcome, *times)))


def _number(word: str) -> int:
    return int(word) if word.isdecimal() and word.isascii() and len(word) < 16 else 0


def _overlapping(runs: Sequence[ScheduleRun]) -> tuple[ScheduleRun, ...]:
    """Mark the runs that started before an earlier one had ended."""
    marked: list[ScheduleRun] = []
    for run in runs:
        overlaps = run.started_at is not None and any(
            other.started_at is not None
            and other.started_at <= run.started_at
            and (other.outcome == "running" or (other.ended_at is not None and other.ended_at > run.started_at))
            for other in marked
        )
        marked.append(replace(run, overlaps=overlaps))
    return tuple(marked)
