"""The Redis users that `deploy/redis-users.acl` makes: each can do its work, and nothing that is not its work."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.ingest.durability import Durability
from qctl.broker.redis import keys
from qctl.service import QueueService
from qctl.settings import Settings
from support import stock
from support.device import Device
from support.process import Program
from support.servers import Mosquitto, RedisServer
from support.waiting import PATIENCE_SECONDS, eventually
from support.workers import TESTS, stock_worker

ROOT = Path(__file__).parents[2]
USERS = ROOT / "deploy" / "redis-users.acl"
SECURITY = ROOT / "SECURITY.md"
BIN = Path(sys.executable).parent
ADMIN = "admin"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis with these users, and one who may do everything, for the test itself."""
    folder = tmp_path_factory.mktemp("acl")
    file = folder / "users.acl"
    file.write_text(USERS.read_text() + f"user {ADMIN} on >{ADMIN} ~* &* +@all\n")
    server = Guarded(folder, "--aclfile", str(file))
    with server:
        yield server


class Guarded(RedisServer):
    """A Redis that nobody may use without a name."""

    def connect(self) -> Redis:
        """As somebody who may do everything."""
        return Redis(unix_socket_path=str(self.socket), username=ADMIN, password=ADMIN)

    def url_of(self, user: str) -> str:
        """Its URL for one of the users of the file."""
        return f"redis://qctl-{user}:change-me-{user}@127.0.0.1:{self.port}/0"


@pytest.fixture
def admin(server: Guarded) -> Iterator[Redis]:
    """An empty Redis, seen by who may do everything. Afterwards nobody was refused anything."""
    client = server.connect()
    client.flushall()
    client.execute_command("ACL", "LOG", "RESET")
    yield client
    refused = [(entry["username"], entry["reason"], entry["object"]) for entry in client.acl_log()]
    client.close()
    assert refused == []


