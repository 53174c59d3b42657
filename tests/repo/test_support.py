"""The servers that tests stand on are what they claim to be, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest
import redis
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from qctl.settings import Settings
from support.process import Program
from support.servers import Mosquitto, RedisServer, VictoriaMetrics
from support.waiting import PATIENCE_SECONDS, eventually


def test_redis_keeps_its_data_over_a_kill(own_redis: RedisServer) -> None:
    client = own_redis.connect()
    client.set("kept", 1)
    own_redis.kill()
    assert not own_redis.ready()
    own_redis.restart()
    assert client.get("kept") == b"1"
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    client.close()


def test_redis_answers_by_tcp_and_not_while_frozen(own_redis: RedisServer) -> None:
    client = Redis.from_url(own_redis.tcp_url, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
    assert client.ping()
    own_redis.freeze()
    with pytest.raises(redis.TimeoutError):
        client.ping()
    own_redis.thaw()
    assert eventually(own_redis.ready)
    client.close()


@pytest.mark.parametrize("round_", [1, 2])
def test_every_test_finds_an_empty_redis(redis_server: RedisServer, settings: Settings, round_: int) -> None:
    client = Redis.from_url(settings.redis_target)
    assert client.keys() == []
    client.set("left behind", round_)
    client.close()


def test_mosquitto_comes_back_on_its_port(own_mosquitto: Mosquitto) -> None:
    own_mosquitto.kill()
    assert not own_mosquitto.ready()
    own_mosquitto.restart()
    assert own_mosquitto.ready()
    assert own_mosquitto.persistent


def test_victoria_shows_what_was_written(victoria: VictoriaMetrics) -> None:
    line = b"rooms,device=support temperature=21.5 1700000000000000000"
    target = victoria.url + "/api/v2/write?org=o&bucket=b&precision=ns"
    urllib.request.urlopen(target, line).close()  # noqa: S310 - our own server
    (series,) = victoria.series('{device="support"}')
    assert series["metric"]["__name__"] == "rooms_temperature"
    assert series["values"] == [21.5]
    assert series["timestamps"] == [1_700_000_000_000]


def test_a_program_dies_with_the_test_process(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from support.process import Program
inner = Program("inner", ["sleep", "600"], Path.cwd())
inner.start()
print(inner.pid, flush=True)
time.sleep(600)
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env) as outer:
        assert outer.stdout is not None
        inner = int(outer.stdout.readline())
        assert psutil.pid_exists(inner)
        outer.send_signal(signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(inner) or psutil.Process(inner).status() == "zombie")


def test_a_program_that_ends_at_once_is_reported_with_its_output(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    with pytest.raises(AssertionError, match="no such luck"):
        Program("brief", command, tmp_path, says="ready").start()


def test_a_busy_machine_ends_with_its_command(tmp_path: Path) -> None:
    counts = "import psutil; print(len(psutil.Process().parent().children()))"
    command = [sys.executable, "-m", "support.busy_machine", "--writers", "2", "--spinners", "1", "--folder", "."]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    ran = subprocess.run(
        [*command, "--", sys.executable, "-c", f"{counts}; raise SystemExit(3)"],
        capture_output=True,
        text=True,
        env=env,
        timeout=PATIENCE_SECONDS,
    )
    assert (ran.returncode, ran.stdout) == (3, "4\n"), "its code, and three of the load beside it"
    assert "load: 2 writers synced 64 MB " in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_test_sees_the_environment_of_the_developer() -> None:
    assert not [name for name in os.environ if name.startswith(("QCTL_", "REDIS_", "MQTT_", "INFLUX_"))]
    assert not Path(".env").exists()
