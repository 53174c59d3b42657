"""qctl: an operations toolkit for RQ queues on Redis, and the daemons that feed and empty them.

The names in `__all__` are the public Python API. Each is imported on first use, so that `import qctl` stays cheap and
the command line can handle Ctrl-C before its slow imports begin.
"""

from __future__ import annotations

import importlib

__version__ = "0.2.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qctl.broker.redis.site_redis import SiteRedis as SiteRedis
    from qctl.broker.worker.job_context import progress as progress
    from qctl.broker.worker.pausable_queue import PausableQueue as PausableQueue
    from qctl.catalog.declared import job as job
    from qctl.service import QueueService as QueueService
    from qctl.sites import QueueSites as QueueSites

__all__ = ["PausableQueue", "QueueService", "QueueSites", "SiteRedis", "job", "progress"]

_MODULES = {
    "PausableQueue": "qctl.broker.worker.pausable_queue",
    "QueueService": "qctl.service",
    "QueueSites": "qctl.sites",
    "SiteRedis": "qctl.broker.redis.site_redis",
    "job": "qctl.catalog.declared",
    "progress": "qctl.broker.worker.job_context",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
