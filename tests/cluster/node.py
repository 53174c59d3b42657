"""All programs of one host."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import redis

from cluster.network import Host
from support import daemons
from support.batcher import Batcher
from support.gateway import Gateway
from support.process import Program
from support.rabbit import Epmd, RabbitNode
from support.sentinel import SentinelServer
from support.servers import RedisServer
from support.workers import TESTS

QUEUES = ("sensor-data", "socket-data", "work", "held")

DOWN_AFTER_MS = 5000
"""As in `deploy/cluster/sentinel.conf`, as all that is said here of Redis and Sentinel."""

FAILOVER_TIMEOUT_MS = 8000

QUOTES = '""'
"""An empty value in redis.conf."""

REDIS_OPTIONS = {
    "protected-mode": "no",
    "repl-diskless-sync-delay": "0",
    "repl-timeout": "15",
    "min-replicas-to-write": "1",
    "min-replicas-max-lag": "10",
}


@dataclass(frozen=True)
class Servers:
    """Addresses that every host needs: of the first primary, and of all hosts."""

    primary: tuple[str, int]
    hosts: list[str]


class Node:
    """A host: Redis, Sentinel, a node of the broker, and after `add_daemons` qctl's daemons."""

    def __init__(self, host: Host, folder: Path, servers: Servers, number: int) -> None:
        self.host = host
        self.number = number
        self.folder = folder / f"host{number}"
        self.folder.mkdir()
        self.redis = self._redis(servers)
        self.sentinel = SentinelServer(
            self.folder,
            "sentinel",
            servers.primary,
            address=host.address,
            down_after_ms=DOWN_AFTER_MS,
            failover_timeout_ms=FAILOVER_TIMEOUT_MS,
        )
        self.epmd = Epmd(self.folder)
        self.broker = RabbitNode(self.folder, "broker", servers.hosts, address=host.address)
        self.daemons: list[Program] = []
        for server in (self.redis, self.sentinel, self.epmd, self.broker):
            self._move_in(server)

    def _redis(self, servers: Servers) -> RedisServer:
        """A server with a file of its own: Sentinel writes into it whose replica it is, and a restart obeys that."""
        address, port = servers.primary
        server = RedisServer(self.folder)
        program, *words = server.command
        given = dict(zip((word.removeprefix("--") for word in words[::2]), words[1::2], strict=True))
        options = {**given, **REDIS_OPTIONS, "port": str(port), "bind": self.host.address}
        if address != self.host.address:
            options["replicaof"] = f"{address} {port}"
        file = self.folder / "redis.conf"
        file.write_text("".join(f"{name} {value or QUOTES}\n" for name, value in options.items()))
        server.port = port
        server.command = [program, str(file)]
        return server

    def _move_in(self, program: Program) -> None:
        """Let a program run on this host."""
        program.command = [*self.host.prefix, *program.command]

    def add_daemons(self, brokers: list[str], env: Mapping[str, str]) -> None:
        """Add the daemons. The bridge of this host takes its own topics, from its own broker while that is there."""
        number, address, url = self.number, self.host.address, env["REDIS_URL"]
        near_first = [*brokers[number - 1 :], *brokers[: number - 1]]
        env = {**env, "MQTT_BROKER": ",".join(near_first), "PYTHONPATH": str(TESTS)}
        bridge = daemons.bridge(self.folder, f"bridge{number}", f"sensors/{number}/#", env)
        self.batcher = Batcher(self.folder, url, address=address, **env)
        self.gateway = Gateway(self.folder, url, address=address, **env)
        worker = daemons.worker(self.folder, "worker", QUEUES, env)
        self.daemons = [bridge, self.batcher, worker, daemons.scheduler(self.folder, env), self.gateway]
        for daemon in self.daemons:
            self._move_in(daemon)

    @property
    def programs(self) -> list[Program]:
        """Every program, servers first."""
        return [self.redis, self.sentinel, self.epmd, self.broker, *self.daemons]

    def power_off(self) -> None:
        """Kill everything, with the cable pulled first: nobody hears a goodbye."""
        self.host.cut()
        for program in self.programs:
            program.send(signal.SIGKILL)
        for program in self.programs:
            program.wait()

    def power_on(self) -> None:
        """Start everything again, as an init system would: in no order, and without waiting."""
        self.host.join()
        for program in self.programs:
            program.launch()

    def repair(self) -> None:
        """Plug in, wake and start what a fault stopped. Raises AssertionError if a program ended by itself."""
        self.host.join()
        self.host.lose_nothing()
        for program in self.programs:
            if program.running:
                program.thaw()
                continue
            code = program.wait()
            assert code == -signal.SIGKILL, f"{program.name} ended by itself with {code}\n{program.output[-3000:]}"
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
