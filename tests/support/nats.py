"""A cluster of three nats-server: MQTT 3.1.1 with sessions and messages that JetStream keeps on all of them."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.process import Program, free_port
from support.servers import MissingServerError

NODES = 3


class NatsNode(Program):
    """A node on `address` with its own files. `routes` are the addresses by which the nodes reach each other, `route`
    is its own port among them."""

    def __init__(
        self, folder: Path, name: str, route: int, routes: Sequence[str], *, address: str = "127.0.0.1"
    ) -> None:
        program = shutil.which("nats-server", path="/usr/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            raise MissingServerError("nats-server is not installed: apt-get install nats-server")
        self.address, self.port = address, free_port()
        self._monitoring = f"{address}:{free_port()}"
        config = folder / f"{name}.conf"
        peers = ", ".join(f'"nats://{peer}"' for peer in routes)
        config.write_text(
            f"host: {address}\nport: {free_port()}\nhttp: {self._monitoring}\nserver_name: {name}\n"
            f'jetstream {{ store_dir: "{folder / name}" }}\n'
            f"cluster {{ name: site, host: {address}, port: {route}, routes: [{peers}] }}\n"
            f'mqtt {{ host: {address}, port: {self.port}, ack_wait: "2s", max_ack_pending: 200 }}\n'
        )
        super().__init__(name, [program, "-c", str(config)], folder)

    @property
    def url(self) -> str:
        """Its URL for MQTT."""
        return f"mqtt://{self.address}:{self.port}"

    def ready(self) -> bool:
        """True if it is one of a cluster that has a leader. Whether each consumer is up to date is not asked: 2.9.10
        reports those of retained messages as behind for ever, once their first node was killed."""
        try:
            with urllib.request.urlopen(f"http://{self._monitoring}/healthz?js-server-only=true", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def cluster(folder: Path) -> Iterator[list[NatsNode]]:
    """Three nodes of one cluster, started."""
    ports = [free_port() for _ in range(NODES)]
    routes = [f"127.0.0.1:{port}" for port in ports]
    nodes = [NatsNode(folder, f"node{n}", port, routes) for n, port in enumerate(ports)]
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.end)
            node.launch()
        for node in nodes:
            node.wait_until_ready()
        yield nodes
