"""The banner that is printed when everything is up."""

from __future__ import annotations

import io
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from qctl.settings import Settings
from qctl.stack.banner import next_commands, welcome
from qctl.stack.daemons import daemons
from support.waiting import PATIENCE_SECONDS

MakeSettings = Callable[..., Settings]


@pytest.fixture(autouse=True)
def _clients_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "mosquitto_pub").write_text("#!/bin/sh\n")
    (folder / "mosquitto_pub").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_commands_name_what_is_not_the_default(make_settings: MakeSettings) -> None:
    home, publish, stats, pause = next_commands(make_settings(MQTT_PORT="1884", MQTT_TOPIC="$share/all/plant/+/#"))
    assert home == f"export QCTL_HOME={make_settings().home}"
    assert publish.startswith("mosquitto_pub -p 1884 -q 1 -t plant/livingroom/livingroom -m ")
    assert stats.endswith("qctl stats")
    assert pause.endswith("qctl pause sensor-data --reason deploy")


def test_commands_are_short_where_all_is_default() -> None:
    publish, stats, _ = next_commands(Settings.load(environ={}))
    assert publish.startswith("mosquitto_pub -q 1 -t sensors/livingroom -m ")
    assert subprocess.run([*shlex.split(stats)[:1], "--version"], check=True, timeout=PATIENCE_SECONDS).returncode == 0


def test_a_reading_is_published_to_the_broker_that_was_named(make_settings: MakeSettings) -> None:
    commands = next_commands(make_settings(MQTT_BROKER="mqtt://hub.example:1885"))
    assert commands[1].startswith("mosquitto_pub -h hub.example -p 1885 ")


def test_without_mosquitto_clients_amqtt_publishes(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "amqtt_pub --url mqtt://127.0.0.1:1883 -q 1 " in next_commands(make_settings())[1]


def test_without_mqtt_nothing_is_published(make_settings: MakeSettings) -> None:
    settings = make_settings(MQTT_ENABLED="false")
    assert len(next_commands(settings)) == 4
    assert not any("sensors/" in command for command in next_commands(settings))
    assert "mqtt-bridge" not in [program.name for program in daemons(settings)]


def test_secrets_are_not_printed(make_settings: MakeSettings) -> None:
    settings = make_settings(REDIS_URL="redis://:hunter2@there/0")
    out = io.StringIO()
    welcome(settings, daemons(settings), ["scheduler"], out)
    assert "hunter2" not in out.getvalue()
    assert "(yours)" in out.getvalue()
    assert "housekeeping (not ready yet)" in out.getvalue()
    assert "\x1b" not in out.getvalue(), "colours, and this is no terminal"
