"""A thorough look at everything that qctl stands on, and the repair of what can be repaired without a choice."""

from __future__ import annotations

from collections.abc import Sequence

from qctl.broker.admin import requeue_orphans
from qctl.broker.bookkeeping.events import actor
from qctl.broker.query import orphans, server_setup, workers
from qctl.broker.redis.connection import translate_errors
from qctl.errors import QctlError, UnreachableError
from qctl.models import STATUS_ORDER, Finding, Health, Progress, Repair, ignore_progress
from qctl.ops import server_checks, systemd_checks
from qctl.ops.base import Part
from qctl.ops.health import HealthOps
from qctl.safe import redact_url
from qctl.settings import configuration
from qctl.settings.sources import Source


class DoctorOps(Part, name="doctor"):
    """What `qctl doctor` shows and does."""

    def examine(self, places: Sequence[Source] = (), *, progress: Progress = ignore_progress) -> Health:
        """Look at Redis, workers, queues, sinks, files, disks, units and settings. Leaves nothing behind.

        Everything that health looks at is among it. `places` are where settings may be given; `progress` is told of the
        keys that were searched for orphans. A Redis that cannot be reached is a finding, not an error.
        """
        findings = list(HealthOps(self._redis, self._settings).check().findings)
        try:
            with translate_errors(self._settings):
                findings += self._of_redis(progress)
        except UnreachableError as error:
            if not any(finding.status == "down" and finding.check == "redis" for finding in findings):
                findings.append(Finding("redis", "down", error.message, error.hint))
        except QctlError as error:
            findings.append(
                Finding("redis", "degraded", f"not everything could be looked at: {error.message}", error.hint)
            )
        findings += server_checks.of_sinks(self._settings)
        findings += systemd_checks.look(self._settings)
        findings += server_checks.of_keys(self._settings)
        findings += configuration.check_configuration(places)
        return Health(max((finding.status for finding in findings), key=STATUS_ORDER.index), findings)

    def repair(self, *, progress: Progress = ignore_progress) -> Repair:
        """Enqueue orphans again, each at the tail of its queue, and forget workers that are gone.

        It can be interrupted and run again: a job that has come to its place meanwhile is left alone.
        """
        adopted = requeue_orphans.requeue(self._redis, orphans.find(self._redis, progress), actor=actor())
        gone = server_setup.read(self._redis).dead_workers
        return Repair(orphans=adopted, workers=requeue_orphans.deregister_workers(self._redis, gone))

    def _of_redis(self, progress: Progress) -> list[Finding]:
        server = server_setup.read(self._redis)
        target = self._settings.redis_target
        return [
            *server_checks.of_server(server, password=redact_url(target) != target),
            *server_checks.of_workers(workers.living(self._redis), server.dead_workers),
            server_checks.of_orphans(list(orphans.find(self._redis, progress))),
            *server_checks.of_machine(self._settings, server),
        ]
