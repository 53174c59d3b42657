"""A site on three hosts, each with everything but the databases, which are on a fourth, as devices and clients are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import redis

from cluster.network import Network
from cluster.node import Node, Servers
from qctl.settings import Settings
from support.daemons import Site
from support.databases import MariaDb
from support.gateway import SECRET
from support.process import Program, free_port
from support.sentinel import SERVICE
from support.waiting import eventually

HEALING_SECONDS = 240.0
"""Time in which a site is whole again. A node of RabbitMQ 3.10 that starts while no other is ready waits for 100 s."""

READINGS_TOKEN = "Rq3-8vXw_1KfT0bNcY7uLr5HdPm2GsEj"


class ClusterSite(Site):
    """The site. Used as a context manager it runs. `replicas` is QCTL_REDIS_REPLICAS."""

    LOG_BYTES = 1500

    def __init__(self, network: Network, folder: Path, *, replicas: int) -> None:
        super().__init__()
        self.network = network
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(mode=0o700)
        place = folder / "mysql"
        place.mkdir()
        self.mysql = MariaDb(place, host=network.address)
        servers = Servers((network.hosts[0].address, free_port()), [host.address for host in network.hosts])
        self.nodes = [Node(host, folder, servers, number) for number, host in enumerate(network.hosts, 1)]
        self.env = {
            "REDIS_URL": self.url,
            "QCTL_REDIS_REPLICAS": str(replicas),
            "QCTL_HOME": str(self.home),
            "QCTL_READINGS_FLUSH_INTERVAL": "0.2",
            "QCTL_ALLOWED_JOBS": "support.jobs.*",
            "QCTL_GATEWAY_SECRET": SECRET,
            "QCTL_READINGS_TOKEN": READINGS_TOKEN,
            "LOG_FORMAT": "text",
            **self.mysql.environ,
        }
        self.settings = Settings.load(environ=self.env, dotenv=folder / "no.env")
        for node in self.nodes:
            node.add_daemons([each.broker.url for each in self.nodes], self.env)

    @property
    def url(self) -> str:
        """The URL of all Sentinels."""
        hosts = ",".join(f"{node.sentinel.address}:{node.sentinel.port}" for node in self.nodes)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    @property
    def programs(self) -> Sequence[Program]:
        """Every program of every host."""
        return [program for node in self.nodes for program in node.programs]

    @property
    def parts(self) -> Sequence[Program]:
        """Servers that are up before everything else: the database, and the nodes of the broker, which form their
        cluster one after the other. A session would be kept by those alone that were there when it began."""
        return [self.mysql, *(part for node in self.nodes for part in (node.epmd, node.broker))]

    @property
    def daemons(self) -> Sequence[Program]:
        """All other programs of all hosts."""
        return [program for program in self.programs if program not in self.parts]

    def tails(self) -> str:
        """The last lines of all logs."""
        return self.tails_of(self.programs)

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

    def others(self, than: Node) -> list[Node]:
        """All hosts but one."""
        return [node for node in self.nodes if node is not than]

    def _all_know_each_other(self) -> bool:
        """True if every Sentinel knows both others, and both replicas: one that it has not found yet would be left with
        a dead primary by a failover."""
        try:
            states = [node.sentinel.state() for node in self.nodes]
        except redis.RedisError:
            return False
        return all(state["num-other-sentinels"] == 2 and state["num-slaves"] == 2 for state in states)

    def is_whole(self) -> bool:
        """True if everything runs, all Sentinels know all, both replicas are in step, and all brokers take devices."""
        if not all(program.running for program in self.programs) or not all(node.broker.ready() for node in self.nodes):
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
            node.repair()
        eventually(self.is_whole, HEALING_SECONDS, what="a whole site", every=0.2)
        for program in self.programs:
            program.wait_until_ready()
