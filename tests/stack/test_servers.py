"""Choice, configuration and log of the embedded servers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qctl.settings import Settings
from qctl.stack import servers
from qctl.stack.mqtt_access import MqttAccess
from qctl.stack.program import Program
from qctl.stack.servers import mqtt_broker, redis_server


def mqtt_broker_of(settings: Settings) -> Program:
    """The MQTT broker of these settings."""
    return mqtt_broker(settings, MqttAccess.create(settings))


def test_mosquitto_lets_through_what_the_bridge_asks_for(make_settings: Callable[..., Settings]) -> None:
    broker = mqtt_broker_of(make_settings(QCTL_MQTT_RECEIVE_MAXIMUM="4000"))
    lines = Path(broker.command[-1]).read_text().splitlines()
    assert "max_inflight_messages 4000" in lines
    assert "max_queued_messages 0" in lines
    assert "listener 1883 127.0.0.1" in lines


def test_configurations_are_for_their_owner(settings: Settings) -> None:
    for program in (redis_server(settings), mqtt_broker_of(settings)):
        config = Path(program.command[-1])
        assert config.stat().st_mode & 0o077 == 0
        assert config.parent.stat().st_mode & 0o077 == 0
        assert all(file.stat().st_mode & 0o077 == 0 for file in config.parent.iterdir())


@pytest.mark.parametrize(
    ("name", "line", "shown"),
    [
        ("redis", "7:M 22 Nov 2026 05:05:49.001 # Can't open the file", "Can't open the file"),
        ("redis", "7:C 22 Nov 2026 05:05:49.001 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", None),
        ("redis", "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***", "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***"),
        ("mosquitto", "Warning: Mosquitto should not be run as root/administrator.", None),
        ("mosquitto", "Error: Address already in use", "Error: Address already in use"),
    ],
)
def test_logs_are_cut_to_what_they_say(settings: Settings, name: str, line: str, shown: str | None) -> None:
    program = {"redis": redis_server, "mosquitto": mqtt_broker_of}[name](settings)
    assert program.tidy(line) == shown


def test_a_tether_does_not_hold_a_program_whose_parent_is_gone() -> None:
    script = Path(servers.__file__).with_name("die_with_parent.py")
    done = subprocess.run([sys.executable, "-I", "-S", script, "1", "9", "echo", "still here"], capture_output=True)
    assert done.returncode == 1
    assert done.stdout == b""
