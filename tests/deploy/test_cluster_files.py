"""The files of deploy/cluster/, read by real servers: replicas and Sentinels log in, and a failover works.

The others are checked by the servers' own checks of files. One that is not installed skips its test, in CI too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import redis
from paho.mqtt.enums import CallbackAPIVersion
from redis.backoff import NoBackoff
from redis.retry import Retry

from qctl.broker.redis.connection import connect
from qctl.settings import Settings
from support.certificates import certified
from support.network import Namespace
from support.process import Program, free_port
from support.rabbit import Epmd, RabbitNode
from support.servers import MissingServerError, redis_command
from support.waiting import eventually

DEPLOY = Path(__file__).parents[2] / "deploy"
CLUSTER = DEPLOY / "cluster"


class Server(Program):
    """A server that reads a file of `deploy/cluster`, on 127.0.0.1."""

    def __init__(self, folder: Path, name: str, port: int, *words: str, password: str, user: str = "default") -> None:
        self.port, self.login = port, {"username": user, "password": password}
        super().__init__(name, [redis_command(), str(folder / f"{name}.conf"), *words], folder)

    def connect(self) -> redis.Redis:
        """A client of its own. Close it."""
        return redis.Redis(port=self.port, protocol=2, retry=Retry(NoBackoff(), 0), **self.login)  # type: ignore[arg-type]

    def ready(self) -> bool:
        """True if it lets the client in."""
        with closing(self.connect()) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False


def make_server(folder: Path, name: str, port: int, primary: int | None = None) -> Server:
    """A Redis by redis.conf, with the users of both files; a replica of `primary` if there is one."""
    text = (CLUSTER / "redis.conf").read_text().replace("bind 10.0.0.1 127.0.0.1", "bind 127.0.0.1")
    text = text.replace("port 6379", f"port {port}", 1).replace("/etc/redis/users.acl", str(folder / "users.acl"))
    if primary is not None:
        text = text.replace("# replicaof 10.0.0.1 6379", f"replicaof 127.0.0.1 {primary}")
    (folder / name).mkdir()
    (folder / f"{name}.conf").write_text(f"{text}\ndir {folder / name}\n")
    return Server(folder, name, port, user="qctl-worker", password="change-me-worker")


def make_sentinel(folder: Path, primary: int) -> Server:
    """A Sentinel by sentinel.conf that needs nobody's vote."""
    port = free_port()
    text = (CLUSTER / "sentinel.conf").read_text().replace("bind 10.0.0.1 127.0.0.1", "bind 127.0.0.1")
    text = text.replace("port 26379", f"port {port}").replace("/var/lib/redis", str(folder))
    text = text.replace("10.0.0.1 6379 2", f"127.0.0.1 {primary} 1")
    (folder / "sentinel.conf").write_text(text)
    return Server(folder, "sentinel", port, "--sentinel", password="change-me-clients")


def test_files_make_a_site_that_fails_over(tmp_path: Path, make_settings: Callable[..., Settings]) -> None:
    users = [(path / name).read_text() for path, name in ((DEPLOY, "redis-users.acl"), (CLUSTER, "users.acl"))]
    (tmp_path / "users.acl").write_text("".join(users))
    ports = free_port(), free_port()
    servers = [make_server(tmp_path, "redis0", ports[0]), make_server(tmp_path, "redis1", ports[1], ports[0])]
    sentinel = make_sentinel(tmp_path, ports[0])
    line = re.search(r"^REDIS_URL=(.*)$", (CLUSTER / "qctl.env").read_text(), re.M)
    assert line
    hosts = ",".join(f"10.0.0.{n}:26379" for n in (1, 2, 3))
    assert hosts in line[1]
    url = line[1].replace(hosts, f"127.0.0.1:{sentinel.port}")
    with ExitStack() as running:
        for program in (*servers, sentinel):
            running.enter_context(program)
        client = running.enter_context(connect(make_settings(REDIS_URL=url, QCTL_REDIS_REPLICAS="1")))
        watcher = running.enter_context(closing(sentinel.connect()))
        eventually(lambda: written(client), what="a write that a replica allows", every=0.1)
        eventually(lambda: watcher.sentinel_master("orders")["num-slaves"] == 1, what="the replica known", every=0.1)
        assert watcher.execute_command("SENTINEL", "CKQUORUM", "orders")
        eventually(lambda: failed_over(watcher), what="a failover", every=0.5)
        eventually(lambda: watcher.sentinel_master("orders")["port"] == ports[1], what="the new primary", every=0.1)
        eventually(lambda: written(client), what="a write to the new primary", every=0.1)


