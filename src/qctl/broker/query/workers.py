"""Reads the workers that are registered in Redis and live. Writes nothing: RQ's own list deletes dead ones."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import isfinite
from typing import NamedTuple

from redis import Redis

from qctl.broker.query import job_names
from qctl.broker.query.stats_snapshot import is_alive
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.broker.worker.lease import LEASE_SECONDS
from qctl.models import Quiet, WorkerInfo

_FIELDS = (
    *("birth", "death", "queues", "state", "hostname", "pid", "current_job", "last_heartbeat"),
    *("successful_job_count", "failed_job_count", "total_working_time", job_fields.WORKER_MEMORY),
    *(job_fields.WORKER_CLOCK_SKEW, job_fields.WORKER_CPU),
)

_JOB_FIELDS = ("status", "worker_name", "started_at", "origin", "timeout")
"""Fields of a running job: without the payload, which may be large."""

_OWN_NAME = re.compile(r".+\.\d+\.[0-9a-f]{6}")
"""Name of a claimant, which qctl's workers have too: host, process, six random digits."""


def living(connection: Redis) -> list[WorkerInfo]:
    """Return every worker with a heartbeat, by name."""
    return [worker for _, worker in _living(connection)]


def listening(connection: Redis, queues: Collection[str]) -> list[WorkerInfo]:
    """Return the living workers that listen to any of these queues."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.smembers(keys.queue_workers(queue))
        registered = set().union(*map(replies.bytes_set, replies.execute(pipe)))
    # RQ's sets are read too, because the worker's own list loses names that contain a comma.
    return [
        worker for key, worker in _living(connection) if key in registered or not set(queues).isdisjoint(worker.queues)
    ]


def _living(connection: Redis) -> list[tuple[bytes, WorkerInfo]]:
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.smembers(keys.WORKERS)
        pipe.zrange(keys.LEASES, 0, -1, withscores=True)
        pipe.hgetall(keys.QUIET)
        time, registered, leases, raw_quiet = replies.execute(pipe)
    now = clock.reply_ms(time)
    expiries = {untrusted_fields.decode(name): expiry for name, expiry in replies.scored_members(leases)}
    quiet = {untrusted_fields.decode(name): _quiet(raw) for name, raw in replies.bytes_dict(raw_quiet).items()}
    worker_keys = sorted(replies.bytes_set(registered))
    with connection.pipeline(transaction=False) as pipe:
        for key in worker_keys:
            pipe.hmget(key, _FIELDS)
            pipe.smembers(keys.worker_executions(_name(key)))
        answers = replies.execute(pipe)
    hashes = [replies.field_values(reply, len(_FIELDS)) for reply in answers[::2]]
    executions = map(replies.bytes_set, answers[1::2])
    alive = [
        (key, _worker(key, fields, _Leases(expiries, now), quiet), _job_ids(fields, runs))
        for key, fields, runs in zip(worker_keys, hashes, executions, strict=True)
        if is_alive(fields[:2])
    ]
    jobs = _running(connection, {job_id for _, _, ids in alive for job_id in ids})
    return [(key, _with_job(worker, ids, jobs)) for key, worker, ids in alive]


def _name(key: bytes) -> str:
    return untrusted_fields.decode(key).removeprefix(keys.WORKER_PREFIX)


def _job_ids(fields: Sequence[bytes | None], runs: Collection[bytes]) -> list[str]:
    """Return the jobs that a worker may be running, by its executions (RQ 3), or by its hash (RQ 2)."""
    current = untrusted_fields.decode(fields[_FIELDS.index("current_job")])
    return sorted(untrusted_fields.decode(run).rpartition(":")[0] for run in runs) + ([current] if current else [])


class _RunningJob(NamedTuple):
    function: str
    since: datetime | None
    queue: str
    timeout: float | None


def _running(connection: Redis, ids: Collection[str]) -> dict[tuple[str, str], _RunningJob]:
    """Return the running ones of these jobs, by id and worker.

    An aborted run may leave its execution. The job's hash says whether it runs, and on which worker.
    """
    if not ids:
        return {}
    listed = sorted(ids)
    with connection.pipeline(transaction=False) as pipe:
        for job_id in listed:
            pipe.hmget(keys.job(job_id), *_JOB_FIELDS)
        answers = [replies.field_values(reply, len(_JOB_FIELDS)) for reply in replies.execute(pipe)]
    running = [job_id for job_id, (status, *_) in zip(listed, answers, strict=True) if status == b"started"]
    functions = job_names.functions(connection, running)
    return {
        (job_id, untrusted_fields.decode(worker)): _RunningJob(
            functions.get(job_id, ""),
            untrusted_fields.parse_time(started),
            untrusted_fields.decode(queue),
            _seconds(timeout) if _seconds(timeout) > 0 else None,
        )
        for job_id, (status, worker, started, queue, timeout) in zip(listed, answers, strict=True)
        if status == b"started"
    }


def _with_job(worker: WorkerInfo, ids: Sequence[str], jobs: Mapping[tuple[str, str], _RunningJob]) -> WorkerInfo:
    for job_id in ids:
        if job := jobs.get((job_id, worker.name)):
            return replace(
                worker,
                current_job=job_id,
                job_function=job.function,
                job_since=job.since,
                job_queue=job.queue,
                job_timeout=job.timeout,
            )
    return worker


class _Leases(NamedTuple):
    """When the lease of each claimant ends or ended, by Redis's clock as `now_ms`. Kept for an hour after the end."""

    expiries: Mapping[str, float]
    now_ms: int


