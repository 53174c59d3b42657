"""The documented `.env` of each replaced system, with one line that names the profile, starts whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from originals.conftest import MakeOriginal
from qctl.broker.bookkeeping import pools
from qctl.cli.profile_option import ProfileName
from qctl.errors import SettingsError
from qctl.settings import Settings, configuration, env_example, sources
from qctl.settings.profiles import PROFILES
from qctl.settings.stack import DAEMON_NAMES
from qctl.stack.daemons import JOBS_WORKER
from support.batcher import Sender, message
from support.databases import MongoDb
from support.originals import DOCUMENTED, Original
from support.process import accepts
from support.servers import Mosquitto, RedisServer, VictoriaMetrics
from support.waiting import PATIENCE_SECONDS, eventually

QCTL = str(Path(sys.executable).with_name("qctl"))


def load(**environ: str) -> Settings:
    return Settings.load(environ={"QCTL_HOME": "/tmp/qctl-test-home", **environ})


def check(original: Original) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [QCTL, "config", "check"], cwd=original.folder, env=original.env, capture_output=True, text=True, check=False
    )


def start(original: Original) -> None:
    """Start it, and compare its programs with the profile's list of daemons."""
    original.start()
    profile = PROFILES[original.folder.name.rstrip("0")]
    listed = set(profile.defaults["QCTL_DAEMONS"].split(","))
    if "GATEWAY_DEFAULT_JOB" not in profile.defaults:
        listed.discard(JOBS_WORKER)
    daemons = {name.split(":")[0] for name in original.programs} - {"redis", "mosquitto", "amqtt"}
    assert daemons == listed
    assert check(original).returncode == 0, check(original).stdout


# --- each original ------------------------------------------------------------------------------------------


def test_queuecraft_starts_whole(make_original: MakeOriginal, redis_server: RedisServer, mongodb: MongoDb) -> None:
    addresses = {"REDIS_URL": redis_server.url, "MONGODB_URI": mongodb.url}
    original = make_original("queuecraft", addresses, QCTL_SIMULATED_SECONDS="0")
    start(original)
    with redis_server.connect() as connection:
        eventually(lambda: any(pool.running == 5 for pool in pools.read(connection)), what="five workers of its jobs")
    assert "SECRET_KEY of .env is an example from documentation, and counts as not set" in original.output
    original.user()
    token = original.token()
    job = original.http.request("POST", "/job/create", {"name": "My Job"}, token).json["job"]

    def status() -> str:
        jobs = original.http.request("GET", "/job", token=token).json["jobs"]
        return str({each["_id"]: each["status"] for each in jobs}[job["_id"]])

    eventually(lambda: status() == "completed", what="the job")
    assert original.stop() == 0


def test_dashboard_starts_whole(
    make_original: MakeOriginal, redis_server: RedisServer, mosquitto: Mosquitto, victoria: VictoriaMetrics
) -> None:
    addresses = {"REDIS_URL": redis_server.url, "MQTT_BROKER": mosquitto.url, "INFLUX_URL": victoria.url}
    original = make_original("dashboard", addresses, QCTL_READINGS_FLUSH_INTERVAL="0.1")
    start(original)
    device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="test-originals-dashboard")
    device.connect("127.0.0.1", mosquitto.port)
    device.loop_start()
    device.publish("sensors/originals-dashboard", '{"temperature": 21.5}', qos=1).wait_for_publish(PATIENCE_SECONDS)
    device.disconnect()
    device.loop_stop()
    eventually(lambda: victoria.series('{device="originals-dashboard"}'), what="the reading")
    assert original.http.request("GET", "/api/queues/stats").status == 200
    assert original.stop() == 0


def test_chat_starts_whole(make_original: MakeOriginal, redis_server: RedisServer) -> None:
    original = make_original("chat", {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis_server.port)})
    start(original)
    assert "QUEUE_ADMIN_KEY of .env is an example from documentation" in original.output
    refused = original.http.request("POST", "/api/messages/queue/message/retry", X_Admin_Key="your_admin_key_here")
    assert refused.status == 401
    original.user()
    sent = original.http.request("POST", "/api/messages/send/ada", {"text": "hello"}, original.token()).json
    path = f"/api/messages/status/{sent['jobId']}"
    token = original.token()
    eventually(lambda: original.http.request("GET", path, token=token).json["status"] == "completed", what="delivery")
    assert original.stop() == 0


def test_sockets_starts_whole(make_original: MakeOriginal) -> None:
    original = make_original("sockets", {}, BATCH_CHECK_INTERVAL="0.2")
    start(original)
    eventually(lambda: accepts(original.port), what="the batcher's listener")
    with Sender(f"http://127.0.0.1:{original.port}") as sender:
        sender.send_until_acked([message("m-1")])
    assert original.stop() == 0


