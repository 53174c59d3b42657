"""The workers that are registered in Redis and live. Writes nothing: RQ's own list removes what it finds dead."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from redis import Redis

from qctl.broker.query.stats_snapshot import is_alive
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.models import Quiet, WorkerInfo

_FIELDS = (
    *("birth", "death", "queues", "state", "hostname", "pid", "current_job", "last_heartbeat"),
    *("successful_job_count", "failed_job_count", "total_working_time", job_fields.WORKER_MEMORY),
)


def living(connection: Redis) -> list[WorkerInfo]:
    """Every worker whose heartbeat goes on, by name."""
    return [worker for _, worker in _living(connection)]


def listening(connection: Redis, queues: Collection[str]) -> list[WorkerInfo]:
    """The living workers that take from any of these queues."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.smembers(keys.queue_workers(queue))
        registered = {key for reply in replies.execute(pipe) for key in replies.granted(reply, set())}
    # Both are asked: a name with a comma in it is lost in the worker's own list.
    return [
        worker for key, worker in _living(connection) if key in registered or not set(queues).isdisjoint(worker.queues)
    ]


def _living(connection: Redis) -> list[tuple[bytes, WorkerInfo]]:
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.smembers(keys.WORKERS)
        pipe.zrange(keys.LEASES, 0, -1, withscores=True)
        pipe.hgetall(keys.QUIET)
        time, registered, leases, quiet = replies.execute(pipe)
    now = clock.reply_ms(time)
    claimants = [untrusted_fields.decode(name) for name, ends in replies.granted(leases, []) if ends > now]
    hushed = {untrusted_fields.decode(name): _quiet(raw) for name, raw in replies.granted(quiet, {}).items()}
    found = sorted(replies.granted(registered, set()))
    with connection.pipeline(transaction=False) as pipe:
        for key in found:
            pipe.hmget(key, _FIELDS)
            pipe.smembers(keys.worker_executions(_name(key)))
        answers = replies.execute(pipe)
    alive = [
        (key, _worker(key, fields, claimants, hushed), _job_ids(fields, replies.granted(runs, set())))
        for key, fields, runs in zip(found, map(_fields, answers[::2]), answers[1::2], strict=True)
        if is_alive(fields[:2])
    ]
    jobs = _running(connection, {job_id for _, _, ids in alive for job_id in ids})
    return [
        (key, next((replace(worker, **jobs[id_, worker.name]) for id_ in ids if (id_, worker.name) in jobs), worker))
        for key, worker, ids in alive
    ]


def _name(key: bytes) -> str:
    return untrusted_fields.decode(key).removeprefix(keys.WORKER_PREFIX)


def _fields(reply: Any) -> list[bytes | None]:
    found: list[bytes | None] = replies.granted(reply, [None] * len(_FIELDS))
    return found


def _job_ids(fields: Sequence[bytes | None], runs: Collection[bytes]) -> list[str]:
    """The jobs that a worker may be running: those of its executions, as RQ 3 keeps them, or what RQ 2 said."""
    said = untrusted_fields.decode(fields[_FIELDS.index("current_job")])
    return sorted(untrusted_fields.decode(run).rpartition(":")[0] for run in runs) + ([said] if said else [])


def _running(connection: Redis, ids: Collection[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """What is said of the jobs that run, by their id and the name of their worker: which function, and since when.

    An execution may be left of a run that broke off: the job says whether it runs, and on which worker.
    """
    listed = sorted(ids)
    with connection.pipeline(transaction=False) as pipe:
        for job_id in listed:
            pipe.hmget(
                keys.job(job_id), "status", "worker_name", "started_at", "description"
            )  # no payload: it may be large
        answers = [replies.granted(reply, [None] * 4) for reply in replies.execute(pipe)] if listed else []
    return {
        (job_id, untrusted_fields.decode(worker)): {
            "current_job": job_id,
            "job_since": untrusted_fields.parse_time(started),
            "job_function": untrusted_fields.function_name({"description": description}),
        }
        for job_id, (status, worker, started, description) in zip(listed, answers, strict=True)
        if status == b"started"
    }


def _worker(
    key: bytes, fields: Sequence[bytes | None], claimants: Sequence[str], hushed: Mapping[str, Quiet]
) -> WorkerInfo:
    birth, _, queues, state, host, pid, said, heartbeat, finished, failed, worked, held = fields
    name = _name(key)
    on, number = untrusted_fields.decode(host), untrusted_fields.parse_count(pid)
    claimant = _claimant(name, on, number, claimants)
    return WorkerInfo(
        name=name,
        queues=[queue for queue in untrusted_fields.decode(queues).split(",") if queue],
        state=untrusted_fields.decode(state) or "?",
        host=on,
        pid=number,
        current_job=untrusted_fields.decode(said) or None,
        last_heartbeat=untrusted_fields.parse_time(heartbeat),
        honours_pause=claimant is not None,
        claimant=claimant,
        started_at=untrusted_fields.parse_time(birth),
        memory=_count(held),
        finished=_count(finished) or 0,
        failed=_count(failed) or 0,
        worked=_seconds(worked),
        quiet=hushed.get(claimant or ""),
    )


def _claimant(name: str, host: str, pid: int | None, claimants: Sequence[str]) -> str | None:
    """Under which name a worker claims by our script: its own, or one that was made of its host and process."""
    if name in claimants:
        return name
    if pid is None:
        return None
    return next((claimant for claimant in claimants if claimant.startswith(f"{host}.{pid}.")), None)


def _quiet(raw: bytes) -> Quiet:
    note = untrusted_fields.parse_object(raw)
    at = note.get("at")
    try:
        when = clock.to_datetime(at if isinstance(at, (int, float)) else 0)
    except (ValueError, OverflowError, OSError):
        when = clock.to_datetime(0)
    return Quiet(str(note.get("by", "?")), when)


def _count(raw: bytes | None) -> int | None:
    """A count, None where it is missing or something else. It may be large, as memory is."""
    return int(raw) if raw is not None and raw.isdigit() and len(raw) < 16 else None


def _seconds(raw: bytes | None) -> float:
    try:
        found = float(raw or 0)
    except ValueError:
        return 0.0
    return found if isfinite(found) else 0.0
