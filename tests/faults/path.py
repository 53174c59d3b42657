"""The whole way of the data, with two of everything that there may be two of, and a proxy before each server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from support import daemons
from support.batcher import Batcher
from support.daemons import Site
from support.databases import MariaDb
from support.network import Namespace
from support.process import Program
from support.proxy import Proxy
from support.servers import Mosquitto, RedisServer
from support.small_disk import SmallDisk
from support.stepping_clock import SteppingClock

QUEUES = ("sensor-data", "socket-data")

HALVES = ("left", "right")
"""Last levels of topics, by which two bridges share the work. With `$share` a broker does it, which mosquitto forgets
when it is restarted: what comes before a bridge has subscribed again is lost there (seen with 2.0.11)."""


class DataPath(Site):
    """Devices and clients -> broker, two bridges, two batchers -> Redis -> two workers -> SQLite and MariaDB.

    The servers run already. Used as a context manager the rest does too. Readings end in SQLite, where one that is
    there twice shows; messages in MariaDB. Only the thread that entered it may start anything. `shared`: the bridges
    have one subscription, else each has half of the topics. `redis_url`: where daemons find Redis without its proxy.
    """

    def __init__(
        self,
        folder: Path,
        redis: RedisServer,
        broker: Mosquitto,
        mysql: MariaDb,
        *,
        shared: bool = False,
        redis_url: str | None = None,
    ) -> None:
        super().__init__()
        self.folder = folder
        self._shared = shared
        self._redis_url = redis_url
        self.disks: dict[str, SmallDisk] = {}
        self.namespace: Namespace | None = None
        self.clock: SteppingClock | None = None
        self.objections: list[str] = []
        """Defects that a fault itself found."""
        self.notes: list[str] = []
        """Figures of a fault, for the reader."""
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.redis, self.broker, self.mysql = redis, broker, mysql
        self.to_redis, self.to_broker = Proxy(self.redis.port), Proxy(self.broker.port)
        self.to_mysql = Proxy(self.mysql.port)
        self.for_devices = Proxy(self.broker.port)
        self.bridges = [self._bridge(n) for n in (1, 2)]
        self.batchers = [self._batcher(n) for n in (1, 2)]
        self.for_clients = [Proxy(batcher.port) for batcher in self.batchers]
        self.workers = [daemons.worker(folder, f"worker{n}", QUEUES, self._env) for n in (1, 2)]
        self.scheduler = daemons.scheduler(folder, self._env)

    @property
    def _env(self) -> dict[str, str]:
        return {
            "QCTL_HOME": str(self.home),
            "REDIS_URL": self._redis_url or self.to_redis.redis_url,
            "MQTT_BROKER": f"mqtt://127.0.0.1:{self.to_broker.port}",
            "BATCH_SIZE_THRESHOLD": "500",
            "BATCH_CHECK_INTERVAL": "0.3",
            "QCTL_READINGS_FLUSH_INTERVAL": "0.3",
            "QCTL_REJECT_SAMPLES": "1000000",  # the books look for every rejected message
            "LOG_FORMAT": "text",
            **self.mysql.environ,
            "DB_PORT": str(self.to_mysql.port),
        }

    def _bridge(self, n: int) -> Program:
        topic = "$share/bridges/sensors/#" if self._shared else f"sensors/+/{HALVES[n - 1]}"
        return daemons.bridge(self.folder, f"bridge{n}", topic, self._env)

    def _batcher(self, n: int) -> Batcher:
        return Batcher(self.folder, self.to_redis.redis_url, name=f"batcher{n}", patient=False, **self._env)

    @property
    def daemons(self) -> list[Program]:
        """All of ours."""
        return [*self.bridges, *self.batchers, *self.workers, self.scheduler]

    @property
    def servers(self) -> list[Program]:
        """All that is not ours."""
        return [self.redis, self.broker, self.mysql]

    @property
    def parts(self) -> Sequence[Proxy]:
        """Proxies, which run before the daemons are started."""
        return self.proxies

    @property
    def proxies(self) -> list[Proxy]:
        """The proxies before the servers."""
        return [self.to_redis, self.to_broker, self.to_mysql, self.for_devices, *self.for_clients]

    def heal(self) -> None:
        """Everything is as it should be again, and up. Raises AssertionError where something is not, or has ended."""
        for proxy in self.proxies:
            proxy.heal()
        with self.redis.connect() as client:
            client.config_set("maxmemory", 0)
            client.execute_command("ACL", "SETUSER", "default", "+@all")
        for program in (*self.servers, *self.daemons):
            assert program.running, f"{program.name} has ended by itself\n{program.output[-3000:]}"
            program.wait_until_ready()