def _worker(key: bytes, fields: Sequence[bytes | None], leases: _Leases, quiet: Mapping[str, Quiet]) -> WorkerInfo:
    birth, _, queues, state, raw_host, raw_pid, current, heartbeat, finished, failed, worked, memory, skew, cpu = fields
    name = _name(key)
    host, pid = untrusted_fields.decode(raw_host), untrusted_fields.parse_count(raw_pid)
    started = untrusted_fields.parse_time(birth)
    claimant = _claimant(name, host, pid, started, leases)
    expiry = leases.expiries.get(claimant, 0.0) if claimant else 0.0
    return WorkerInfo(
        name=name,
        queues=[queue for queue in untrusted_fields.decode(queues).split(",") if queue],
        state=untrusted_fields.decode(state) or "?",
        host=host,
        pid=pid,
        current_job=untrusted_fields.decode(current) or None,
        last_heartbeat=untrusted_fields.parse_time(heartbeat),
        honours_pause=claimant is not None,
        claimant=claimant,
        started_at=started,
        memory=_large_count(memory),
        finished=_large_count(finished) or 0,
        failed=_large_count(failed) or 0,
        worked=_seconds(worked),
        quiet=quiet.get(claimant or ""),
        silent=claimant is not None and expiry <= leases.now_ms,
        lease_until=clock.optional_datetime(expiry) if expiry else None,
        clock_skew=_seconds(skew) if skew is not None else None,
        cpu=_seconds(cpu) if cpu is not None else None,
    )


def _claimant(name: str, host: str, pid: int | None, started: datetime | None, leases: _Leases) -> str | None:
    """Return the name by which a worker claims jobs: its own, or one made of its host and process. None for a stock
    worker.

    A lease that has ended identifies the name as well as a live one does, unless it was last renewed before this worker
    started: another process had the same PID then.
    """
    if name in leases.expiries or _OWN_NAME.fullmatch(name):
        return name
    if pid is None:
        return None
    since = started.timestamp() * 1000 if started else 0
    prefix = f"{host}.{pid}."
    candidates = [
        (expiry, claimant)
        for claimant, expiry in leases.expiries.items()
        if claimant.startswith(prefix) and (expiry > leases.now_ms or expiry - LEASE_SECONDS * 1000 >= since)
    ]
    return max(candidates)[1] if candidates else None


def _quiet(raw: bytes) -> Quiet:
    note = untrusted_fields.parse_object(raw)
    at = note.get("at")
    since = clock.optional_datetime(at) if isinstance(at, (int, float)) else None
    return Quiet(str(note.get("by", "?")), since or clock.to_datetime(0))


def _large_count(raw: bytes | None) -> int | None:
    """Return a count of at most 15 digits, such as bytes of memory. None if it is missing or invalid."""
    return int(raw) if raw is not None and raw.isdigit() and len(raw) < 16 else None


def _seconds(raw: bytes | None) -> float:
    try:
        seconds = float(raw or 0)
    except ValueError:
        return 0.0
    return seconds if isfinite(seconds) else 0.0
