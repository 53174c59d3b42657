"""A cluster of three nats-server: MQTT 3.1.1 with sessions and messages that JetStream keeps on all of them."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from support.process import Program, free_port
from support.servers import MissingServerError

NODES = 3


class NatsNode(Program):
    """A node on 127.0.0.1 with its own files. `routes` are the ports by which the nodes reach each other."""

    def __init__(self, folder: Path, name: str, route: int, routes: list[int]) -> None:
        program = shutil.which("nats-server", path="/usr/sbin:/usr/bin:/usr/local/bin")
        if program is None:
            raise MissingServerError("nats-server is not installed: apt-get install nats-server")
        self.port = free_port()
        self._monitoring = free_port()
        config = folder / f"{name}.conf"
        peers = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
        config.write_text(
            f"host: 127.0.0.1\nport: {free_port()}\nhttp: 127.0.0.1:{self._monitoring}\nserver_name: {name}\n"
            f'jetstream {{ store_dir: "{folder / name}" }}\n'
            f"cluster {{ name: site, host: 127.0.0.1, port: {route}, routes: [{peers}] }}\n"
            f'mqtt {{ host: 127.0.0.1, port: {self.port}, ack_wait: "2s", max_ack_pending: 200 }}\n'
        )
        super().__init__(name, [program, "-c", str(config)], folder)

    @property
    def url(self) -> str:
        """Its URL for MQTT."""
        return f"mqtt://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """True if it is one of a cluster that has a leader and takes messages."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._monitoring}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def cluster(folder: Path) -> Iterator[list[NatsNode]]:
    """Three nodes of one cluster, started."""
    routes = [free_port() for _ in range(NODES)]
    nodes = [NatsNode(folder, f"node{n}", route, routes) for n, route in enumerate(routes)]
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.end)
            node.launch()
        for node in nodes:
            node.wait_until_ready()
        yield nodes
