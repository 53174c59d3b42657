"""The daemons of the catalog as programs of the stack."""

from __future__ import annotations

import re

from qctl import extras
from qctl.catalog import DAEMONS
from qctl.catalog.specs import DaemonSpec
from qctl.settings import Settings
from qctl.stack.program import Program, Stage
from qctl.stack.servers import installed

JOBS_WORKER = "worker-jobs"
"""Worker of the queues of declared jobs and of the default job. It is none of the catalog, because which queues it
serves depends on settings."""

_STAMP = re.compile(r"^\d\d:\d\d:\d\d (info +)?")


def daemons(settings: Settings) -> list[Program]:
    """Every daemon that these settings require and whose extra is installed.

    Raises SettingsError if a program is missing.
    """
    return [
        Program(
            name=spec.name,
            command=(installed(spec.command[0]), *spec.command[1:]),
            stage=Stage.DAEMON,
            where=spec.purpose,
            tidy=_tidy,
        )
        for spec in _wanted(settings)
        if can_run(spec)
    ]


def without_extra(settings: Settings) -> list[DaemonSpec]:
    """The daemons that these settings require and that cannot run, because their extra is not installed."""
    return [spec for spec in _wanted(settings) if not can_run(spec)]


def can_run(spec: DaemonSpec) -> bool:
    """Tell whether the extra that a daemon needs is installed."""
    return not spec.extra or extras.is_installed(spec.extra)


def _wanted(settings: Settings) -> list[DaemonSpec]:
    specs = [*DAEMONS.values(), *_job_workers(settings)]
    off = _switched_off(settings)
    return [spec for spec in specs if spec.name not in off and _is_named(spec.name, settings)]


def _is_named(name: str, settings: Settings) -> bool:
    return not settings.daemons or name.split(":")[0] in settings.daemons


def _job_workers(settings: Settings) -> list[DaemonSpec]:
    if not settings.cache_enabled or not (settings.jobs_modules or settings.gateway_default_job):
        return []
    names = [JOBS_WORKER, *(f"{JOBS_WORKER}:{number}" for number in range(2, settings.job_workers + 1))]
    command = ("qctl-worker", "--declared")
    return [DaemonSpec(name, command, "jobs of QCTL_JOBS_MODULES and the default job") for name in names]


def _switched_off(settings: Settings) -> set[str]:
    """The daemons that would end at once because they have nothing to do; without queues, those that serve queues."""
    sources = {"mqtt-bridge": settings.mqtt_enabled, "socket-batcher": settings.socket_enabled}
    idle = set() if settings.cache_enabled else DAEMONS.keys() - sources.keys()
    wanted = {**sources, "gateway": settings.gateway_enabled}
    return idle | {name for name, enabled in wanted.items() if not enabled}


def _tidy(line: str) -> str:
    """Remove the time, which the prefix has already, and the level if it says nothing."""
    return _STAMP.sub("", line)
