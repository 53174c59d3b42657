"""Configuration files of the embedded servers.

They keep qctl's guarantees: Redis evicts nothing and logs every write; the broker keeps a session and its messages
while the bridge is away. They listen only on a socket in QCTL_HOME or on 127.0.0.1, which every user of the machine can
reach: only the bridge may read from the broker (`mqtt_access.py`), and what others can make it store is limited.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from qctl.broker.query.server_setup import MEMORY_OPTIONS
from qctl.settings import Settings
from qctl.stack.mqtt_access import MqttAccess

HEAD = "# Written by `qctl up` at each start; changes here are lost. See `.env.example` for what can be set.\n"

AUTOSAVE_SECONDS = 30
"""Interval at which mosquitto writes its sessions to disk; it also writes them when it ends. A killed mosquitto loses
messages accepted since then."""

QUEUED_BYTES = 256 * 1024**2
"""Payload that mosquitto may hold for a bridge that is away, in memory: millions of ordinary readings, or some hours of
a busy site. Mosquitto discards messages beyond it, so it must not be small; the machine's memory is the upper bound."""

MEMORY_BYTES = 768 * 1024**2
"""Memory that mosquitto may use in all: what waits for the bridge, sessions and retained messages. Beyond it
mosquitto ends connections and acknowledges nothing more."""

CONNECTIONS = 512
"""Maximum number of connections of the embedded broker; mosquitto closes further ones, amqtt lets them wait."""

PACKET_BYTES = 1024**2
"""Minimum of the maximum size of an MQTT packet."""

INFLIGHT = 1000
"""Minimum number of messages that mosquitto lets a device send unacknowledged; the bridge may ask for more."""

SESSION_SECONDS = 7 * 86_400
"""Time for which amqtt keeps the session of a client that is away: the same as the bridge requests from mosquitto."""


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
        **{name: str(size) for name, size in MEMORY_OPTIONS.items()},
    }
    return HEAD + "".join(f"{name} {value}\n" for name, value in options.items())


def packet_bytes(settings: Settings) -> int:
    """Maximum size of an MQTT packet; a larger one ends its connection. Payloads beyond QCTL_MAX_PAYLOAD fit several
    times, so that the bridge reports them."""
    return max(PACKET_BYTES, 2 * settings.max_payload)


def mosquitto_config(settings: Settings, folder: Path, access: MqttAccess) -> str:
    """mosquitto.conf. `folder` holds its sessions, and the files of passwords and ACL."""
    options = {
        "listener": f"{settings.mqtt_port} 127.0.0.1",
        "max_connections": str(CONNECTIONS),
        "allow_anonymous": str(access.anonymous).lower(),
        "password_file": f"{folder}/passwords",
        "acl_file": f"{folder}/acl",
        "max_packet_size": str(packet_bytes(settings)),
        "memory_limit": str(MEMORY_BYTES),
        "persistent_client_expiration": f"{SESSION_SECONDS // 86_400}d",
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
        # Started by root, mosquitto would switch to a user who cannot write into QCTL_HOME, which also cancels the
        # signal that ends it together with qctl.
        options["user"] = "root"
    kinds = "".join(f"log_type {kind}\n" for kind in ("error", "warning", "notice"))
    return HEAD + "".join(f"{name} {value}\n" for name, value in options.items()) + kinds


def amqtt_config(settings: Settings, access: MqttAccess) -> str:
    """amqtt's configuration: YAML, written as JSON."""
    listener = {"type": "tcp", "bind": f"127.0.0.1:{settings.mqtt_port}", "max_connections": CONNECTIONS}
    options = {**access.amqtt_options(), "max_packet": packet_bytes(settings)}
    config = {
        "listeners": {"default": listener},
        "session_expiry_interval": SESSION_SECONDS,
        "plugins": {
            "qctl.compat.amqtt_plugin.KeepUnacknowledged": options,
            "qctl.compat.amqtt_plugin.TopicAccess": options,
        },
    }
    return HEAD + json.dumps(config, indent=2) + "\n"


def _quoted(path: Path) -> str:
    """A path quoted for Redis's configuration, with any characters."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
