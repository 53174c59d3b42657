"""The primary of Redis is killed under real daemons: nothing acknowledged is lost, and work goes on by itself."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from rq.job import Job
from rq.serializers import JSONSerializer

from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis import keys
from qctl.broker.redis.connection import connect
from qctl.broker.scheduler import schedules
from qctl.broker.worker import pauses
from qctl.settings import Settings
from support.device import Device
from support.process import Program
from support.sentinel import SERVICE, WatchedRedis
from support.servers import Mosquitto
from support.waiting import eventually
from support.workers import TESTS, qctl_worker

pytestmark = [pytest.mark.kill, pytest.mark.timeout(400)]

BIN = Path(sys.executable).parent

MakeSettings = Callable[..., Settings]


class Site:
    """A watched Redis, the settings of its clients, and what daemons need."""

    def __init__(self, redis: WatchedRedis, settings: Settings, folder: Path) -> None:
        self.redis = redis
        self.settings = settings
        self.folder = folder
        self.env = {
            "REDIS_URL": redis.url,
            "QCTL_REDIS_REPLICAS": "1",
            "QCTL_HOME": str(folder / "home"),
            "QCTL_READINGS_FLUSH_INTERVAL": "0.2",
            "QCTL_ALLOWED_JOBS": "support.jobs.*",
            "LOG_FORMAT": "text",
            "PYTHONPATH": str(TESTS),
        }

    def daemon(self, name: str, program: str, *words: str, says: str, **env: str) -> Program:
        return Program(name, [str(BIN / program), *words], self.folder, env={**self.env, **env}, says=says)


@pytest.fixture
def site(watched_redis: WatchedRedis, make_settings: MakeSettings, tmp_path: Path) -> Site:
    """A site that runs nothing but its Redis."""
    (tmp_path / "home").mkdir(mode=0o700)
    return Site(watched_redis, make_settings(REDIS_URL=watched_redis.url, QCTL_REDIS_REPLICAS="1"), tmp_path)


@pytest.fixture
def client(site: Site) -> Iterator[Redis]:
    """A client of the site."""
    with connect(site.settings, name="qctl-test") as client:
        yield client


def again(call: Callable[[], object]) -> object:
    """Call until Redis, and its replicas, take it."""

    def attempt() -> list[object] | None:
        try:
            return [call()]
        except RedisError:
            return None

    return eventually(attempt, what="an answer of Redis", every=0.1)[0]  # type: ignore[index]


def marks(path: Path) -> Counter[int]:
    """Count the runs of each numbered job."""
    return Counter(map(int, path.read_text().split())) if path.exists() else Counter()


def states(client: Redis, ids: list[str]) -> Counter[str]:
    jobs = Job.fetch_many(ids, connection=client, serializer=JSONSerializer)
    return Counter(job.get_status(refresh=False).value if job else "gone" for job in jobs)


@contextmanager
def failing_over(site: Site) -> Iterator[threading.Event]:
    """Kill the primary, and let the block go on until another server has its place: then the event is set."""
    over = threading.Event()
    first = site.redis.kill_primary()

    def watch() -> None:
        site.redis.wait_for_failover(first)
        over.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    yield over
    watcher.join()
    first.start()
    eventually(site.redis.is_whole, what="the old primary to join", every=0.1)


def test_readings_are_stored_once_each(site: Site, own_mosquitto: Mosquitto) -> None:
    """Devices publish all the time; the bridge, the worker and the scheduler are never touched."""
    bridge = site.daemon("bridge", "qctl-mqtt-bridge", says="subscribed to", MQTT_BROKER=own_mosquitto.url)
    worker = site.daemon("worker", "qctl-worker", "sensor-data", says="takes jobs from")
    scheduler = site.daemon("scheduler", "qctl-scheduler", says="running schedules")
    database = site.folder / "home" / "qctl.db"
    sent = 0
    with ExitStack() as running:
        for daemon in (bridge, worker, scheduler):
            running.enter_context(daemon)
        device = running.enter_context(Device(own_mosquitto.port))
        for _ in range(2):
            sent = publish(device, sent, 150)
            eventually(lambda: stored(database), what="the first readings")
            with failing_over(site) as over:
                while not over.wait(0.05):
                    sent = publish(device, sent, 5)
            sent = publish(device, sent, 150)
        eventually(lambda: len(stored(database)) >= sent, what=f"{sent} readings")
        assert all(daemon.running for daemon in (bridge, worker, scheduler))
    assert stored(database) == Counter(range(sent))


def publish(device: Device, start: int, count: int) -> int:
    for n in range(start, start + count):
        device.publish("sensors/attic", json.dumps({"n": n, "timestamp": 1_700_000_000_000 + n}))
    return start + count


def stored(database: Path) -> Counter[int]:
    """Copies of each reading in the sink."""
    if not database.exists():
        return Counter()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        try:
            rows = db.execute("SELECT fields FROM readings").fetchall()
        except sqlite3.OperationalError:
            return Counter()
    return Counter(json.loads(fields)["n"] for (fields,) in rows)


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_every_job_ends_and_a_pause_holds(site: Site, client: Redis, isolation: str) -> None:
    ran = site.folder / "ran"
    workers = [
        qctl_worker(site.folder, site.redis.url, "work", "held", isolation=isolation, name=f"worker{n}")
        for n in range(2)
    ]
    ids: list[str] = []

    def create(queue: str) -> None:
        number = len(ids)
        job = NewJob(
            *(f"job-{number}", "mark", "support.jobs.mark", queue),
            {"path": str(ran), "value": number if queue == "work" else -1 - number},
            timeout=60,
        )
        again(lambda: enqueue.create(client, [job], actor="me", retry_seconds=0.0))
        ids.append(job.id)

    with ExitStack() as running:
        for worker in workers:
            running.enter_context(worker)
        again(lambda: pauses.pause(client, "held", actor="me"))
        for _ in range(20):
            create("held")
        for _ in range(50):
            create("work")
        with failing_over(site) as over:
            while not over.is_set():
                create("work")
        for _ in range(50):
            create("work")
        work = ids[20:]
        eventually(lambda: states(client, work) == {"finished": len(work)}, what="the end of all jobs", every=0.2)
        assert not [number for number in marks(ran) if number < 0]
        assert states(client, ids[:20]) == {"queued": 20}
        assert set(marks(ran)) == set(range(20, len(ids)))
        again(lambda: pauses.resume(client, "held", actor="me"))
        eventually(lambda: states(client, ids) == {"finished": len(ids)}, what="the held jobs", every=0.2)
        assert not client.hgetall(keys.claims("work"))
        assert all(worker.running for worker in workers)


def test_a_job_that_runs_through_a_failover_ends_once(site: Site, client: Redis) -> None:
    """Its claim was replicated, so the worker goes on with it, and writes its end to the new primary."""
    ran = site.folder / "ran"
    with qctl_worker(site.folder, site.redis.url, "work", name="worker") as worker:
        job = NewJob("long", "hold", "support.jobs.hold", "work", {"path": str(ran), "until": str(ran) + ".go"}, 120)
        again(lambda: enqueue.create(client, [job], actor="me", retry_seconds=0.0))
        eventually(lambda: marks(ran), what="the start of the job")
        eventually(lambda: states(client, ["long"]) == {"started": 1}, what="its state")
        again(lambda: client.wait(2, 1000))
        first = site.redis.kill_primary()
        site.redis.wait_for_failover(first)
        Path(str(ran) + ".go").touch()
        eventually(lambda: again(lambda: states(client, ["long"])) == {"finished": 1}, what="its end", every=0.2)
        assert worker.running
    assert marks(ran) == {1: 1}


def test_schedules_go_on(site: Site, client: Redis) -> None:
    scheduler = site.daemon("scheduler", "qctl-scheduler", says="running schedules", QCTL_SCHEDULE_STOCK_CHECK="off")
    with scheduler:
        eventually(lambda: len(schedules.list_all(client)) == 3, what="the schedules of the settings")
        before = {schedule.name for schedule in schedules.list_all(client)}
        again(lambda: client.wait(2, 1000))
        queue_job = NewJob("soon", "give", "support.jobs.give", "work", {}, timeout=60)
        first = site.redis.kill_primary()
        site.redis.wait_for_failover(first)
        again(lambda: enqueue.create(client, [queue_job], delay=1.0, actor="me", retry_seconds=0.0))
        eventually(lambda: again(lambda: client.lrange(keys.queue("work"), 0, -1)) == [b"soon"], what="the due job")
        assert {schedule.name for schedule in schedules.list_all(client)} == before
        assert scheduler.running


def test_stock_worker_with_a_pausable_queue_goes_on(site: Site, client: Redis) -> None:
    """`rq worker` finds the primary by RQ's own setting SENTINEL, and obeys pauses after a failover too."""
    host_ports = ", ".join(f"('127.0.0.1', {sentinel.port})" for sentinel in site.redis.sentinels)
    (site.folder / "rq_settings.py").write_text(
        f"SENTINEL = {{'INSTANCES': [{host_ports}], 'MASTER_NAME': '{SERVICE}', 'DB': 0,"
        " 'SOCKET_TIMEOUT': 5, 'CONNECTION_KWARGS': {}, 'SENTINEL_KWARGS': {}}\n"
    )
    command = [sys.executable, "-m", "rq.cli", "worker", "-c", "rq_settings", "--serializer", "json"]
    command += ["--queue-class", "qctl.PausableQueue", "work"]
    env = {"PYTHONPATH": f"{TESTS}:{site.folder}"}
    ran = site.folder / "ran"
    with Program("stock", command, site.folder, env=env, says="Listening on") as worker:
        for number in range(2):
            arguments = {"path": str(ran), "value": number}
            job = NewJob(f"job-{number}", "mark", "support.jobs.mark", "work", arguments, timeout=60)
            again(lambda job=job: enqueue.create(client, [job], actor="me", retry_seconds=0.0))  # type: ignore[misc]
            eventually(lambda number=number: marks(ran)[number] == 1, what="the job", every=0.1)  # type: ignore[misc]
            if number == 0:
                first = site.redis.kill_primary()
                site.redis.wait_for_failover(first)
                again(lambda: pauses.pause(client, "work", actor="me"))
                again(lambda: pauses.resume(client, "work", actor="me"))
        assert worker.running
