"""Doctor: check everything that qctl depends on, and repair what needs no decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from qctl.broker.admin import repair_leftovers, requeue_orphans
from qctl.broker.bookkeeping.events import actor
from qctl.broker.query import (
    cluster_setup,
    dependents,
    leftovers,
    orphans,
    replication_setup,
    server_setup,
    stats_snapshot,
    workers,
)
from qctl.broker.query.leftovers import Leftover
from qctl.broker.redis.connection import translate_errors
from qctl.errors import QctlError, UnreachableError
from qctl.models import STATUS_ORDER, Finding, Health, Progress, Repair, ignore_progress
from qctl.ops import cluster_checks, leftover_checks, replication_checks, server_checks, systemd_checks
from qctl.ops.base import Part
from qctl.ops.health import HealthOps
from qctl.safe import redact_url
from qctl.settings import configuration
from qctl.settings.servers import Source

UNSTARTED_CONFIRM_SECONDS = 5.0
"""Time (s) for which a job must be seen unstarted before it goes back to its queue: stock workers take milliseconds."""


class DoctorOps(Part, name="doctor"):
    """Checks and repairs, for `qctl doctor`."""

    def examine(self, sources: Sequence[Source] = (), *, progress: Progress = ignore_progress) -> Health:
        """Check Redis, workers, queues, sinks, files, disks, units and settings, including everything that `health`
        checks. Leaves nothing behind.

        `sources` are the sources of settings; `progress` counts the keys searched for orphans. An unreachable Redis is
        a finding, not an error.
        """
        findings = list(HealthOps(self._redis, self._settings).check().findings)
        try:
            with translate_errors(self._settings):
                findings += self._check_redis(progress)
        except UnreachableError as error:
            if not any(finding.status == "down" and finding.check == "redis" for finding in findings):
                findings.append(Finding("redis", "down", error.message, error.hint))
        except QctlError as error:
            findings.append(Finding("redis", "degraded", f"some checks failed: {error.message}", error.hint))
        findings += server_checks.check_sinks(self._settings)
        findings += server_checks.check_versions(self._settings)
        findings += systemd_checks.check_units(self._settings)
        findings += server_checks.check_admin_key(self._settings)
        findings += server_checks.check_broker(self._settings)
        findings += configuration.check_configuration(sources)
        return Health(max((finding.status for finding in findings), key=STATUS_ORDER.index), findings)

    def repair(self, *, progress: Progress = ignore_progress) -> Repair:
        """Repair leftovers of stock workers, delete entries without a job, enqueue orphans, each at the tail of its
        queue, list queues that RQ's set lacks, and delete entries of dead workers.

        May be interrupted and repeated: a job that is as it should be by then is not changed.
        """
        unlisted = leftovers.unlisted_queues(self._redis)
        requeue_orphans.list_queues(self._redis, unlisted)
        queues = stats_snapshot.queue_names(self._redis)
        found = leftovers.find_runs(self._redis, queues, confirm_seconds=UNSTARTED_CONFIRM_SECONDS)
        repaired = repair_leftovers.repair(self._redis, found, actor=actor())
        for ghosts in self._ghosts(queues, progress):
            repaired += repair_leftovers.repair(self._redis, ghosts, actor=actor())
        adopted = requeue_orphans.requeue(self._redis, orphans.find(self._redis, progress), actor=actor())
        dead = server_setup.read(self._redis).dead_workers
        return Repair(
            orphans=adopted,
            workers=requeue_orphans.deregister_workers(self._redis, dead),
            abandoned=repaired["abandoned"],
            dead=repaired["dead"],
            ended=repaired["ended"],
            unstarted=repaired["unstarted"],
            recovered=repaired["unrecovered"],
            ready=repaired["ready"],
            ghosts=repaired["ghost"],
            queues=len(unlisted),
        )

    def _ghosts(self, queues: Sequence[str], progress: Progress) -> Iterator[Sequence[Leftover]]:
        read = 0
        for count, ghosts in leftovers.find_ghosts(self._redis, queues):
            read += count
            progress(read, None)
            yield ghosts

    def _check_redis(self, progress: Progress) -> list[Finding]:
        server = server_setup.read(self._redis)
        target = self._settings.redis_target
        return [
            *server_checks.check_server(server, password=redact_url(target) != target),
            *server_checks.check_workers(workers.living(self._redis), server.dead_workers),
            *self._check_leftovers(progress),
            server_checks.check_orphans(list(orphans.find(self._redis, progress))),
            *server_checks.check_machine(self._settings, server),
            *self._check_replication(),
        ]

    def _check_replication(self) -> Iterator[Finding]:
        setup = replication_setup.read(self._redis)
        confirmed = replication_setup.confirmation_seconds(self._redis)
        yield from replication_checks.advise(setup, self._settings.redis_replicas, confirmed)
        yield from replication_checks.check_clocks(replication_setup.read_clocks(self._redis))
        yield from cluster_checks.advise(cluster_setup.read(self._redis))

    def _check_leftovers(self, progress: Progress) -> Iterator[Finding]:
        unlisted = leftovers.unlisted_queues(self._redis)
        queues = [*stats_snapshot.queue_names(self._redis), *unlisted]
        ghosts = Counter(ghost.queue for page in self._ghosts(queues, progress) for ghost in page)
        yield leftover_checks.check_ghosts(ghosts)
        yield leftover_checks.check_unlisted(unlisted)
        yield leftover_checks.check_stranded(list(dependents.find_stranded(self._redis, queues)))
