"""qctl-mqtt-bridge as a process, between real brokers and a real Redis, killed and cut off in every way."""

from __future__ import annotations

import base64
import json
import random
import re
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.sources.reading_parser import MAX_REJECT_BYTES, TRUNCATED_REJECT_BYTES
from support.certificates import certified
from support.device import Device
from support.ingest import items, letters, reason
from support.process import Program, free_port
from support.servers import Mosquitto, RedisServer
from support.waiting import PATIENCE_SECONDS, eventually

BIN = Path(sys.executable).parent
Make = Callable[..., Program]


@pytest.fixture
def make_bridge(tmp_path: Path) -> Make:
    """Makes `qctl-mqtt-bridge` with settings; it counts as started when it has subscribed."""

    def make(redis: RedisServer, broker: Mosquitto, says: str = "subscribed to", **env: str) -> Program:
        env = {
            "REDIS_URL": redis.url,
            "MQTT_BROKER": broker.url,
            "QCTL_HOME": str(tmp_path),
            "LOG_FORMAT": "text",
            "QCTL_READINGS_FLUSH_INTERVAL": "0.2",
            **env,
        }
        return Program("bridge", [str(BIN / "qctl-mqtt-bridge")], tmp_path, env=env, says=says)

    return make


@contextmanager
def client_of(server: RedisServer) -> Iterator[Redis]:
    """A client of a Redis of our own."""
    client = server.connect()
    try:
        yield client
    finally:
        client.close()


def numbers(connection: Redis) -> Counter[int]:
    """Copies of each numbered reading in a sink: one for each different item."""
    different = {json.dumps(item, sort_keys=True) for item in items(connection)}
    return Counter(json.loads(item)["fields"]["n"] for item in different)


def once_each(connection: Redis, count: int) -> None:
    """Wait until readings 0 to `count` - 1 are all there; each shows once."""
    eventually(lambda: len(numbers(connection)) >= count, what=f"{count} readings")
    assert numbers(connection) == Counter(range(count))


def numbered(count: int, start: int = 0) -> list[str]:
    """Payloads without a time, reason_text apart by their number alone."""
    return [json.dumps({"n": n}) for n in range(start, start + count)]


def test_a_message_is_in_a_batch_though_no_other_follows(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make
) -> None:
    with make_bridge(redis_server, own_mosquitto), Device(own_mosquitto.port) as device:
        began = time.time_ns()
        device.say("sensors/livingroom", '{"temperature":21.5,"humidity":40,"pressure":1013.2}')
        eventually(lambda: connection.llen(keys.queue("sensor-data")), what="a batch job")
        device.publish("sensors/attic/door", "true", qos=0)
        eventually(lambda: len(items(connection)) == 2, what="the second reading")
    found = {item["device"]: item for item in items(connection)}
    assert found["livingroom"]["fields"] == {"temperature": 21.5, "humidity": 40, "pressure": 1013.2}
    assert found["livingroom"]["ts_ns"] == found["livingroom"]["received_ns"]
    assert began < found["livingroom"]["ts_ns"] < time.time_ns()
    assert found["attic"]["fields"] == {"door": True}


def test_it_drains_and_goes_on_where_it_was(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make
) -> None:
    bridge = make_bridge(redis_server, own_mosquitto)
    with bridge, Device(own_mosquitto.port) as device:
        device.say("sensors/a", *numbered(200))
        assert bridge.stop() == 0
        device.say("sensors/a", *numbered(200, start=200))
        bridge.start()
        once_each(connection, 400)
        assert bridge.stop() == 0
    assert connection.hget(keys.ingest("readings"), "received") == b"400"
    assert connection.hget(keys.ingest("readings"), "sessions_lost") is None


BAD = {
    "not JSON": b"temperature=21",
    "payload is gzip": b"\x1f\x8b\x08\x00",
    "nested too deeply": b"[" * 50_000,
    "larger than 65536 bytes": b"x" * 262_144,
    "not UTF-8": b"\xff",
    "Sparkplug B": bytes.fromhex("08d8a6b4b9d333120a0a0474656d70"),
    "too many digits": b'{"x": ' + b"9" * 5000 + b"}",
}


