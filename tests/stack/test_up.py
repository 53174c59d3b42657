"""`qctl up` as a whole, with small daemons: start, deaths, drain, and whatever stands in its way."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
from pathlib import Path

import pytest
import redis

from qctl.broker.query.server_setup import MEMORY_OPTIONS
from support.process import accepts
from support.servers import RedisServer
from support.up import MakeUp, Up, gone
from support.waiting import eventually

TWO = {"one": ["steady"], "two": ["steady"]}
ALONE = {"MQTT_ENABLED": "false"}
"""Without a broker, where a test is not about it: half the time to start."""


def client(up: Up) -> redis.Redis:
    return redis.Redis.from_url(f"unix://{up.home}/redis.sock", protocol=2)


def ended(up: Up) -> list[str]:
    """The programs in the order they ended."""
    return re.findall(r"\| (\S+) ended", up.output)


def test_starts_all_and_drains_in_order(make_up: MakeUp) -> None:
    up = make_up(TWO)
    up.start()

    assert stat.S_IMODE(up.home.stat().st_mode) == 0o700
    assert accepts(up.port)
    with client(up) as connection:
        names = ("port", "appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy", "unixsocketperm")
        answers = {name: connection.config_get(name)[name] for name in names}
        memory = {name: connection.config_get(name)[name] for name in MEMORY_OPTIONS}
    assert answers == {
        "port": "0",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory": str(1024**3),
        "maxmemory-policy": "noeviction",
        "unixsocketperm": "700",
    }
    assert memory == {name: str(size) for name, size in MEMORY_OPTIONS.items()}
    before_welcome = up.output.partition("qctl is up")[0]
    assert "one works" in before_welcome
    assert "two works" in before_welcome
    assert r"\x1b[2J" in before_welcome
    assert "\x1b" not in up.output

    family = up.family()
    assert up.stop() == 0
    assert gone(family)
    assert set(ended(up)[:2]) == {"one", "two"}
    assert ended(up)[2:] == ["mosquitto", "redis"]
    assert up.diary.count("one redis says +PONG") == 1
    assert "Traceback" not in up.output


def test_what_dies_comes_back_and_others_live_on(make_up: MakeUp) -> None:
    up = make_up(TWO)
    up.start()
    names = ("redis", "mosquitto", "one", "two")
    pids = {name: up.pids(name)[0] for name in names}
    with client(up) as connection:
        connection.set("stored", "yes")

    for name in ("one", "redis", "mosquitto"):
        os.kill(pids[name], signal.SIGKILL)
    after = {name: up.new_pid(name, pids[name]) for name in ("one", "redis", "mosquitto")}

    assert up.pids("two") == [pids["two"]]
    os.kill(pids["two"], 0)
    eventually(lambda: accepts(up.port), what="mosquitto answers")

    def stored() -> object:
        try:
            with client(up) as connection:
                return connection.get("stored")
        except redis.ConnectionError:
            return None

    assert eventually(stored, what="Redis answers") == b"yes"
    assert up.running
    assert after["one"] != pids["one"]


def test_ctrl_c_drains_and_says_so(make_up: MakeUp) -> None:
    up = make_up(TWO, **ALONE)
    up.start()
    family = up.family()
    up.send(signal.SIGINT)
    assert up.wait() == 130
    assert "one has drained" in up.output
    assert gone(family)


def test_a_second_ctrl_c_does_not_wait(make_up: MakeUp) -> None:
    up = make_up({"one": ["steady"], "mule": ["stubborn"]}, **ALONE)
    up.start()
    family = up.family()
    up.send(signal.SIGINT)
    eventually(lambda: "one" in ended(up), what="the drain begins")
    assert up.running
    up.send(signal.SIGINT)
    assert up.wait() == 130
    assert gone(family)
    assert "mule ended (SIGKILL)" in up.output
    assert "redis ended (exit code 0)" in up.output


def test_a_daemon_that_neither_starts_nor_ends_does_not_hold_up_the_rest(make_up: MakeUp) -> None:
    up = make_up({"one": ["steady"], "mule": ["mute"]}, "--hasty", **ALONE)
    up.start()
    eventually(lambda: re.search(r"mule +a small daemon \(not ready yet\)", up.output), what="what it says of mule")
    assert up.stop() == 1
    assert "waiting for mule; Ctrl-C kills" in up.output
    assert ended(up) == ["one", "mule", "redis"]
    assert "mule ended (SIGKILL)" in up.output


@pytest.mark.kill
def test_nothing_outlives_a_kill_and_the_home_can_be_used_again(make_up: MakeUp) -> None:
    first = make_up({"one": ["steady"], "mule": ["stubborn"]})
    first.start()
    with client(first) as connection:
        connection.set("stored", "yes")
    family = first.family()
    assert len(family) == 4
    first.kill()

    second = make_up(TWO, QCTL_HOME=str(first.home), MQTT_PORT=str(first.port))
    second.start()
    assert gone(family, 0)
    with client(second) as connection:
        assert connection.get("stored") == b"yes"


def test_a_dead_daemon_does_not_wait_for_what_it_forked(make_up: MakeUp) -> None:
    up = make_up({"parent": ["fork"]}, **ALONE)
    up.start()
    child = next(int(line.split()[-1]) for line in up.diary if " child " in line)
    old = up.pids("parent")[0]
    try:
        os.kill(old, signal.SIGKILL)
        assert up.new_pid("parent", old)
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_daemon_that_is_disabled_stays_away(make_up: MakeUp) -> None:
    up = make_up({"idle": ["exit", "0", "nothing to do"], "one": ["steady"]}, **ALONE)
    up.start()
    assert "nothing to do" in up.output
    assert "idle ended by itself and is not started again" in up.output
    assert up.stop() == 0
    assert len(up.pids("idle")) == 1


def test_a_daemon_with_bad_settings_ends_all(make_up: MakeUp) -> None:
    up = make_up({"bad": ["exit", "2", "INFLUX_URL: names no host"], "one": ["steady"]}, **ALONE)
    up.begin()
    assert up.wait() == 2
    last = up.output.splitlines()[-1]
    assert "bad cannot run: INFLUX_URL: names no host" in last
    assert "redis ended (exit code 0)" in up.output


@pytest.mark.parametrize("name", ["MQTT_PORT", "PORT"])
def test_a_taken_port_is_named(make_up: MakeUp, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = make_up(TWO, **{name: str(port)})
        up.begin()
        assert up.wait() == 2
    assert f"{name}: {port} is taken by another program; set {name} to a free port" in up.output
    assert not (up.home / "diary").exists()


def test_one_home_is_held_by_one_and_two_run_side_by_side(make_up: MakeUp) -> None:
    first, other = make_up(TWO), make_up(TWO)
    first.start()
    other.start()
    with client(first) as here, client(other) as there:
        here.set("mine", "1")
        assert there.get("mine") is None

    second = make_up(TWO, QCTL_HOME=str(first.home))
    second.begin()
    assert second.wait() == 6
    assert f"already running (pid {first.pid}) for {first.home}" in second.output
    assert first.running
    assert first.stop() == 0
    assert (first.home / "up.lock").read_text() == ""
    assert not (first.home / "redis.sock").exists()


def test_named_servers_are_used_and_not_started(make_up: MakeUp, redis_server: RedisServer) -> None:
    up = make_up({"one": ["steady"], "mqtt-bridge": ["steady"]}, REDIS_URL=redis_server.url, **ALONE)
    up.start()
    assert up.diary.count(f"one redis is {redis_server.url}") == 1
    assert not up.pids("redis")
    assert not up.pids("mosquitto")
    assert not up.pids("mqtt-bridge")
    assert not (up.home / "redis.sock").exists()
    assert up.stop() == 0
    assert redis_server.ready()


def test_a_private_redis_is_named_to_the_daemons(make_up: MakeUp) -> None:
    up = make_up({"one": ["steady"]}, **ALONE)
    up.start()
    assert f"one redis is unix://{up.home}/redis.sock".replace("a home", "a%20home") in up.diary


@pytest.mark.parametrize(
    ("home", "problem"), [("/proc/qctl/home", "cannot create"), ("{folder}/" + "x" * 100, "bytes too long")]
)
def test_a_home_that_cannot_be_is_named(make_up: MakeUp, tmp_path: Path, home: str, problem: str) -> None:
    up = make_up({}, QCTL_HOME=home.format(folder=tmp_path))
    up.begin()
    assert up.wait() == 2
    assert "QCTL_HOME: " in up.output
    assert problem in up.output


def test_a_server_that_cannot_start_ends_all(make_up: MakeUp) -> None:
    up = make_up(TWO, QCTL_REDIS_MAXMEMORY="1gb", **ALONE)
    (up.home / "redis" / "appendonlydir").mkdir(parents=True)
    (up.home / "redis" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    up.begin()
    assert up.wait() == 1
    assert "redis did not start" in up.output
    assert not up.pids("one")
