"""Warns about ports in use before anything is installed: `python3 free_ports.py MQTT_PORT=1883 PORT=3000`.

It runs without qctl's libraries, so that a taken port is reported before the installation. `qctl up` checks
again with all settings, and refuses to start.
"""

from __future__ import annotations

import os
import socket
import sys


def taken(ports: list[str]) -> list[str]:
    """The entries `NAME=DEFAULT` whose port on 127.0.0.1 is in use; NAME in the environment takes precedence over the
    default."""
    busy = []
    for entry in ports:
        name, _, default = entry.partition("=")
        port = os.environ.get(name, default)
        if port.isdecimal() and int(port) < 65536 and not _is_free(int(port)):
            busy.append(f"{name}={port}")
    return busy


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    for entry in taken(sys.argv[1:]):
        name, _, port = entry.partition("=")
        sys.stderr.write(f"port {port} is in use: choose another with {name}=PORT\n")
