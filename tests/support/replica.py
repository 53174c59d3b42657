"""A replica of a Redis, without Sentinel."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from support.servers import RedisServer
from support.waiting import eventually


class Replica(RedisServer):
    """A replica of `primary`. When it is started it is online."""

    def __init__(self, folder: Path, primary: RedisServer) -> None:
        self._primary = primary
        super().__init__(folder, "--replicaof", f"127.0.0.1 {primary.port}")

    def start(self) -> None:
        """Start it, and return when the primary sends it what is written."""
        super().start()
        with closing(self._primary.connect()) as client:
            client.config_set("repl-diskless-sync-delay", 0)
            eventually(lambda: client.info("replication")["connected_slaves"] and self._is_online(client), every=0.05)

    @staticmethod
    def _is_online(client: object) -> bool:
        return client.info("replication")["slave0"]["state"] == "online"  # type: ignore[attr-defined, no-any-return]
