"""Doctor: check everything that qctl depends on, and repair what needs no decision."""

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
from qctl.settings.servers import Source


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
        """Enqueue orphans, each at the tail of its queue, and delete entries of dead workers.

        May be interrupted and repeated: a job that is no orphan by then is not changed.
        """
        adopted = requeue_orphans.requeue(self._redis, orphans.find(self._redis, progress), actor=actor())
        dead = server_setup.read(self._redis).dead_workers
        return Repair(orphans=adopted, workers=requeue_orphans.deregister_workers(self._redis, dead))

    def _check_redis(self, progress: Progress) -> list[Finding]:
        server = server_setup.read(self._redis)
        target = self._settings.redis_target
        return [
            *server_checks.check_server(server, password=redact_url(target) != target),
            *server_checks.check_workers(workers.living(self._redis), server.dead_workers),
            server_checks.check_orphans(list(orphans.find(self._redis, progress))),
            *server_checks.check_machine(self._settings, server),
        ]
