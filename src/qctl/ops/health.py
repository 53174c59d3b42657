"""How qctl is: what works, what does not, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from qctl.broker.ingest.buffer import MAX_MEMORY_SHARE
from qctl.broker.query import server_vitals, stats_snapshot
from qctl.broker.query.server_vitals import Vitals
from qctl.broker.redis.connection import translate_errors
from qctl.errors import QctlError
from qctl.models import STATUS_ORDER, Finding, Health, Ping, QueueStats, Stats
from qctl.ops.base import Part
from qctl.safe import redact_url

OVERDUE = 10.0
"""Seconds past its time after which a delayed job or retry shows that no scheduler runs."""

BEHIND = 60.0
"""Seconds past its time after which the scheduler that runs does not get on."""

FORGOTTEN = 86_400.0
"""Seconds for which a session that a broker forgot is an ill: somebody should see it, and not for ever."""

STALE = 60.0
"""Age in seconds of the oldest item in a buffer that shows that nobody cuts batches from it."""


class HealthOps(Part, name="health"):
    """What `qctl ping` and `qctl health` show."""

    def ping(self) -> Ping:
        """Ask Redis who it is and how late. Raises RedisUnreachableError."""
        return server_vitals.ping(self._redis, redact_url(self._settings.redis_target))

    def check(self, stats: Stats | None = None) -> Health:
        """Look at everything; at queues as they are in `stats`, where that was read just now. A Redis that cannot be
        reached is a finding, not an error.

        Dead letters wait for a person and are none of the system's ills; those in quarantine are, for they killed
        workers or came from somebody who may not send them. A queue that is paused is as somebody wants it.
        """
        try:
            with translate_errors(self._settings):
                findings = self._look(stats or stats_snapshot.stats(self._redis))
        except QctlError as error:
            findings = [Finding("redis", "down", error.message, error.hint)]
        worst = max((finding.status for finding in findings), key=STATUS_ORDER.index)
        return Health(worst, findings)

    def _look(self, stats: Stats) -> list[Finding]:
        queues = stats.queues
        seen = server_vitals.read(self._redis, [queue.name for queue in queues])
        return [
            Finding("redis", "ok", f"Redis at {redact_url(self._settings.redis_target)} answers"),
            *_persistence(seen),
            *_memory(seen),
            *_queues(queues, seen),
            *_schedule(seen),
            *_dead_letters(queues, seen),
            *_ingest(seen),
        ]


def _persistence(seen: Vitals) -> Iterator[Finding]:
    if seen.persistence is None:
        yield Finding("persistence", "ok", "not looked at: this user may not ask Redis (INFO)")
    elif not seen.persistence.aof:
        yield Finding(
            "persistence",
            "degraded",
            "Redis keeps no append-only file: if it dies, what was acknowledged since the last snapshot is lost",
            "redis-cli config set appendonly yes, and the same in redis.conf",
        )
    elif not seen.persistence.aof_writes:
        yield Finding(
            "persistence",
            "degraded",
            "Redis could not write its append-only file last time",
            "look at its disk and log",
        )
    else:
        yield Finding("persistence", "ok", "Redis keeps an append-only file")


def _memory(seen: Vitals) -> Iterator[Finding]:
    memory = seen.memory
    if memory is None:
        yield Finding("memory", "ok", "not looked at: this user may not ask Redis (INFO)")
        return
    if memory.policy != "noeviction":
        when = "when it is full" if memory.limit else "once it has a maxmemory"
        yield Finding(
            "eviction",
            "degraded",
            f"Redis deletes jobs in silence {when}: its maxmemory-policy is {memory.policy}",
            "redis-cli config set maxmemory-policy noeviction, and the same in redis.conf",
        )
    else:
        yield Finding("eviction", "ok", "Redis evicts nothing")
    used = memory.used / memory.limit if memory.limit else 0.0
    if used > MAX_MEMORY_SHARE:
        yield Finding(
            "memory",
            "degraded",
            f"Redis uses {used:.0%} of its maxmemory: sources acknowledge nothing "
            f"until it is below {MAX_MEMORY_SHARE:.0%}",
            "raise maxmemory, or let the sinks catch up",
        )
    else:
        limit = f"{used:.0%} of its maxmemory" if memory.limit else f"{memory.used / 1e6:.0f} MB, without a limit"
        yield Finding("memory", "ok", f"Redis uses {limit}")


def _queues(queues: list[QueueStats], seen: Vitals) -> Iterator[Finding]:
    if seen.suspended:
        yield Finding("workers", "degraded", "all workers are suspended by `rq suspend`", "rq resume")
    for queue in queues:
        if queue.error:
            yield Finding("queues", "degraded", f"{queue.name} cannot be read: {queue.error}")
    for queue in (queue for queue in queues if queue.paused):
        why = f": {queue.paused.reason}" if queue.paused and queue.paused.reason else ""
        yield Finding("paused", "ok", f"{queue.name} is paused{why}; {queue.waiting} wait")
    alone = [queue for queue in queues if queue.waiting and not queue.workers and not queue.paused]
    for queue in alone:
        yield Finding(
            "workers",
            "degraded",
            f"{queue.waiting} wait in {queue.name} and no worker takes them",
            f"qctl-worker {quote(queue.name)}",
        )
    if not alone and not seen.suspended:
        yield Finding("workers", "ok", "every queue with waiting jobs has a worker or is paused")


def _schedule(seen: Vitals) -> Iterator[Finding]:
    late = 0
    for name, queue in seen.queues.items():
        if queue.overdue is None or queue.overdue <= (BEHIND if queue.scheduler else OVERDUE):
            continue
        late += 1
        cause = "the scheduler does not get on" if queue.scheduler else "no scheduler runs"
        yield Finding(
            "schedule",
            "degraded",
            f"a delayed job or retry of {name} is {queue.overdue:.0f} s overdue: {cause}",
            None if queue.scheduler else "qctl-scheduler",
        )
    if not late:
        yield Finding("schedule", "ok", "no delayed job or retry is overdue")


def _dead_letters(queues: list[QueueStats], seen: Vitals) -> Iterator[Finding]:
    for name, queue in seen.queues.items():
        if queue.quarantined:
            yield Finding(
                "quarantine",
                "degraded",
                f"{queue.quarantined} jobs of {name} are in quarantine: they killed their workers or must not be run",
                f"qctl dlq list --queue {quote(name)}",
            )
    dead = sum(queue.dead for queue in queues) - sum(queue.quarantined for queue in seen.queues.values())
    yield Finding("dead letters", "ok", f"{dead} dead letters wait for somebody" if dead > 0 else "no dead letters")


def _ingest(seen: Vitals) -> Iterator[Finding]:
    for name, buffer in seen.buffers.items():
        if buffer.oldest_age is not None and buffer.oldest_age > STALE:
            yield Finding(
                "buffer",
                "degraded",
                f"{buffer.depth} items wait in the buffer {name}, the oldest for {buffer.oldest_age:.0f} s",
                "see whether its queue is paused, its sink down, or no scheduler runs",
            )
        else:
            yield Finding("buffer", "ok", f"{buffer.depth} items in the buffer {name}")
        if buffer.session_lost is not None and buffer.session_lost < FORGOTTEN:
            yield Finding(
                "session",
                "degraded",
                f"the MQTT broker forgot a session {buffer.session_lost:.0f} s ago ({buffer.sessions_lost} in all): "
                "what devices sent while the bridge was away may be lost",
                "let the broker keep sessions on disk; give each bridge an MQTT_CLIENT_ID of its own",
            )
    for name, queue in seen.queues.items():
        if queue.sink_down:
            yield Finding(
                "sink", "degraded", f"the sink of {name} was found down {queue.sink_down} times in a row", "qctl stats"
            )
