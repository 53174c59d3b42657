"""Ports in use are named before anything is installed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from qctl.stack import free_ports
from support.process import free_port

SCRIPT = Path(free_ports.__file__)


def test_a_port_in_use_is_named_with_the_setting_that_moves_it() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        command = [sys.executable, "-I", "-S", str(SCRIPT), f"PORT={port}", f"MQTT_PORT={free_port()}"]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stderr == f"port {port} is in use: choose another with PORT=PORT\n"


def test_the_environment_wins_over_the_default() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        environ = {**os.environ, "PORT": str(free_port())}
        command = [sys.executable, str(SCRIPT), f"PORT={listener.getsockname()[1]}"]
        assert not subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stderr