def test_bad_payloads_are_dead_letters_and_the_stream_goes_on(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make
) -> None:
    with make_bridge(redis_server, own_mosquitto), Device(own_mosquitto.port) as device:
        for payload in BAD.values():
            device.say("sensors/a", payload, *numbered(1))
        device.say("sensors/" + "x" * 2000, '{"x": 1}')
        eventually(lambda: len(items(connection)) == len(BAD), what="the good ones")
        eventually(lambda: len(letters(connection)) == len(BAD) + 1, what="the bad ones")
    found = {reason(letter): letter for letter in letters(connection)}
    for text, payload in BAD.items():
        (letter,) = [letter for reason_text, letter in found.items() if text in reason_text]
        topic, payload_text, received_ns = letter.args
        stored = payload if len(payload) <= MAX_REJECT_BYTES else payload[:TRUNCATED_REJECT_BYTES]
        assert (topic, base64.b64decode(payload_text)) == ("sensors/a", stored)
        assert received_ns > 10**18
        assert letter.func_name == "qctl.jobs.reading_batches.ingest_reading"
    assert found["topic is longer than 1024 bytes"].args[0] == "sensors/" + "x" * 2000


@pytest.mark.kill
def test_nothing_is_acknowledged_that_redis_does_not_have(
    own_redis: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make
) -> None:
    bridge = make_bridge(own_redis, own_mosquitto)
    with bridge, Device(own_mosquitto.port) as device:
        own_redis.freeze()
        device.say("sensors/a", *numbered(50))
        time.sleep(0.5)  # it has them in hand by now; if it has not, they are not acknowledged all the more
        bridge.kill()
        own_redis.kill()  # and with it whatever was sent to it while it was frozen
        own_redis.start()
        bridge.start()
        with client_of(own_redis) as connection:
            once_each(connection, 50)
            own_redis.freeze()
            device.say("sensors/a", *numbered(50, start=50))
            time.sleep(0.5)
            own_redis.thaw()
            once_each(connection, 100)


@pytest.mark.kill
@pytest.mark.timeout(600)
def test_a_bridge_that_is_killed_loses_and_doubles_nothing(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make, long_run: bool
) -> None:
    count, kills = (20_000, 30) if long_run else (2_000, 3)
    bridge = make_bridge(redis_server, own_mosquitto, QCTL_MQTT_RECEIVE_MAXIMUM="50", QCTL_MAX_WAITING_BATCHES="99999")
    with bridge, Device(own_mosquitto.port) as device:
        for payload in numbered(count):
            device.publish("sensors/a", payload)
        for kill in range(kills):
            threshold = (kill + random.random()) * count / (kills + 1)
            eventually(lambda: _received(connection) > threshold, what="some progress", every=0.001)  # noqa: B023
            bridge.kill()
            bridge.start()
        eventually(lambda: len(device.acknowledged) == count, what="the broker's acknowledgements")
        once_each(connection, count)
    assert _received(connection) == count, "also before a sink looks at it, each is there once"


