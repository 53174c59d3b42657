"""Fixtures for all tests: real servers, settings for them, nothing of the developer's environment."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest
from hypothesis import HealthCheck
from redis import Redis

from qctl.broker.redis.connection import connect
from qctl.settings import Settings
from support import nats, node
from support.databases import MariaDb, MongoDb
from support.nats import NatsNode
from support.process import Program
from support.redis_cluster import RedisCluster
from support.rq_versions import make_python
from support.sentinel import WatchedRedis
from support.servers import MissingServerError, Mosquitto, RedisServer, S3Server, VictoriaMetrics
from support.wheels import make_wheel

FOREIGN_PREFIXES = ("QCTL_", "REDIS_", "RQ_", "MQTT_", "INFLUX_", "INFLUXDB_", "DB_", "SMTP_", "LOG_")
"""Names in the environment that could lead a test to a developer's own servers."""

PAUSE_SOURCE = Path(__file__).parents[1] / "packages" / "qctl-pause"

S = TypeVar("S", bound=Program)
T = TypeVar("T")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long`: kill tests in their long form."""
    parser.addoption("--long", action="store_true", help="run the kill tests in their long form")


def pytest_configure() -> None:
    """Forget every setting of the developer's environment, here and in all processes that tests start.

    A script that starts the tests in the background has Ctrl-C ignored, nohup has SIGHUP, and every process below
    inherits that.
    Hypothesis does not ask a clock: on a busy machine an example takes as long as it takes.
    """
    hypothesis.settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    hypothesis.settings.load_profile("unhurried")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    ours = {spec.env for spec in Settings.specs()}
    for name in list(os.environ):
        if name in ours or name.startswith(FOREIGN_PREFIXES):
            del os.environ[name]


@pytest.fixture(autouse=True)
def _empty_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in a folder of their own, where no `.env` is found, and have no contexts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(scope="session")
def long_run(pytestconfig: pytest.Config) -> bool:
    """True if kill tests run in their long form."""
    return bool(pytestconfig.getoption("--long"))


def _available(make: Callable[[], T]) -> T:
    """Make something that may not be installed. Its absence skips the test, and fails it if CI=true."""
    try:
        return make()
    except MissingServerError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def _serve(make: Callable[[], S]) -> Iterator[S]:
    """Start a server for as long as a fixture lives."""
    server = _available(make)
    try:
        server.start()
        yield server
    finally:
        server.end()


def _shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def _shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    yield from _serve(lambda: RedisServer(tmp_path_factory.mktemp("redis")))


@pytest.fixture
def redis_server(_shared_redis: RedisServer) -> RedisServer:
    """An empty Redis, shared by the tests of this process. To kill or to configure one, take `own_redis`."""
    _shared_redis.wipe()
    return _shared_redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for this test alone: it may be killed, frozen and configured."""
    folder = tmp_path / "redis"
    folder.mkdir()
    yield from _serve(lambda: RedisServer(folder))


@pytest.fixture
def watched_redis(tmp_path: Path) -> Iterator[WatchedRedis]:
    """A primary, two replicas and three Sentinels for this test alone."""
    with _available(lambda: WatchedRedis(tmp_path / "watched")) as watched:
        yield watched


@pytest.fixture
def redis_cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    """A Redis Cluster of three shards with a replica each, for this test alone."""
    with _available(lambda: RedisCluster(tmp_path / "nodes")) as cluster:
        yield cluster


@pytest.fixture
def make_settings(tmp_path: Path, redis_server: RedisServer) -> Callable[..., Settings]:
    """Makes settings for this test's folder and Redis, others by name: `make_settings(MQTT_PORT="1")`."""

    def make(**names: str) -> Settings:
        environ = {"QCTL_HOME": str(tmp_path), "REDIS_URL": redis_server.url, **names}
        return Settings.load(environ=environ, dotenv=tmp_path / "no.env")

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings with this test's folder as QCTL_HOME and `redis_server` as Redis, all else at its default."""
    return make_settings()


@pytest.fixture
def connection(settings: Settings) -> Iterator[Redis]:
    """A client of `redis_server`, made as qctl makes its own."""
    client = connect(settings, name="qctl-test")
    yield client
    client.close()


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """An MQTT broker, shared by the tests of this process: use client ids and topics of your own."""
    yield from _serve(lambda: Mosquitto(tmp_path_factory.mktemp("mosquitto")))


@pytest.fixture
def own_mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A mosquitto, never its stand-in, for this test alone: it may be killed, and keeps its sessions."""
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    yield from _serve(lambda: Mosquitto(folder, stand_in=False))


@pytest.fixture
def nats_cluster(tmp_path: Path) -> Iterator[list[NatsNode]]:
    """Three nodes of one cluster that speak MQTT 3.1.1, for this test alone: they may be killed."""
    folder = tmp_path / "nats"
    folder.mkdir()
    with ExitStack() as stack:
        yield _available(lambda: stack.enter_context(nats.cluster(folder)))


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    """VictoriaMetrics, shared by the tests of this process: use measurements or devices of your own."""
    yield from _serve(lambda: VictoriaMetrics(tmp_path_factory.mktemp("victoria")))


@pytest.fixture(scope="session")
def _shared_mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    yield from _serve(lambda: MariaDb(tmp_path_factory.mktemp("mariadb")))


@pytest.fixture
def mariadb(_shared_mariadb: MariaDb) -> MariaDb:
    """A MariaDB with an empty database, shared by the tests of this process."""
    _shared_mariadb.wipe()
    return _shared_mariadb


@pytest.fixture
def own_mariadb(tmp_path: Path) -> Iterator[MariaDb]:
    """A MariaDB for this test alone: it may be killed and frozen."""
    folder = tmp_path / "mariadb"
    folder.mkdir()
    yield from _serve(lambda: MariaDb(folder))


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoDb]:
    """A MongoDB, shared by the tests of this process: use ids of your own."""
    yield from _serve(lambda: MongoDb(tmp_path_factory.mktemp("mongodb")))


@pytest.fixture
def own_mongodb(tmp_path: Path) -> Iterator[MongoDb]:
    """A MongoDB for this test alone: it may be killed."""
    folder = tmp_path / "mongodb"
    folder.mkdir()
    yield from _serve(lambda: MongoDb(folder))


@pytest.fixture(scope="session")
def _shared_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    yield from _serve(lambda: S3Server(tmp_path_factory.mktemp("s3")))


@pytest.fixture
def s3(_shared_s3: S3Server) -> S3Server:
    """A server that speaks S3, with an empty bucket, shared by the tests of this process."""
    _shared_s3.wipe()
    return _shared_s3


@pytest.fixture(scope="session")
def socketio_client() -> Path:
    """Folder of the official JavaScript client of Socket.IO."""
    return _available(node.installed)


@pytest.fixture(scope="session")
def rq_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes environments with another RQ: `rq_python("2.6.0")` is the path of its Python.

    Further arguments are requirements to install beside it. Each is made once a run, whatever the number of processes.
    """
    folder = _shared_folder(tmp_path_factory)
    return lambda release, *requirements: _available(lambda: make_python(folder, release, *requirements))


@pytest.fixture(scope="session")
def pause_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of qctl-pause, built once a run."""
    return make_wheel(_shared_folder(tmp_path_factory) / "wheels", PAUSE_SOURCE)
