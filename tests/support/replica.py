"""A replica of a Redis, without Sentinel."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

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
            eventually(lambda: self._is_online(client.info("replication")), what="the replica online", every=0.05)

    def _is_online(self, info: Mapping[str, Any]) -> bool:
        seen = [info[f"slave{n}"] for n in range(int(info["connected_slaves"]))]
        return any(replica["port"] == self.port and replica["state"] == "online" for replica in seen)