@pytest.mark.kill
def test_it_goes_on_with_another_broker_of_its_list(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    with Mosquitto(folder, stand_in=False) as other:
        brokers = f"{own_mosquitto.url},{other.url}"
        with make_bridge(redis_server, own_mosquitto, MQTT_BROKER=brokers) as bridge:
            for number, broker in enumerate((own_mosquitto, other)):
                eventually(lambda: f"connected to {broker.url}" in bridge.output, what="the connection")  # noqa: B023
                with Device(broker.port) as device:
                    device.publish("sensors/a", json.dumps({"n": number}))
                    once_each(connection, number + 1)
                broker.kill()
            assert f"trying the next broker: MQTT broker at {own_mosquitto.url} cannot be reached" in bridge.output
            seen = len(bridge.output)
            own_mosquitto.start()
            eventually(lambda: f"connected to {own_mosquitto.url}" in bridge.output[seen:], what="the first again")


def _received(connection: Redis) -> int:
    return int(connection.hget(keys.ingest("readings"), "received") or 0)


@pytest.mark.kill
@pytest.mark.timeout(600)
def test_a_redis_that_is_killed_loses_and_doubles_nothing(
    own_redis: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make, long_run: bool
) -> None:
    count, kills = (20_000, 10) if long_run else (2_000, 2)
    bridge = make_bridge(own_redis, own_mosquitto, QCTL_MQTT_RECEIVE_MAXIMUM="50", QCTL_MAX_WAITING_BATCHES="99999")
    with bridge, Device(own_mosquitto.port) as device, client_of(own_redis) as connection:
        for payload in numbered(count):
            device.publish("sensors/a", payload)
        for kill in range(kills):
            threshold = (kill + random.random()) * count / (kills + 1)
            eventually(lambda: _received(connection) > threshold, what="some progress", every=0.001)  # noqa: B023
            own_redis.kill()
            own_redis.start()
        once_each(connection, count)
        assert bridge.stop() == 0


def test_it_waits_for_redis_and_leaves_the_messages_with_the_broker(
    own_redis: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make
) -> None:
    with make_bridge(own_redis, own_mosquitto) as bridge:
        bridge.stop()
    own_redis.kill()
    connects = own_mosquitto.output.count("as qctl-mqtt-bridge")
    bridge = make_bridge(own_redis, own_mosquitto, says="does not answer")
    with bridge, Device(own_mosquitto.port) as device:
        device.say("sensors/a", *numbered(5))
        assert own_mosquitto.output.count("as qctl-mqtt-bridge") == connects
        own_redis.start()
        with client_of(own_redis) as connection:
            once_each(connection, 5)
        assert bridge.stop() == 0


def test_it_stops_while_redis_is_away(own_redis: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make) -> None:
    with make_bridge(own_redis, own_mosquitto) as bridge, Device(own_mosquitto.port) as device:
        own_redis.kill()
        device.say("sensors/a", *numbered(5))
        eventually(lambda: re.search("[0-9] messages? waits?:", bridge.output), what="its complaint")
        assert bridge.stop() == 0
        assert "messages not committed" in bridge.output
        own_redis.start()
        bridge.start()
        with client_of(own_redis) as connection:
            once_each(connection, 5)


def test_it_waits_for_a_broker_that_is_away(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make
) -> None:
    own_mosquitto.kill()
    with make_bridge(redis_server, own_mosquitto, says="cannot be reached") as bridge:
        own_mosquitto.start()
        eventually(lambda: "subscribed to" in bridge.output, what="the subscription")
        with Device(own_mosquitto.port) as device:
            device.say("sensors/a", *numbered(100))
            once_each(connection, 100)
            own_mosquitto.restart()
            eventually(lambda: bridge.output.count("subscribed to") == 2, what="the second subscription")
            device.say("sensors/a", *numbered(100, start=100))
            once_each(connection, 200)
    assert connection.hget(keys.ingest("readings"), "sessions_lost") is None


def test_it_notices_that_the_broker_has_forgotten_its_session(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make
) -> None:
    own_mosquitto.configure("persistence false")
    own_mosquitto.restart()
    with make_bridge(redis_server, own_mosquitto) as bridge:
        for times in (1, 2):
            with Device(own_mosquitto.port) as device:
                # The same packet ids and payloads in each session: nothing is taken for sent again.
                device.say("sensors/a", *["1"] * 20)
                eventually(lambda: len(items(connection)) == 20 * times, what="the readings")  # noqa: B023
            own_mosquitto.restart()
            lost = str(times).encode()
            eventually(lambda: connection.hget(keys.ingest("readings"), "sessions_lost") == lost)  # noqa: B023
        assert "session lost by the broker" in bridge.output


def test_retained_messages_come_once(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make
) -> None:
    with Device(own_mosquitto.port) as device:
        device.publish("sensors/a", '{"n": 0}', retain=True)
        eventually(lambda: device.acknowledged, what="the broker's acknowledgement")
        with make_bridge(redis_server, own_mosquitto) as bridge:
            once_each(connection, 1)
            bridge.restart()
            device.say("sensors/a", '{"n": 1}')
            once_each(connection, 2)


def test_a_wrong_password_is_one_line_and_tried_again(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make, tmp_path: Path
) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, "bridge", "right"], check=True)
    own_mosquitto.configure("allow_anonymous false", f"password_file {passwords}")
    own_mosquitto.restart()
    with make_bridge(
        redis_server, own_mosquitto, "refuses the connection", MQTT_USERNAME="bridge", MQTT_PASSWORD="wrong"
    ) as bridge:
        eventually(lambda: own_mosquitto.output.count("not authorised") >= 2, what="another try")
        assert bridge.output.count("refuses the connection: Not authorized") == 1
        assert "Traceback" not in bridge.output
        assert "wrong" not in bridge.output
        assert bridge.stop() == 0
    with make_bridge(redis_server, own_mosquitto, MQTT_USERNAME="bridge", MQTT_PASSWORD="right") as bridge:
        assert bridge.stop() == 0


