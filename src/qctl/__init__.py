"""qctl: an operations toolkit for RQ queues on Redis, and the daemons that feed and empty them."""

from qctl.declared import job as job

__version__ = "0.1.0"
