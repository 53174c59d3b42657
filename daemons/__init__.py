"""Mains of the daemons. Nothing imports them."""

from qctl.compat import lazy_redis

lazy_redis.install()  # before a daemon imports redis-py: half of it serves asynchronous clients and clusters
