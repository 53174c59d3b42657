"""qctl: an operations toolkit for RQ queues on Redis, and the daemons that feed and empty them."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from qctl.catalog.declared import job as job


def __getattr__(name: str) -> object:
    """`from qctl import job`, imported when it is asked for: the command line begins with this package, and hears
    Ctrl-C when it is through with it."""
    if name == "job":
        from qctl.catalog.declared import job

        return job
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
