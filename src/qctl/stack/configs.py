"""Configuration files of the embedded servers.

They hold the promises up: Redis evicts nothing and logs every write; the broker keeps a session and its messages
while the bridge is away. None listens on anything but a socket in QCTL_HOME or 127.0.0.1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from qctl.settings import Settings

HEAD = "# Written by `qctl up` at each start; changes here are lost. See `.env.example` for what can be set.\n"

AUTOSAVE_SECONDS = 30
"""Interval at which mosquitto writes its sessions to disk; it also writes them at its end. A killed mosquitto loses
what it accepted since."""

QUEUED_BYTES = 256 * 1024**2
"""Payload that mosquitto may hold for a bridge that is away, in memory: millions of ordinary readings, some hours of
a busy site. What exceeds it mosquitto discards, so it is no smaller; a machine's memory bounds it above."""

INFLIGHT = 1000
"""Messages that mosquitto lets a device send before it acknowledges, at least; the bridge may ask for more."""

SESSION_SECONDS = 7 * 86_400
"""Time for which amqtt keeps the session of a client that is away: the same that the bridge requests of mosquitto."""


def redis_config(settings: Settings, folder: Path) -> str:
    """redis.conf of the private Redis. `folder` holds its data."""
    options = {
        "port": "0",
        "unixsocket": _quoted(settings.redis_socket),
        "unixsocketperm": "700",
        "dir": _quoted(folder),
        "pidfile": _quoted(folder / "redis.pid"),
        "daemonize": "no",
        "loglevel": "warning",
        "save": '""',
        "appendonly": "yes",
        "appendfsync": settings.redis_appendfsync,
        "no-appendfsync-on-rewrite": "no",
        "aof-load-truncated": "yes",
        "maxmemory": settings.redis_maxmemory,
        "maxmemory-policy": "noeviction",
    }
    return HEAD + "".join(f"{name} {value}\n" for name, value in options.items())


def mosquitto_config(settings: Settings, folder: Path) -> str:
    """mosquitto.conf. `folder` holds its sessions."""
    options = {
        "listener": f"{settings.mqtt_port} 127.0.0.1",
        "allow_anonymous": "true",
        "persistence": "true",
        "persistence_location": f"{folder}/",
        "autosave_interval": str(AUTOSAVE_SECONDS),
        "max_queued_messages": "0",
        "max_queued_bytes": str(QUEUED_BYTES),
        "max_inflight_messages": str(max(INFLIGHT, settings.mqtt_receive_maximum)),
        "set_tcp_nodelay": "true",
        "log_dest": "stdout",
        "log_timestamp": "false",
        "connection_messages": "false",
    }
    if os.geteuid() == 0:
        # Started by root, mosquitto would become a user who cannot write into QCTL_HOME, and in doing so escape
        # the signal that ends it together with us.
        options["user"] = "root"
    kinds = "".join(f"log_type {kind}\n" for kind in ("error", "warning", "notice"))
    return HEAD + "".join(f"{name} {value}\n" for name, value in options.items()) + kinds


def amqtt_config(settings: Settings) -> str:
    """amqtt's configuration, YAML in its JSON form."""
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{settings.mqtt_port}"}},
        "session_expiry_interval": SESSION_SECONDS,
        "plugins": {"qctl.compat.amqtt_plugin.KeepUnacknowledged": {}},
    }
    return HEAD + json.dumps(config, indent=2) + "\n"


def _quoted(path: Path) -> str:
    """A path as Redis's configuration reads it back, whatever is in it."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
