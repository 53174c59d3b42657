"""Health check: whether jobs are flowing, and how to fix what blocks them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timezone
from shlex import quote

from qctl import catalog
from qctl.broker.bookkeeping import alert_state, notes
from qctl.broker.bookkeeping.budgets import Shares
from qctl.broker.ingest.buffer import MAX_MEMORY_SHARE
from qctl.broker.query import (
    cluster_setup,
    dependents,
    leftovers,
    replication_setup,
    server_vitals,
    stats_snapshot,
    workers,
)
from qctl.broker.query.server_vitals import Vitals
from qctl.broker.redis.connection import translate_errors
from qctl.broker.scheduler import rq_cron, schedules
from qctl.errors import QctlError
from qctl.models import Finding, Firing, Health, Level, Mute, Note, NoteKind, Ping, QueueStats, Stats
from qctl.ops import (
    cluster_checks,
    leftover_checks,
    queue_checks,
    replication_checks,
    run_pace,
    silence_checks,
    source_checks,
    stock_scheduler_checks,
)
from qctl.ops import health_rules as rules
from qctl.ops.base import Part
from qctl.ops.budget_findings import budget_findings
from qctl.quantities import clause, quantity
from qctl.safe import redact_url


class HealthOps(Part, name="health"):
    """Health of Redis, queues and workers, for `qctl ping` and `qctl health`."""

    def ping(self) -> Ping:
        """Read the version, clock and round-trip time of Redis. Raises RedisUnreachableError."""
        return server_vitals.ping(self._redis, redact_url(self._settings.redis_target))

    def check(self, stats: Stats | None = None) -> Health:
        """Check everything; queues by a fresh snapshot `stats` if there is one. An unreachable Redis is a finding, not
        an error.

        Dead letters do not degrade the health, because they wait for a decision. Quarantined jobs do, because they
        killed their workers or must not run. A paused queue does not, because it was paused on purpose.
        """
        try:
            with translate_errors(self._settings):
                findings = self._findings(stats or stats_snapshot.stats(self._redis))
        except QctlError as error:
            findings = [Finding("redis", "down", error.message, error.hint)]
        return Health.of(findings)

    def _findings(self, stats: Stats) -> list[Finding]:
        queues = stats.queues
        vitals = server_vitals.read(self._redis, [queue.name for queue in queues], Shares.of(self._settings))
        return [
            Finding("redis", "ok", f"Redis at {redact_url(self._settings.redis_target)} answers"),
            *_permissions(stats),
            *_persistence(vitals),
            *_memory(vitals),
            _writes(vitals, stats),
            *_data(vitals),
            *_queues(queues, vitals, notes.read(self._redis)),
            *queue_checks.check(self._redis, queues, vitals.now),
            *run_pace.check(run_pace.with_pace(self._redis, workers.living(self._redis), vitals.now)),
            *leftover_checks.check_runs(leftovers.find_runs(self._redis, [queue.name for queue in queues])),
            *leftover_checks.check_counted_ghosts(queues),
            *leftover_checks.check_stranded_sample(
                dependents.find_stranded_sample(self._redis, [queue.name for queue in queues if queue.deferred])
            ),
            *_firing(alert_state.read_firing(self._redis), alert_state.read_mutes(self._redis)),
            *_schedule(vitals),
            *stock_scheduler_checks.check(rq_cron.read(self._redis), schedules.list_all(self._redis), vitals.at),
            *_dead_letters(queues, vitals),
            *budget_findings(vitals),
            *source_checks.check(vitals.sources),
            *silence_checks.check_quiet_topics(self._redis),
            *replication_checks.check(replication_setup.read(self._redis), self._settings.redis_replicas),
            *cluster_checks.check(cluster_setup.read(self._redis)),
            *_ingest(vitals, {queue.name for queue in queues if queue.unused}),
        ]


def _permissions(stats: Stats) -> Iterator[Finding]:
    if stats.hidden:
        yield Finding("permissions", "degraded", stats.hidden, "redis-cli acl setuser USER with this pattern")


def _persistence(vitals: Vitals) -> Iterator[Finding]:
    if vitals.persistence is None:
        yield Finding("persistence", "ok", "not checked: this user may not run INFO")
    elif not vitals.persistence.aof:
        yield Finding(
            "persistence",
            "degraded",
            "Redis has no append-only file: a crash loses everything acknowledged since the last snapshot",
            "redis-cli config set appendonly yes; set the same in redis.conf",
        )
    elif not vitals.persistence.aof_writes:
        yield Finding(
            "persistence",
            "degraded",
            "Redis failed to write its append-only file",
            "check the disk and the log of Redis",
        )
    else:
        yield Finding("persistence", "ok", "Redis writes an append-only file")


def _memory(vitals: Vitals) -> Iterator[Finding]:
    memory = vitals.memory
    if memory is None:
        yield Finding("memory", "ok", "not checked: this user may not run INFO")
        return
    if memory.policy != "noeviction":
        when = "when it is full" if memory.limit else "as soon as maxmemory is set"
        yield Finding(
            "eviction",
            "degraded",
            f"Redis deletes jobs without notice {when}: maxmemory-policy is {memory.policy}",
            "redis-cli config set maxmemory-policy noeviction; set the same in redis.conf",
        )
    else:
        yield Finding("eviction", "ok", "Redis evicts no keys")
    used = memory.used / memory.limit if memory.limit else 0.0
    if used > MAX_MEMORY_SHARE:
        yield Finding(
            "memory",
            "degraded",
            f"Redis uses {used:.0%} of its maxmemory: sources stop acknowledging "
            f"until it is below {MAX_MEMORY_SHARE:.0%}",
            "raise maxmemory, or wait until the sinks have caught up",
        )
    else:
        limit = f"{used:.0%} of its maxmemory" if memory.limit else f"{memory.used / 1e6:.0f} MB, no limit"
        yield Finding("memory", "ok", f"Redis uses {limit}")


def _writes(vitals: Vitals, stats: Stats) -> Finding:
    """Check whether Redis takes writes, by its own status and by the leases that workers renew."""
    writes, memory, persistence = vitals.writes, vitals.memory, vitals.persistence
    if writes.is_replica:
        reason, fix = "Redis is a read-only replica", "name the primary with REDIS_URL"
    elif persistence and not persistence.aof_writes:
        reason, fix = "Redis cannot write its append-only file", "check the disk and the log of Redis"
    elif writes.snapshot_failed and writes.needs_snapshots:
        reason, fix = "Redis failed to write its last snapshot", "check the disk and the log of Redis"
    elif memory and memory.limit and memory.used >= memory.limit and memory.policy == "noeviction":
        reason, fix = "Redis is full", "make room with `qctl clear QUEUE --purge`, or raise maxmemory"
    elif not writes.has_scripts:
        reason, fix = "Redis has no EVALSHA", "remove its rename-command from redis.conf"
    elif writes.may_write and writes.may_run_scripts is False:
        reason, fix = "this user may not run EVALSHA", "redis-cli acl setuser USER +@scripting"
    else:
        return _leases(vitals, stats)
    return Finding("writes", "down", f"{reason}: nothing can be enqueued, claimed or acknowledged", fix)


def _data(vitals: Vitals) -> Iterator[Finding]:
    lost = vitals.data_loss
    if lost and lost.age < rules.DATA_LOSS_SECONDS:
        yield Finding(
            "data",
            "degraded",
            f"{lost.loss} (noticed {lost.age:.0f} s ago)",
            "put back what a backup holds: qctl restore FILE; then compare with what devices and clients sent",
        )
    else:
        yield Finding("data", "ok", "no daemon has noticed a loss of data")


def _leases(vitals: Vitals, stats: Stats) -> Finding:
    writes = vitals.writes
    if writes.snapshot_failed:
        effect = ", and takes no writes if stop-writes-on-bgsave-error is yes" if writes.needs_snapshots is None else ""
        return Finding(
            "writes",
            "degraded",
            f"Redis failed to write its last snapshot{effect}",
            "check the disk and the log of Redis",
        )
    workers = sum(queue.workers for queue in stats.queues)
    age = writes.lease_age
    if workers and age is not None and rules.LEASE_SILENT_SECONDS < age < rules.LEASE_FORGOTTEN_SECONDS:
        return Finding(
            "writes",
            "degraded",
            f"no worker has renewed its lease for {age:.0f} s: all died, or cannot write to Redis",
            "qctl worker list",
        )
    return Finding("writes", "ok", "Redis takes writes")


def _queues(queues: list[QueueStats], vitals: Vitals, noted: Mapping[tuple[NoteKind, str], Note]) -> Iterator[Finding]:
    if vitals.suspended:
        yield Finding("workers", "degraded", "all workers are suspended by `rq suspend`", "rq resume")
    for queue in queues:
        if queue.error:
            yield Finding("queues", "degraded", f"queue {queue.name} cannot be read: {queue.error}", subject=queue.name)
    for queue in (queue for queue in queues if queue.paused):
        why = f": {queue.paused.reason}" if queue.paused and queue.paused.reason else ""
        note = noted.get(("pause", queue.paused.queue)) if queue.paused else None
        why += f" (note of {note.by}: {note.text or 'acknowledged'})" if note else ""
        yield Finding(
            "paused",
            "ok",
            f"queue {queue.name} is paused{why}; {clause(queue.waiting, 'job', 'waits', 'wait')}",
            f"qctl resume {quote(queue.name)}",
            subject=queue.name,
            since=queue.paused.at if queue.paused else None,
            grade="ok" if note and note.is_acknowledged else "notice",
        )
    unserved = [queue for queue in queues if queue.waiting and not queue.workers and not queue.paused]
    for queue in unserved:
        yield Finding(
            "workers",
            "degraded",
            f"{clause(queue.waiting, 'job', 'waits', 'wait')} in queue {queue.name}, and no worker listens to it",
            f"qctl-worker {quote(queue.name)}",
            queue.name,
            None if queue.oldest_age is None else _ago(vitals, queue.oldest_age),
            "error",
        )
    if not unserved and not vitals.suspended:
        yield Finding("workers", "ok", "every queue with waiting jobs has a worker or is paused")


def _ago(vitals: Vitals, seconds: float) -> datetime:
    return datetime.fromtimestamp(vitals.now - seconds, timezone.utc)


def _schedule(vitals: Vitals) -> Iterator[Finding]:
    overdue = 0
    for name, queue in vitals.queues.items():
        if queue.overdue is None or queue.overdue <= (
            rules.BEHIND_SECONDS if queue.scheduler else rules.OVERDUE_SECONDS
        ):
            continue
        overdue += 1
        cause = "the scheduler cannot keep up" if queue.scheduler else "no scheduler runs"
        yield Finding(
            "schedule",
            "degraded",
            f"a delayed job or retry of queue {name} is {queue.overdue:.0f} s overdue: {cause}",
            None if queue.scheduler else "qctl-scheduler",
            name,
            _ago(vitals, queue.overdue),
        )
    if not overdue:
        yield Finding("schedule", "ok", "no delayed job or retry is overdue")


def _firing(alerts: Mapping[str, Mapping[str, Firing]], mutes: Mapping[str, Mute]) -> Iterator[Finding]:
    """Report alerts that fire by their own thresholds; those that fire by a finding are that finding."""
    count = 0
    for rule, firing in alerts.items():
        for alert in firing.values():
            if alert.check or rule in mutes:
                continue
            count += 1
            yield Finding(
                "alert",
                "degraded",
                f"alert {rule} fires for {alert.queue}",
                "qctl alert list",
                alert.queue,
                alert.since,
                "error" if alert.level == Level.CRITICAL else "warning",
            )
    if not count:
        yield Finding("alert", "ok", "no alert fires")


def _dead_letters(queues: list[QueueStats], vitals: Vitals) -> Iterator[Finding]:
    for name, queue in vitals.queues.items():
        if queue.quarantined:
            yield Finding(
                "quarantine",
                "degraded",
                f"{quantity(queue.quarantined, 'job')} of queue {name} in quarantine: killed workers or must not run",
                f"qctl dlq list --queue {quote(name)}",
                name,
            )
    dead = sum(queue.dead for queue in queues) - sum(queue.quarantined for queue in vitals.queues.values())
    if not any(queue.dead >= rules.DEAD_LETTERS_WARNING for queue in queues):
        yield Finding(
            "dead letters",
            "ok",
            f"{clause(dead, 'dead letter', 'needs', 'need')} a decision" if dead > 0 else "no dead letters",
        )


def _ingest(vitals: Vitals, unused: Collection[str]) -> Iterator[Finding]:
    for name, buffer in vitals.buffers.items():
        if buffer.oldest_age is not None and buffer.oldest_age > rules.STALE_BUFFER_SECONDS:
            yield Finding(
                "buffer",
                "degraded",
                f"{clause(buffer.depth, 'item', 'waits', 'wait')} in buffer {name}, "
                f"the oldest for {buffer.oldest_age:.0f} s",
                "check for a paused queue, a sink that is down, and a running scheduler: qctl ingest status",
                name,
                _ago(vitals, buffer.oldest_age),
            )
        elif buffer.depth or catalog.PIPELINES[name].queue not in unused:
            yield Finding("buffer", "ok", f"{quantity(buffer.depth, 'item')} in buffer {name}")
        if buffer.session_lost is not None and buffer.session_lost < rules.SESSION_LOSS_SECONDS:
            yield Finding(
                "session",
                "degraded",
                f"the MQTT broker lost a session {buffer.session_lost:.0f} s ago ({buffer.sessions_lost} in total): "
                "messages sent while the bridge was away may be lost",
                "make the broker store sessions on disk; set a different MQTT_CLIENT_ID for each bridge",
                name,
                _ago(vitals, buffer.session_lost),
            )
        if buffer.dropped_age is not None and buffer.dropped_age < rules.SESSION_LOSS_SECONDS:
            yield Finding(
                "broker drops",
                "degraded",
                f"the MQTT broker dropped messages, last {buffer.dropped_age:.0f} s ago ({buffer.dropped} in total, of "
                "any client): a client was away or slow for longer than the broker queues messages",
                "raise max_queued_messages and max_queued_bytes of the broker; publish with QoS 1: qctl ingest status",
                name,
                _ago(vitals, buffer.dropped_age),
            )
    for name, queue in vitals.queues.items():
        if queue.sink_down:
            yield Finding(
                "sink",
                "degraded",
                f"the sink of queue {name} was down {quantity(queue.sink_down, 'time')} in a row",
                "check the sink: qctl doctor",
                name,
                grade="error",
            )
