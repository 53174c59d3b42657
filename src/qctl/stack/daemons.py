"""The daemons of the catalog as programs of the stack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from qctl import extras
from qctl.catalog import DAEMONS, base_queue
from qctl.catalog.specs import DaemonSpec
from qctl.errors import NotFoundError
from qctl.models import PoolSize
from qctl.settings import Settings
from qctl.stack.program import Program, Stage
from qctl.stack.servers import installed

WORKER_PROGRAM = "qctl-worker"
"""Program of the daemons that run jobs. Each is a pool, so that `qctl worker scale` can change its size."""

JOBS_WORKER = "worker-jobs"
"""Worker of the queues of declared jobs and of the default job. It is none of the catalog, because which queues it
serves depends on settings."""

_STAMP = re.compile(r"^\d\d:\d\d:\d\d (info +)?")


def daemons(settings: Settings, sizes: Mapping[str, PoolSize] | None = None) -> list[Program]:
    """Every daemon that these settings require and whose extra is installed, with the sizes of workers by queue.

    Raises SettingsError if a program is missing, NotFoundError if no worker serves a queue of `sizes`.
    """
    wanted = _wanted(settings)
    _check_sizes(wanted, sizes or {})
    return [
        Program(
            name=spec.name,
            command=(installed(spec.command[0]), *spec.command[1:], *_size_option(spec, settings, sizes or {})),
            stage=Stage.DAEMON,
            where=spec.purpose,
            tidy=_tidy,
        )
        for spec in wanted
        if can_run(spec)
    ]


def _size_option(spec: DaemonSpec, settings: Settings, sizes: Mapping[str, PoolSize]) -> list[str]:
    """The option for the number of processes of a worker, none for another daemon."""
    if spec.command[0] != WORKER_PROGRAM:
        return []
    size = next((size for queue, size in sizes.items() if _serves(spec, queue)), None)
    if size is None and spec.name == JOBS_WORKER:
        size = PoolSize(settings.job_workers, settings.job_workers) if settings.job_workers > 1 else None
    return ["--workers", (size or settings.worker_size or PoolSize(1, 1)).text]


def _serves(spec: DaemonSpec, queue: str) -> bool:
    return queue == spec.name or (spec.command[0] == WORKER_PROGRAM and base_queue(queue) in spec.command[1:])


def _check_sizes(specs: Sequence[DaemonSpec], sizes: Mapping[str, PoolSize]) -> None:
    workers = [spec for spec in specs if spec.command[0] == WORKER_PROGRAM]
    for queue in sizes:
        if not any(_serves(spec, queue) for spec in workers):
            known = [name for spec in workers for name in (spec.name, *spec.command[1:]) if not name.startswith("-")]
            raise NotFoundError.with_suggestions(
                f"no worker of `qctl up` serves queue {queue!r}", queue, known, f"allowed: {', '.join(known)}"
            )


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
    return not settings.daemons or name in settings.daemons


def _job_workers(settings: Settings) -> list[DaemonSpec]:
    if not settings.cache_enabled or not (settings.jobs_modules or settings.gateway_default_job):
        return []
    command = (WORKER_PROGRAM, "--declared")
    return [DaemonSpec(JOBS_WORKER, command, "jobs of QCTL_JOBS_MODULES and the default job")]


def _switched_off(settings: Settings) -> set[str]:
    """The daemons that would end at once because they have nothing to do; without queues, those that serve queues."""
    sources = {"mqtt-bridge": settings.mqtt_enabled, "socket-batcher": settings.socket_enabled}
    idle = set() if settings.cache_enabled else DAEMONS.keys() - sources.keys()
    wanted = {**sources, "gateway": settings.gateway_enabled}
    return idle | {name for name, enabled in wanted.items() if not enabled}


def _tidy(line: str) -> str:
    """Remove the time, which the prefix has already, and the level if it says nothing."""
    return _STAMP.sub("", line)