@pytest.fixture
def operator(server: Guarded, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command line of qctl as one of the users."""

    def run(*words: str, user: str = "operator", code: int | None = 0) -> subprocess.CompletedProcess[str]:
        env = {"REDIS_URL": server.url_of(user), "QCTL_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        ran = subprocess.run(
            [str(BIN / "qctl"), *words], env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        assert code is None or ran.returncode == code, (words, ran.stdout, ran.stderr)
        return ran

    return run


def test_readings_come_in_and_are_written(
    server: Guarded, admin: Redis, own_mosquitto: Mosquitto, tmp_path: Path
) -> None:
    shared = {"MQTT_BROKER": own_mosquitto.url, "QCTL_HOME": str(tmp_path), "QCTL_READINGS_FLUSH_INTERVAL": "0.2"}
    bridge = Program(
        "bridge",
        [str(BIN / "qctl-mqtt-bridge")],
        tmp_path,
        env={**shared, "REDIS_URL": server.url_of("ingest")},
        says="subscribed",
    )
    worker = Program(
        "worker",
        [str(BIN / "qctl-worker"), "sensor-data"],
        tmp_path,
        env={**shared, "REDIS_URL": server.url_of("worker")},
        says="takes jobs",
    )
    with bridge, worker, Device(own_mosquitto.port) as device:
        device.say("sensors/a", *(json.dumps({"n": n}) for n in range(50)), '{"n": ')
        eventually(lambda: admin.hget(keys.TOTALS, "finished:sensor-data"), what="a batch that was written")
        eventually(lambda: admin.zcard(keys.failed("sensor-data")) == 1, what="the reject")
    # A source asks how Redis syncs its log. A user who may ask could read Redis's passwords too, so it may not, and the
    # source logs that it does not know.
    assert {entry["object"] for entry in admin.acl_log()} == {"config|get"}
    assert Durability.UNKNOWN.value in bridge.output
    admin.execute_command("ACL", "LOG", "RESET")


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_a_worker_works(server: Guarded, admin: Redis, tmp_path: Path, isolation: str) -> None:
    queue = Queue("work", connection=admin, serializer=JSONSerializer)
    for n, name in enumerate(["give", "fail", "give"]):
        queue.enqueue(f"support.jobs.{name}", n, job_id=f"j{n}")
    command = [sys.executable, "-m", "support.worker_process", server.url_of("worker"), isolation, "work"]
    with Program("worker", command, tmp_path, env={"PYTHONPATH": str(TESTS)}, says="takes jobs from"):
        eventually(lambda: (admin.zcard(keys.finished("work")), admin.zcard(keys.failed("work"))) == (2, 1))


def test_a_stock_worker_works(server: Guarded, admin: Redis, tmp_path: Path) -> None:
    Queue("work", connection=admin, serializer=JSONSerializer).enqueue("support.jobs.give", 1)
    with stock_worker(tmp_path, server.url_of("worker"), "work"):
        eventually(lambda: admin.zcard(keys.finished("work")) == 1, what="its end")
    # It asks who is connected to name its address, and does without.
    admin.execute_command("ACL", "LOG", "RESET")


def test_the_scheduler_keeps_time(server: Guarded, admin: Redis, tmp_path: Path) -> None:
    with QueueService(Settings.load(environ={"REDIS_URL": server.url_of("worker")})) as service:
        service.enqueue("stock-check", {}, delay=0.5)
    env = {"REDIS_URL": server.url_of("worker"), "QCTL_HOME": str(tmp_path)}
    with Program("scheduler", [str(BIN / "qctl-scheduler")], tmp_path, env=env, says="running schedules"):
        eventually(lambda: admin.llen(keys.queue("inventory")) == 1, what="the delayed job")


def test_with_a_prefix_the_file_is_made_as_security_md_says(tmp_path: Path) -> None:
    (recipe,) = re.findall(r"^    (sed .*)$", SECURITY.read_text(), re.MULTILINE)
    made = subprocess.run(
        ["sh", "-c", recipe], cwd=SECURITY.parent, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    file = tmp_path / "users.acl"
    file.write_text(made + f"user {ADMIN} on >{ADMIN} ~* &* +@all\n")
    with Guarded(tmp_path, "--aclfile", str(file)) as server:

        def env(user: str, prefix: str = "shop") -> dict[str, str]:
            url = server.url_of(user).replace("qctl-", "shop-")
            return {"REDIS_URL": url, "QUEUE_PREFIX": prefix, "QCTL_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}

        def qctl(*words: str, **of: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [BIN / "qctl", *words], env=env(**of), capture_output=True, text=True, timeout=PATIENCE_SECONDS
            )

        made_job = qctl("job", "enqueue", "stock-check", "-o", "name", user="operator")
        worker = [str(BIN / "qctl-worker"), "inventory"]
        with Program("worker", worker, tmp_path, env=env("worker"), says="takes jobs"):
            waited = qctl("job", "wait", made_job.stdout.strip(), "--timeout", "30s", user="operator")
        assert waited.returncode == 0, made_job.stderr + waited.stderr
        assert "finished" in qctl("job", "list", user="readonly").stdout
        with server.connect() as admin:
            assert [entry["object"] for entry in admin.acl_log()] == []
        assert qctl("stats", user="operator", prefix="bakery").returncode == 6


def test_an_operator_sees_and_does_everything(admin: Redis, operator: Any, tmp_path: Path) -> None:
    stock.fill(admin, "mail", 20)
    stock.enqueue(admin, "other", "o")
    for n in range(3):
        stock.die(admin, stock.enqueue(admin, "mail", f"d{n}"))
    stock.register_worker(admin, "w1", "mail")
    for line in ACTS:
        operator(*line.removesuffix("?").split(), code=None if line.endswith("?") else 0)
    (batch, *_) = json.loads(operator("trash", "list", "--json").stdout)["batches"]
    operator("trash", "restore", batch["id"])
    # `doctor` asks for Redis's configuration, which would show Redis's passwords too; without it, it checks less.
    assert {entry["object"] for entry in admin.acl_log()} <= {"config|get"}
    admin.execute_command("ACL", "LOG", "RESET")


def test_who_may_only_read_reads(admin: Redis, operator: Any) -> None:
    stock.fill(admin, "mail", 2)
    for line in ("stats", "ping", "job list", "dlq groups", "events", "worker list", "metrics export", "trash list"):
        operator(*line.split(), user="readonly")
    assert operator("stats", "--json", user="readonly").stdout.count('"mail"') >= 1
    assert "does not let" in operator("pause", "mail", user="readonly", code=6).stderr
    admin.execute_command("ACL", "LOG", "RESET")


ACTS = """
stats
health?
ping
doctor?
check -Q mail?
events
audit
job list
job show d0
dlq list
dlq groups
queue show mail
worker list
schedule list
metrics export
metrics show
alert list
pause mail --force
resume mail
retry d0
dlq discard d1 --yes
queue move mail other --yes
queue drain other
clear other --confirm other
cleanup all
schedule add nightly stock-check --every 1h
schedule pause nightly
schedule run nightly
schedule remove nightly
worker quiet w1?
doctor --repair?
""".strip().splitlines()
"""Commands of an operator; the exit code of those with a question mark depends on what they find."""

FORBIDDEN: dict[str, tuple[str, ...]] = {
    "readonly": (
        *("SET qctl:x 1", "DEL rq:queues", "EVAL return(1) 0", "KEYS *", "CONFIG GET *", "GET secret"),
        "PUBLISH rq:pubsub:w x",
    ),
    "ingest": (
        "HSET qctl:paused email {}",
        "LRANGE rq:queue:email 0 -1",
        "LPUSH rq:queue:email x",
        "DEL rq:workers",
        "XADD qctl:audit * a b",
        "CONFIG SET dir /tmp",
        "FLUSHALL",
        "PUBLISH rq:pubsub:w x",
    ),
    "worker": ("FLUSHALL", "CONFIG SET dir /tmp", "KEYS *", "SET elsewhere 1", "PUBLISH other x"),
    "operator": ("FLUSHALL", "CONFIG SET dir /tmp", "SHUTDOWN", "SET elsewhere 1", "ACL SETUSER x on", "MONITOR"),
    "default": ("PING",),
}


@pytest.mark.parametrize(
    ("user", "line"), [(user, line) for user, lines in FORBIDDEN.items() for line in lines], ids=str
)
def test_nobody_does_what_is_not_their_work(server: Guarded, user: str, line: str) -> None:
    known = {} if user == "default" else {"username": f"qctl-{user}", "password": f"change-me-{user}"}
    client = Redis(port=server.port, **known)
    try:
        with pytest.raises((NoPermissionError, ResponseError, AuthenticationError), match=r"(?i)perm|auth"):
            client.execute_command(*line.split())
    finally:
        client.close()


def test_every_line_says_who_and_begins_with_nothing() -> None:
    """A rule that adds to what a user had would keep what somebody once granted it."""
    for line in USERS.read_text().splitlines():
        assert line.startswith("user ")
        assert " resetchannels " in line
        assert " -@all" in line
