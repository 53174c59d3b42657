"""A bridge or scheduler that hangs, is stopped, waits or runs twice is seen in Redis by its heartbeat."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from qctl.models import Finding
from qctl.ops import Ops
from qctl.settings import Settings
from support.process import Program
from support.servers import Mosquitto, RedisServer
from support.waiting import eventually

BIN = Path(sys.executable).parent
Make = Callable[..., Program]


@pytest.fixture
def make(redis_server: RedisServer, tmp_path: Path) -> Make:
    """Makes a daemon; it counts as started when it has printed `says`."""

    def program(daemon: str, says: str, name: str = "", **env: str) -> Program:
        env = {"REDIS_URL": redis_server.url, "QCTL_HOME": str(tmp_path), "LOG_FORMAT": "text", **env}
        return Program(name or daemon, [str(BIN / f"qctl-{daemon}")], tmp_path, env=env, says=says)

    return program


@pytest.fixture
def ops(settings: Settings, connection: Redis) -> Iterator[Ops]:
    """`Ops` on the emptied Redis."""
    operations = Ops(settings)
    yield operations
    operations.close()


def problem(ops: Ops, check: str = "source") -> Finding | None:
    """The finding about sources that is a problem."""
    return next((finding for finding in ops.health.check().problems if finding.check == check), None)


def has_problem(ops: Ops, text: str, check: str = "source") -> Callable[[], bool]:
    """Tell whether a finding about sources says so."""
    return lambda: text in (((found := problem(ops, check)) and found.reason) or "")


def test_hung_and_stopped_bridge_is_seen(ops: Ops, own_mosquitto: Mosquitto, make: Make) -> None:
    bridge = make("mqtt-bridge", "subscribed to", MQTT_BROKER=own_mosquitto.url, MQTT_CLIENT_ID="hall")
    with bridge:
        eventually(lambda: [source.state for source in ops.ingest.sources()] == ["serving"], what="a heartbeat")
        assert problem(ops) is None
        bridge.freeze()
        eventually(has_problem(ops, "silent"), what="the silence of a hung bridge")
        found = problem(ops)
        assert found is not None
        assert (found.subject, found.severity) == ("mqtt-bridge:hall", "error")
        assert found.since == ops.ingest.sources()[0].seen_at
        bridge.thaw()
        eventually(lambda: problem(ops) is None, what="the end of its silence")
        assert bridge.stop() == 0
    assert has_problem(ops, "was stopped: no readings come in")()


def test_bridge_without_its_broker_says_why_it_waits(ops: Ops, own_mosquitto: Mosquitto, make: Make) -> None:
    with make("mqtt-bridge", "subscribed to", MQTT_BROKER=own_mosquitto.url, MQTT_CLIENT_ID="hall"):
        own_mosquitto.stop()
        eventually(has_problem(ops, "takes nothing: "), what="a bridge that waits for its broker")
        own_mosquitto.start()
        eventually(lambda: problem(ops) is None, what="the end of the wait")


def test_two_bridges_with_one_client_id_are_seen(ops: Ops, own_mosquitto: Mosquitto, make: Make) -> None:
    env = {"MQTT_BROKER": own_mosquitto.url, "MQTT_CLIENT_ID": "hall"}
    with make("mqtt-bridge", "subscribed to", "one", **env), make("mqtt-bridge", "subscribed to", "two", **env):
        eventually(lambda: problem(ops), what="two bridges of one client id")
        found = problem(ops)
        assert found is not None
        assert found.subject == "mqtt-bridge:hall"
        assert "two processes run as" in found.reason or "takes over the session" in found.reason


def test_restarted_bridge_is_no_second_one(ops: Ops, own_mosquitto: Mosquitto, make: Make) -> None:
    bridge = make("mqtt-bridge", "subscribed to", MQTT_BROKER=own_mosquitto.url, MQTT_CLIENT_ID="hall")
    with bridge:
        eventually(lambda: ops.ingest.sources(), what="a heartbeat")
        before = ops.ingest.sources()[0]
        bridge.kill()
        bridge.start()
        eventually(lambda: ops.ingest.sources()[0].pid != before.pid, what="the heartbeat of the next process")
        assert problem(ops) is None


def test_hung_scheduler_is_seen_unless_another_runs(ops: Ops, make: Make) -> None:
    scheduler = make("scheduler", "running schedules")
    with scheduler:
        eventually(lambda: ops.ingest.sources(), what="a heartbeat")
        assert problem(ops, "scheduler") is None
        scheduler.freeze()
        eventually(has_problem(ops, "no schedule, retry", "scheduler"), what="the silence of the scheduler")
        with make("scheduler", "running schedules", "second"):
            eventually(has_problem(ops, "others of its kind run", "scheduler"), what="the second scheduler")
            found = problem(ops, "scheduler")
            assert found is not None
            assert found.severity == "notice"
        scheduler.thaw()


def test_hung_bridge_makes_the_scheduler_send_an_alert(
    ops: Ops, own_mosquitto: Mosquitto, make: Make, tmp_path: Path
) -> None:
    notices, program, rules = tmp_path / "notices", tmp_path / "keep", tmp_path / "alerts.toml"
    program.write_text(f'#!/bin/sh\ncat >> "{notices}"\necho >> "{notices}"\n')
    program.chmod(0o700)
    rules.write_text(f'[default]\ncommand = ["{program}"]\n')
    rules.chmod(0o600)
    bridge = make("mqtt-bridge", "subscribed to", MQTT_BROKER=own_mosquitto.url, MQTT_CLIENT_ID="hall")
    with bridge, make("scheduler", "running schedules", QCTL_ALERTS=str(rules), QCTL_ALERT_INTERVAL="1"):
        eventually(lambda: len(ops.ingest.sources()) == 2, what="heartbeats of both")
        bridge.freeze()
        eventually(lambda: notices.exists() and "resolved" in notices.read_text(), what="an alert")
        first = json.loads(notices.read_text().splitlines()[0])
        assert (first["rule"], first["level"], first["queue"]) == (
            "silent-sources",
            "CRITICAL",
            "source mqtt-bridge:hall",
        )
        bridge.thaw()
        eventually(lambda: '"resolved": true' in notices.read_text(), what="the notice that it is back")