def test_planning_starts_whole(make_original: MakeOriginal, redis_server: RedisServer) -> None:
    original = make_original("planning", {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis_server.port)})
    start(original)
    enqueue = [QCTL, "job", "enqueue", "welcome-email", "userEmail=a@example.com", "userName=Ada"]
    done = subprocess.run(enqueue, cwd=original.folder, env=original.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outbox = original.home / "outbox"
    eventually(lambda: outbox.exists() and list(outbox.iterdir()), what="the mail")
    assert original.http.request("GET", "/admin/queues/info").status == 200
    assert original.stop() == 0


# --- the sets of defaults -----------------------------------------------------------------------------------


def test_profiles_are_documented_and_valid() -> None:
    page = (DOCUMENTED.parents[2] / "docs" / "compatibility.md").read_text()
    names = set(Settings.names())
    for profile in PROFILES.values():
        assert f"`{profile.name}`" in page
        assert profile.defaults.keys() <= names
        assert profile.examples.keys() <= names
        load(QCTL_PROFILE=profile.name)
        assert set(profile.defaults["QCTL_DAEMONS"].split(",")) <= set(DAEMON_NAMES)
        for name, value in profile.defaults.items():
            assert f"| `{profile.name}` | `{name}` | `{value}` |" in page, f"{profile.name} {name}"
    assert [each.value for each in ProfileName] == list(PROFILES)


def test_every_source_overrides_a_profile(tmp_path: Path) -> None:
    (tmp_path / "one.env").write_text("QCTL_PROFILE=chat\nFRONTEND_URL=https://chat.example\n")
    read = Settings.load({}, {"QCTL_SOCKET_ENABLED": "true"}, tmp_path / "one.env")
    assert (read.socket_enabled, read.mqtt_enabled, read.frontend_url) == (True, False, ("https://chat.example",))
    shown = {
        one.name: one for one in configuration.effective_settings(sources.find_sources({}, {"QCTL_PROFILE": "chat"}))
    }
    assert (shown["MQTT_ENABLED"].value, shown["MQTT_ENABLED"].origin) == ("false", "profile chat")
    assert (shown["QCTL_GATEWAY_PORT"].value, shown["QCTL_GATEWAY_PORT"].origin) == ("5000", "profile chat")


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(SettingsError, match="'que' is not one of queuecraft, dashboard"):
        load(QCTL_PROFILE="que")


@pytest.mark.parametrize(
    ("environ", "socket", "gateway"),
    [
        ({}, 3000, 2000),
        ({"PORT": "4000"}, 4000, 2000),
        ({"PORT": "4000", "QCTL_SOCKET_PORT": "4001"}, 4001, 2000),
        ({"PORT": "4000", "QCTL_PROFILE": "sockets"}, 4000, 2000),
        ({"PORT": "4000", "QCTL_PROFILE": "queuecraft"}, 3000, 4000),
        ({"PORT": "4000", "QCTL_PROFILE": "queuecraft", "QCTL_GATEWAY_PORT": "4002"}, 3000, 4002),
        ({"QCTL_PROFILE": "dashboard"}, 3000, 5000),
    ],
)
def test_whose_port_port_is(environ: dict[str, str], socket: int, gateway: int) -> None:
    read = load(**environ)
    assert (read.socket_port, read.gateway_port) == (socket, gateway)


@pytest.mark.parametrize(
    ("environ", "pair"),
    [
        ({"PORT": "2000"}, ("PORT", "QCTL_GATEWAY_PORT")),
        ({"QCTL_SOCKET_PORT": "1883"}, ("MQTT_PORT", "QCTL_SOCKET_PORT")),
        ({"PORT": "1883", "QCTL_PROFILE": "dashboard"}, ("MQTT_PORT", "PORT")),
        ({"PORT": "2000", "QCTL_GATEWAY_HOST": "0.0.0.0"}, ("PORT", "QCTL_GATEWAY_PORT")),  # noqa: S104
        ({"PORT": "2000", "QCTL_GATEWAY_HOST": "localhost"}, ("PORT", "QCTL_GATEWAY_PORT")),
    ],
)
def test_listeners_that_would_collide_are_named(environ: dict[str, str], pair: tuple[str, str]) -> None:
    (finding,) = (
        one for one in configuration.check_configuration(sources.find_sources({}, environ)) if one.status == "down"
    )
    assert all(f"({name})" in finding.reason for name in pair), finding.reason


@pytest.mark.parametrize(
    "environ",
    [
        {"PORT": "2000", "QCTL_PROFILE": "queuecraft"},
        {"PORT": "2000", "QCTL_GATEWAY_ENABLED": "false"},
        {"PORT": "2000", "QCTL_SOCKET_HOST": "127.0.0.2"},
        {"PORT": "1883", "MQTT_BROKER": "mqtt://broker:1883"},
    ],
)
def test_listeners_that_differ_are_accepted(environ: dict[str, str]) -> None:
    assert not [
        one for one in configuration.check_configuration(sources.find_sources({}, environ)) if one.status == "down"
    ]


def test_up_refuses_listeners_that_collide(tmp_path: Path) -> None:
    environ = {"QCTL_HOME": str(tmp_path / "home"), "PORT": "2000"}
    done = subprocess.run([QCTL, "up"], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "2000 is the port of the socket batcher (PORT) and of the gateway (QCTL_GATEWAY_PORT)" in done.stderr


def test_init_writes_the_profile(tmp_path: Path) -> None:
    done = subprocess.run([QCTL, "config", "init", "--profile", "chat"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0
    text = (tmp_path / ".env").read_text()
    assert "\nQCTL_PROFILE=chat\n" in text
    assert "\n#PORT=5000\n" in text
    assert Settings.load({}, {}, tmp_path / ".env").gateway_port == 5000
    assert env_example("chat") != env_example()


def test_an_example_key_counts_as_not_set(tmp_path: Path) -> None:
    environ = {"QCTL_PROFILE": "chat", "QUEUE_ADMIN_KEY": "your_admin_key_here"}
    assert load(**environ).queue_admin_key is None
    (finding,) = configuration.check_configuration(sources.find_sources({}, environ))
    assert (finding.check, finding.status) == ("secrets", "degraded")
    with pytest.raises(SettingsError):
        load(QUEUE_ADMIN_KEY="your_admin_key_here")
