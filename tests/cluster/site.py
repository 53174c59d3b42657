"""A site on three hosts: each with Redis, Sentinel, a bridge, a worker and a scheduler. Broker and clients are on a
fourth."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType

import redis

from cluster.network import Host, Network
from qctl.settings import Settings
from support.process import Program
from support.sentinel import SERVICE, SentinelServer
from support.servers import Mosquitto, RedisServer
from support.waiting import eventually
from support.workers import TESTS

BIN = Path(sys.executable).parent

QUEUES = ("sensor-data", "work", "held")


class Node:
    """All programs of one host."""

    def __init__(self, host: Host, redis_server: RedisServer, sentinel: SentinelServer, daemons: list[Program]) -> None:
        self.host = host
        self.redis = redis_server
        self.sentinel = sentinel
        self.daemons = daemons

    @property
    def programs(self) -> list[Program]:
        """Every program, servers first."""
        return [self.redis, self.sentinel, *self.daemons]

    def power_off(self) -> None:
        """Kill everything, with the cable pulled first: nobody hears a goodbye."""
        self.host.cut()
        for program in self.programs:
            program.kill()

    def power_on(self) -> None:
        """Start everything again, as an init system would: in no order, and without waiting."""
        self.host.join()
        for program in self.programs:
            program.launch()

    def role(self) -> str:
        """The role of its Redis, asked past the network; empty if it does not answer."""
        if not self.redis.running:
            return ""
        with closing(redis.Redis(unix_socket_path=str(self.redis.socket), socket_timeout=1, protocol=2)) as client:
            try:
                return str(client.info("replication")["role"])
            except redis.RedisError:
                return ""


class ClusterSite:
    """The site. Used as a context manager it runs. `replicas` is QCTL_REDIS_REPLICAS."""

    def __init__(self, network: Network, folder: Path, *, replicas: int) -> None:
        self.network = network
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(mode=0o700)
        place = folder / "broker"
        place.mkdir()
        self.broker = Mosquitto(place, stand_in=False, address=network.address)
        self._servers = [self._redis(host) for host in network.hosts]
        self._sentinels = [self._sentinel(host) for host in network.hosts]
        self.env = {
            "REDIS_URL": self.url,
            "QCTL_REDIS_REPLICAS": str(replicas),
            "QCTL_HOME": str(self.home),
            "MQTT_BROKER": self.broker.url,
            "QCTL_READINGS_FLUSH_INTERVAL": "0.2",
            "QCTL_ALLOWED_JOBS": "support.jobs.*",
            "LOG_FORMAT": "text",
        }
        self.settings = Settings.load(environ=self.env, dotenv=folder / "no.env")
        self.nodes = [
            Node(host, server, sentinel, self._daemons(host))
            for host, server, sentinel in zip(network.hosts, self._servers, self._sentinels, strict=True)
        ]
        self._running = ExitStack()

    @property
    def url(self) -> str:
        """The URL of all Sentinels."""
        hosts = ",".join(f"{s.address}:{s.port}" for s in self._sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    def _redis(self, host: Host) -> RedisServer:
        place = self.folder / host.name
        place.mkdir()
        first = self.network.hosts[0]
        role = () if host is first else ("--replicaof", f"{first.address} {self._servers_port}")
        server = RedisServer(place, *role, "--protected-mode", "no", "--repl-diskless-sync-delay", "0")
        if host is first:
            self._servers_port = server.port
        server.command = [*host.prefix, *server.command, "--bind", host.address, "--repl-timeout", "10"]
        return server

    def _sentinel(self, host: Host) -> SentinelServer:
        first = (self.network.hosts[0].address, self._servers_port)
        sentinel = SentinelServer(self.folder / host.name, "sentinel", first, address=host.address, down_after_ms=2000)
        sentinel.command = [*host.prefix, *sentinel.command]
        return sentinel

    def _daemons(self, host: Host) -> list[Program]:
        number = host.name.rpartition("-")[2]
        mqtt = {"MQTT_CLIENT_ID": f"bridge-{number}", "MQTT_TOPIC": f"sensors/{number}/#"}
        return [
            self._daemon(host, "bridge", "qctl-mqtt-bridge", says="subscribed to", **mqtt),
            self._daemon(host, "worker", "qctl-worker", *QUEUES, says="takes jobs from"),
            self._daemon(host, "scheduler", "qctl-scheduler", says="running schedules"),
        ]

    def _daemon(self, host: Host, name: str, program: str, *words: str, says: str, **env: str) -> Program:
        command = [*host.prefix, str(BIN / program), *words]
        env = {**self.env, "PYTHONPATH": str(TESTS), **env}
        return Program(name, command, self.folder / host.name, env=env, says=says)

    def primary(self) -> Node:
        """The host whose Redis most Sentinels take for the primary, and that says so itself."""

        def find() -> Node | None:
            names: list[str] = []
            for node in self.nodes:
                try:
                    names.append(str(node.sentinel.state()["ip"]))
                except redis.RedisError:
                    continue
            chosen = [node for node in self.nodes if names.count(node.host.address) > len(self.nodes) / 2]
            return chosen[0] if chosen and chosen[0].role() == "master" else None

        return eventually(find, what="an agreed primary", every=0.1)

    def _all_know_each_other(self) -> bool:
        """True if every Sentinel knows both others, and both replicas: one that it has not found yet would be left with
        a dead primary by a failover."""
        try:
            states = [node.sentinel.state() for node in self.nodes]
        except redis.RedisError:
            return False
        return all(state["num-other-sentinels"] == 2 and state["num-slaves"] == 2 for state in states)

    def is_whole(self) -> bool:
        """True if everything runs, all Sentinels know all, and both replicas are in step."""
        if not all(program.running for node in self.nodes for program in node.programs):
            return False
        roles = sorted(node.role() for node in self.nodes)
        if roles != ["master", "slave", "slave"] or not self._all_know_each_other():
            return False
        with closing(self.primary().redis.connect()) as client:
            info = client.info("replication")
        count = int(info["connected_slaves"])
        return count == 2 and all(info[f"slave{n}"]["state"] == "online" for n in range(count))

    def heal(self) -> None:
        """Plug in, wake and start everything, and wait until the site is whole."""
        for node in self.nodes:
            node.host.join()
            node.host.lose_nothing()
            for program in node.programs:
                if program.running:
                    program.thaw()
                else:
                    program.launch()
        eventually(self.is_whole, what="a whole site", every=0.2)
        for node in self.nodes:
            for program in node.programs:
                program.wait_until_ready()

    def tails(self) -> str:
        """The last lines of all logs, for whoever reads a failure."""
        programs = [(node.host.name, program) for node in self.nodes for program in node.programs]
        return "\n".join(f"--- {host} {program.name}\n{program.output[-1500:]}" for host, program in programs)

    def __enter__(self) -> ClusterSite:
        try:
            self._running.enter_context(self.broker)
            for node in self.nodes:
                for program in node.programs:
                    self._running.callback(program.end)
                    program.launch()
            self.heal()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()