def test_tls_is_verified(
    redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    own_mosquitto.configure(f"certfile {certificate}", f"keyfile {key}")
    own_mosquitto.restart()
    url = own_mosquitto.url.replace("mqtt:", "mqtts:")
    with make_bridge(redis_server, own_mosquitto, "CERTIFICATE_VERIFY_FAILED", MQTT_BROKER=url) as bridge:
        assert "subscribed to" not in bridge.output
        assert bridge.stop() == 0
    with make_bridge(redis_server, own_mosquitto, MQTT_BROKER=url, SSL_CERT_FILE=str(certificate)) as bridge:
        assert bridge.stop() == 0


def test_tls_with_a_password_and_an_authority_of_our_own(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make, tmp_path: Path
) -> None:
    authority = certified(tmp_path)
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, "bridge", "right"], check=True)
    tls = (f"cafile {authority}", f"certfile {tmp_path / 'server.pem'}", f"keyfile {tmp_path / 'server.key'}")
    own_mosquitto.configure("allow_anonymous false", f"password_file {passwords}", *tls)
    own_mosquitto.restart()
    secrets = {"MQTT_USERNAME": "bridge", "MQTT_PASSWORD": "right", "QCTL_MQTT_CA": str(authority)}
    url = own_mosquitto.url.replace("mqtt:", "mqtts:")
    with make_bridge(redis_server, own_mosquitto, MQTT_BROKER=url, **secrets):
        say = ("mosquitto_pub", "-h", "127.0.0.1", "-p", str(own_mosquitto.port), "--cafile", str(authority))
        sent = ("-u", "bridge", "-P", "right", "-q", "1", "-t", "sensors/a", "-m", '{"n": 0}')
        subprocess.run([*say, *sent], check=True, timeout=PATIENCE_SECONDS)
        once_each(connection, 1)
    bad = run(MQTT_BROKER=url, QCTL_MQTT_CA=str(tmp_path / "no.pem"), REDIS_URL=redis_server.url)
    (line,) = [line for line in bad.stderr.splitlines() if "durability:" not in line]
    assert (bad.returncode, "QCTL_MQTT_CA: " in line) == (2, True)


def test_bridges_share_a_subscription(
    connection: Redis, redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make
) -> None:
    shared = {"MQTT_TOPIC": "$share/bridges/sensors/#"}
    with (
        make_bridge(redis_server, own_mosquitto, MQTT_CLIENT_ID="one", **shared) as one,
        make_bridge(redis_server, own_mosquitto, MQTT_CLIENT_ID="two", **shared) as two,
        Device(own_mosquitto.port) as device,
    ):
        device.say("sensors/a", *numbered(200))
        once_each(connection, 200)
        assert len(items(connection)) == 200
        for bridge in (one, two):
            bridge.stop()
    counted = [re.findall(r"received=(\d+)", bridge.output) for bridge in (one, two)]
    assert all(int(each[-1]) > 0 for each in counted)
    assert sum(int(each[-1]) for each in counted) == 200


def test_without_a_queue_the_broker_holds_what_the_database_does_not_take(
    redis_server: RedisServer, own_mosquitto: Mosquitto, make_bridge: Make, tmp_path: Path
) -> None:
    influxdb = {"INFLUX_URL": f"http://127.0.0.1:{free_port()}", "INFLUX_TOKEN": "t", "ORG": "o", "BUCKET": "b"}
    nowhere = {"CACHE_ENABLED": "false", "REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    with Device(own_mosquitto.port) as device:
        with make_bridge(redis_server, own_mosquitto, **nowhere, **influxdb) as bridge:
            device.say("sensors/a", *numbered(20), "{ nonsense")
            eventually(lambda: re.search("messages? waits?: InfluxDB at", bridge.output), what="that it is down")
            assert bridge.stop() == 0
        assert not (tmp_path / "rejects-readings.jsonl").exists()
        with make_bridge(redis_server, own_mosquitto, **nowhere) as bridge:
            eventually(lambda: (tmp_path / "rejects-readings.jsonl").exists(), what="the reject")
            device.say("sensors/a", *numbered(5, start=20))
            eventually(lambda: len(stored(tmp_path)) >= 25, what="the readings")
            assert bridge.stop() == 0
    assert sorted(stored(tmp_path)) == list(range(25))
    (line,) = (tmp_path / "rejects-readings.jsonl").read_text().splitlines()
    assert json.loads(line)["reason"].startswith("payload is not JSON")


def stored(home: Path) -> list[int]:
    """The numbers of the readings in SQLite."""
    with closing(sqlite3.connect(home / "qctl.db", timeout=PATIENCE_SECONDS)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'readings'").fetchall():
            return []
        return [json.loads(fields)["n"] for (fields,) in db.execute("SELECT fields FROM readings")]


def run(*arguments: str, **env: str) -> Any:
    """Run the program to its end."""
    return subprocess.run(
        [BIN / "qctl-mqtt-bridge", *arguments],
        env={**env},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_its_command_line(tmp_path: Path) -> None:
    disabled = run(MQTT_ENABLED="false", QCTL_HOME=str(tmp_path))
    assert (disabled.returncode, "MQTT_ENABLED is false" in disabled.stderr) == (0, True)
    bad = run(MQTT_TOPIC="sensors/#/a", QCTL_HOME=str(tmp_path))
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("qctl-mqtt-bridge: MQTT_TOPIC: ")
    assert len(bad.stderr.splitlines()) == 1
    assert run("--nonsense").returncode == 2
    assert (run("--help").returncode, "MQTT" in run("--help").stdout) == (0, True)
