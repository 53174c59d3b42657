"""qctl: an operations toolkit for RQ queues on Redis, and the daemons that feed and empty them."""

__version__ = "0.1.0"
