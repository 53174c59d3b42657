"""A thorough look at everything that qctl stands on, and the repair of what can be repaired without a choice."""

from __future__ import annotations

from collections.abc import Sequence

from qctl.broker.acts import adopting
from qctl.broker.connection import translated
from qctl.broker.events import actor
from qctl.broker.reading import diagnosis, orphans, workers
from qctl.errors import QctlError, UnreachableError
from qctl.models import STATUS_ORDER, Finding, Health, Repair
from qctl.ops import diagnoses, units
from qctl.ops.health import HealthOps
from qctl.ops.part import Part, Progress, silent
from qctl.safe import redact_url
from qctl.settings import configuration
from qctl.settings.given import Source


class DoctorOps(Part):
    """What `qctl doctor` shows and does."""

    def examine(self, places: Sequence[Source] = (), *, progress: Progress = silent) -> Health:
        """Look at Redis, workers, queues, sinks, files, disks, units and settings. Leaves nothing behind.

        Everything that health looks at is among it. `places` are where settings may be given; `progress` is told of the
        keys that were searched for orphans. A Redis that cannot be reached is a finding, not an error.
        """
        findings = list(HealthOps(self._redis, self._settings).check().findings)
        try:
            with translated(self._settings):
                findings += self._of_redis(progress)
        except UnreachableError as error:
            if not any(finding.status == "down" and finding.check == "redis" for finding in findings):
                findings.append(Finding("redis", "down", error.message, error.hint))
        except QctlError as error:
            findings.append(
                Finding("redis", "degraded", f"not everything could be looked at: {error.message}", error.hint)
            )
        findings += diagnoses.of_sinks(self._settings)
        findings += units.look(self._settings)
        findings += diagnoses.of_keys(self._settings)
        findings += configuration.check(places)
        return Health(max((finding.status for finding in findings), key=STATUS_ORDER.index), findings)

    def repair(self, *, progress: Progress = silent) -> Repair:
        """Enqueue orphans again, each at the tail of its queue, and forget workers that are gone.

        It can be interrupted and run again: a job that has come to its place meanwhile is left alone.
        """
        adopted = adopting.adopt(self._redis, orphans.find(self._redis, progress), actor=actor())
        gone = diagnosis.read(self._redis).dead_workers
        return Repair(orphans=adopted, workers=adopting.forget_dead_workers(self._redis, gone))

    def _of_redis(self, progress: Progress) -> list[Finding]:
        server = diagnosis.read(self._redis)
        target = self._settings.redis_target
        return [
            *diagnoses.of_server(server, password=redact_url(target) != target),
            *diagnoses.of_workers(workers.living(self._redis), server.dead_workers),
            diagnoses.of_orphans(list(orphans.find(self._redis, progress))),
            *diagnoses.of_machine(self._settings, server),
        ]