def written(client: redis.Redis) -> bool:
    try:
        return bool(client.set("qctl:test", "1"))
    except redis.RedisError:
        return False


def failed_over(watcher: redis.Redis) -> bool:
    try:
        return bool(watcher.execute_command("SENTINEL", "FAILOVER", "orders"))
    except redis.ResponseError:  # it does not know yet that the replica is good
        return False


def checker(name: str) -> str:
    """The path of a program that checks a file."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def assert_accepts(*words: str) -> None:
    """Check that a command ends with 0."""
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=90)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RabbitNode]:
    """RabbitMQ by its files, one node alone."""
    try:
        with Namespace() as host:
            node = RabbitNode(tmp_path, "broker", [host.address], address=host.address, strangers=False)
            epmd = Epmd(tmp_path)
            for program in (epmd, node):
                program.command = [*host.prefix, *program.command]
            with epmd, node:
                yield node
    except MissingServerError as missing:
        pytest.skip(str(missing))


@contextmanager
def mqtt_client(broker: RabbitNode, user: str, password: str) -> Iterator[paho.Client]:
    """A connected client with a session of its own."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=user, clean_session=False, protocol=paho.MQTTv311)
    client.username_pw_set(user, password)
    client.connect(broker.address, broker.port)
    client.loop_start()
    try:
        eventually(client.is_connected, what=f"the connection of {user}")
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def test_users_of_the_broker_may_do_what_they_are_for(broker: RabbitNode) -> None:
    received: list[bytes] = []
    answers: list[bool] = []
    with mqtt_client(broker, "bridge", "change-me-bridge") as bridge:
        bridge.on_message = lambda *args: received.append(args[2].payload)
        bridge.on_subscribe = lambda *args: answers.append(args[3][0].is_failure)
        bridge.subscribe("sensors/hall-1/#", qos=1)
        eventually(lambda: answers == [False], what="the bridge's subscription")
        with mqtt_client(broker, "device", "change-me-device") as device:
            device.publish("sensors/hall-1/a", b"21.5", qos=1).wait_for_publish(60)
            eventually(lambda: received == [b"21.5"], what="the reading")
            thrown_out: list[bool] = []
            device.on_disconnect = lambda *_: thrown_out.append(True)
            device.subscribe("sensors/#", qos=1)
            eventually(lambda: thrown_out, what="the device's refusal")


def test_mariadb_knows_every_option_of_its_file() -> None:
    defaults = f"--defaults-file={CLUSTER / 'galera.cnf'}"
    assert_accepts(checker("mariadbd"), defaults, "--user=root", "--help", "--verbose")


def test_systemd_takes_the_unit() -> None:
    if not Path("/usr/bin/redis-server").exists():
        pytest.skip("the unit starts /usr/bin/redis-server")
    assert_accepts(checker("systemd-analyze"), "verify", str(CLUSTER / "redis-sentinel.service"))


def test_nginx_takes_its_file_in_place_of_the_upstream(tmp_path: Path) -> None:
    certified(tmp_path)
    site = (DEPLOY / "nginx.conf").read_text()
    site, count = re.subn(r"upstream qctl_gateways \{.*?\}\n", (CLUSTER / "nginx.conf").read_text(), site, flags=re.S)
    assert count == 1
    site = re.sub(r"/etc/letsencrypt/\S+/fullchain\.pem", str(tmp_path / "server.pem"), site)
    site = re.sub(r"/etc/letsencrypt/\S+/privkey\.pem", str(tmp_path / "server.key"), site)
    folders = "".join(
        f"{kind}_temp_path {tmp_path};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = tmp_path / "nginx.conf"
    file.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{folders}{site}}}\n"
    )
    assert_accepts(checker("nginx"), "-t", "-p", str(tmp_path), "-c", str(file))


def test_settings_of_the_site_are_understood(tmp_path: Path) -> None:
    lines = [line.partition("=") for line in (CLUSTER / "qctl.env").read_text().splitlines()]
    environ = {name: value for name, equals, value in lines if equals and value and not name.startswith("#")}
    settings = Settings.load(environ=environ, dotenv=tmp_path / "no.env")
    assert len(settings.mqtt_brokers) == 3
    assert environ.keys() <= set(Settings.names())
