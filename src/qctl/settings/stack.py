"""Settings of what `qctl up` starts, and of the simulated job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.settings import parsers
from qctl.settings.field import SettingsPart, setting
from qctl.settings.parsers import whole_number

if TYPE_CHECKING:
    from qctl.models.pools import PoolSize

DAEMON_NAMES = (
    *("mqtt-bridge", "socket-batcher", "gateway", "worker-sensor-data", "worker-socket-data", "worker-prompt"),
    *("worker-heavy", "worker-jobs", "scheduler"),
)
"""Daemons that QCTL_DAEMONS may name: those of the catalog, and worker-jobs (`qctl.stack.daemons`)."""


class StackSettings(SettingsPart):
    """Part of `Settings`; not loaded by itself."""

    daemons: tuple[str, ...] = setting(
        "QCTL_DAEMONS",
        parsers.list_of(*DAEMON_NAMES),
        group="qctl",
        empty=(),
        doc=f"Daemons that `qctl up` starts, comma separated: {', '.join(DAEMON_NAMES)}. Default: all that have work",
    )
    job_workers: int = setting(
        "QCTL_JOB_WORKERS",
        whole_number(1, 64),
        "1",
        group="jobs",
        doc="Number of workers that `qctl up` starts for the jobs of QCTL_JOBS_MODULES and for simulated ones: so many "
        "of these run at the same time",
    )
    workers: PoolSize | None = setting(
        "QCTL_WORKERS",
        parsers.pool_size,
        group="jobs",
        doc="Processes of each worker daemon: a number, auto (one for each processor), or bounds such as 1..4, between "
        "which it scales by itself. `qctl-worker --workers` and `qctl worker scale` take precedence. Default: 1. "
        "Gateways and MQTT bridges are as many processes too, with bounds the lower one; bridges then share "
        "MQTT_TOPIC, and messages lose their order (docs/scaling.md)",
    )
    cluster_mode: bool = setting(
        "CLUSTER_MODE", parsers.boolean, "false", group="jobs", doc="true: QCTL_WORKERS is auto unless it is set"
    )
    scale_latency: float = setting(
        "QCTL_SCALE_LATENCY",
        parsers.seconds(0.1, 86_400),
        "5",
        group="jobs",
        doc="Time (s) that the oldest job of a queue may wait before workers with bounds become more",
    )
    simulated_seconds: int = setting(
        "QCTL_SIMULATED_SECONDS",
        whole_number(0, 150),
        "10",
        group="jobs",
        doc="Time (s) that the job `simulate` takes, which stands for work that is not written yet. It fails if the "
        "argument `name` contains `fail`",
    )
