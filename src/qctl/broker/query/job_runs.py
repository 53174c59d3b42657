"""Reads the runs of a job: RQ's results, what qctl keeps of other runs, and the lines that were logged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from redis import Redis
from rq.results import Result

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.broker.redis.job_fields import LOG_PREFIX, RUN_PREFIX
from qctl.broker.redis.replies import Entry
from qctl.models import Attempt, JobLogs, LogLine, RunLog
from qctl.models.events import moment_of

MAX_FIELDS = 64
"""Fields of runs that are read; workers keep twenty."""

MAX_FIELD_BYTES = 2 << 20
"""Size of a field up to which it is read."""

MAX_RESULTS = 20
"""Results that are read; RQ keeps ten."""

_OUTCOMES = {kind.value: kind.name.lower() for kind in Result.Type}


def attempts(results: Sequence[Entry], fields: Mapping[str, bytes | None], status: str) -> list[Attempt]:
    """Return the runs of a job, the oldest first. `results` are RQ's, the newest first; `fields` are the job's hash.

    RQ keeps no result of a failure that is retried, and none of a run whose worker died.
    """
    logs = {name[len(LOG_PREFIX) :]: _parse(raw) for name, raw in fields.items() if name.startswith(LOG_PREFIX)}
    runs = {name[len(RUN_PREFIX) :]: _parse(raw) for name, raw in fields.items() if name.startswith(RUN_PREFIX)}
    by_id = {str(log.get("run")): started for started, log in logs.items() if log.get("run")}
    listed = []
    for entry_id, raw in reversed(results):
        started = by_id.get(untrusted_fields.decode(raw.get(b"execution_id")), "")
        runs.pop(started, None)
        listed.append(_from_result(entry_id, raw, _count(logs.pop(started, {})), started))
    current = untrusted_fields.decode(fields.get("started_at")) if status == "started" else ""
    for started in runs.keys() | logs.keys():
        listed.append(
            _from_record(started, runs.get(started, {}), logs.get(started, {}), is_running=started == current)
        )
    return sorted(listed, key=lambda attempt: attempt.started_at or attempt.at or clock.to_datetime(0))


def read_logs(connection: Redis, job_id: str) -> JobLogs:
    """Return the lines that are kept of each run of a job, the oldest run first, with the job's status."""
    key = keys.job(job_id)
    raw_names = [name for name in replies.bytes_list(connection.hkeys(key)) if _is_of_run(name)][:MAX_FIELDS]
    with connection.pipeline(transaction=False) as pipe:
        pipe.hmget(key, ["status", "started_at", "origin", *raw_names])
        pipe.xrevrange(keys.results(job_id), count=MAX_RESULTS)
        raw_values, results = replies.execute(pipe)
    names = ["status", "started_at", "origin", *map(untrusted_fields.decode, raw_names)]
    fields = dict(zip(names, replies.field_values(raw_values, len(names)), strict=True))
    status = untrusted_fields.decode(fields["status"])
    runs = []
    for number, attempt in enumerate(attempts(replies.stream_entries(results), fields, status), 1):
        log = _parse(fields.get(LOG_PREFIX + attempt.run)) if attempt.run else {}
        lines = [line for item in _items(log) if (line := _line(item))]
        runs.append(RunLog(number, attempt.outcome, attempt.worker, attempt.started_at, _count(log), lines))
    return JobLogs(job_id, untrusted_fields.decode(fields["origin"]), status, runs)


def _is_of_run(name: bytes) -> bool:
    return name.startswith((LOG_PREFIX.encode(), RUN_PREFIX.encode()))


def _from_result(entry_id: bytes, raw: dict[bytes, bytes], logged: int, started: str) -> Attempt:
    """Return one of a job's results as an attempt."""
    fields = {untrusted_fields.decode(name): value for name, value in raw.items()}
    kind = untrusted_fields.parse_count(fields.get("type"))
    traceback = untrusted_fields.last_traceback([(entry_id, raw)], {}) if fields.get("exc_string") else ""
    return Attempt(
        outcome=_OUTCOMES.get(kind or 0, "unknown"),
        at=moment_of(untrusted_fields.decode(entry_id)),
        worker=untrusted_fields.decode(fields.get("worker_name")),
        started_at=moment(fields.get("execution_started_at")),
        ended_at=moment(fields.get("execution_ended_at")),
        error=dead_letter_index.last_line(traceback),
        traceback=traceback,
        value=untrusted_fields.indent_return_value(fields.get("return_value")),
        run=started,
        logged=logged,
    )


def _from_record(started: str, run: dict[str, Any], log: dict[str, Any], *, is_running: bool) -> Attempt:
    """Return a run of which RQ has no result as an attempt."""
    traceback = str(run.get("error") or "")
    started_at = untrusted_fields.parse_time(started.encode(errors="surrogateescape"))
    ended = run.get("ended")
    ended_at = clock.optional_datetime(ended * 1000) if isinstance(ended, (int, float)) else None
    outcome = "running" if is_running and not run else str(run.get("outcome") or "interrupted")
    return Attempt(
        outcome=outcome,
        at=ended_at or started_at,
        worker=str(run.get("worker") or log.get("worker") or ""),
        started_at=started_at,
        ended_at=ended_at,
        error=dead_letter_index.last_line(traceback),
        traceback=traceback,
        run=started,
        logged=_count(log),
    )


def moment(seconds: bytes | float | None) -> datetime | None:
    """Return a time in seconds since 1970, None if it is missing, invalid or out of range."""
    try:
        return None if seconds in (None, b"") else clock.optional_datetime(float(seconds) * 1000)
    except ValueError:
        return None


def _parse(raw: bytes | None) -> dict[str, Any]:
    try:
        parsed = json.loads((raw or b"")[:MAX_FIELD_BYTES].decode(errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _items(log: dict[str, Any]) -> list[Any]:
    lines = log.get("lines")
    return lines if isinstance(lines, list) else []


def _count(log: dict[str, Any]) -> int:
    total = log.get("total")
    return total if isinstance(total, int) and 0 <= total < 1 << 53 else len(_items(log))


def _line(item: object) -> LogLine | None:
    if not isinstance(item, list) or len(item) != 3 or not isinstance(item[0], (int, float)):
        return None
    at = clock.optional_datetime(float(item[0]))
    return LogLine(at or datetime.fromtimestamp(0, timezone.utc), str(item[1]), str(item[2]))
