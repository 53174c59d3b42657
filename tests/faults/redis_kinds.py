"""The kinds of Redis that a trial can run against, by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from qctl.settings import Settings
from qctl.stack.configs import redis_config
from support.servers import MissingServerError, RedisServer

DEBIAN_CONFIG = Path("/etc/redis/redis.conf")

RECOMMENDED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
"""The settings that docs/deployment.md asks for."""


class ConfiguredRedis(RedisServer):
    """A Redis with a configuration file, whose places alone are changed: folder, port, socket and log."""

    def __init__(self, folder: Path, config: Path, options: dict[str, str]) -> None:
        super().__init__(folder)
        places = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket),
            "dir": str(folder),
            "pidfile": str(folder / "redis.pid"),
            "logfile": "",
            "daemonize": "no",
        }
        words = [word for name, value in {**places, **options}.items() for word in (f"--{name}", value)]
        self.command = [self.command[0], str(config), *words]


def _private(folder: Path) -> RedisServer:
    """With the file that `qctl up` writes."""
    settings = Settings.load(environ={"QCTL_HOME": str(folder)}, dotenv=folder / "no.env")
    config = folder / "redis.conf"
    config.write_text(redis_config(settings, folder))
    return ConfiguredRedis(folder, config, {})


def _foreign(folder: Path) -> RedisServer:
    """With Debian's own file, snapshots included, and the recommended settings."""
    if not os.access(DEBIAN_CONFIG, os.R_OK):
        raise MissingServerError(f"{DEBIAN_CONFIG} cannot be read: apt-get install redis-server, and run as root")
    return ConfiguredRedis(folder, DEBIAN_CONFIG, RECOMMENDED)


def _everysec(folder: Path) -> RedisServer:
    """As the private one, with `appendfsync everysec`: it loses what it answered, and shows that a trial can see it."""
    return RedisServer(folder, "--appendfsync", "everysec")


REDIS_KINDS: dict[str, Callable[[Path], RedisServer]] = {
    "private": _private,
    "foreign": _foreign,
    "everysec": _everysec,
}
