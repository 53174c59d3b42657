"""Three MariaDB with Galera on one machine, each at an address of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pymysql

from support.databases import MariaDb
from support.process import free_port
from support.servers import MissingServerError
from support.waiting import eventually

PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")

ADDRESSES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")

NOBODY = 65534
"""User and group of all nodes if root runs the tests: rsync, which copies the data to a new node, gives up root."""


class GaleraNode(MariaDb):
    """A node. `group` are the ports by which the nodes reach each other, the first node's first."""

    is_shared = True

    def __init__(self, folder: Path, number: int, port: int, group: tuple[int, ...]) -> None:
        address = ADDRESSES[number]
        peers = ",".join(f"{each}:{peer}" for each, peer in zip(ADDRESSES, group, strict=True))
        provider = f"gmcast.listen_addr=tcp://{address}:{group[number]};ist.recv_addr={address}:{free_port()}"
        super().__init__(
            folder,
            "--wsrep-on=ON",
            f"--wsrep-provider={PROVIDER}",
            "--wsrep-cluster-name=qctl",
            f"--wsrep-cluster-address=gcomm://{peers}",
            f"--wsrep-node-address={address}",
            f"--wsrep-provider-options={provider};gcache.size=8M;evs.suspect_timeout=PT3S",
            "--wsrep-sst-method=rsync",
            f"--wsrep-sst-receive-address={address}:{free_port()}",
            "--wsrep-sync-wait=7",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            host=address,
            port=port,
        )
        if os.geteuid() == 0:
            ids = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--pdeathsig", "KILL")
            self.command = ["setpriv", *ids, "--", *self.command]

    def prepare(self) -> None:
        """Make its files, of the user that it runs as."""
        self._make_files()
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)

    def ready(self) -> bool:
        """True if it is in step with the others and takes writes."""
        return super().ready() and self.status("wsrep_ready") == "ON"

    def status(self, name: str) -> str:
        """A variable of its status, empty as long as it answers nothing."""
        try:
            rows = self.run(f"SHOW STATUS LIKE '{name}'")
        except pymysql.err.MySQLError:
            self._root = None
            return ""
        return str(rows[0][1]) if rows else ""


@contextmanager
def galera() -> Iterator[list[GaleraNode]]:
    """A cluster of three nodes, started. Raises MissingServerError if one cannot be made here."""
    if not (PROVIDER.exists() and shutil.which("wsrep_sst_rsync") and shutil.which("rsync")):
        raise MissingServerError("Galera is not installed: apt-get install mariadb-server galera-4 rsync")
    port = free_port()
    group = tuple(free_port() for _ in ADDRESSES)
    with tempfile.TemporaryDirectory(prefix="qctl-galera-") as own, ExitStack() as running:
        Path(own).chmod(0o755)
        nodes = []
        for number in range(len(ADDRESSES)):
            folder = Path(own) / f"node{number}"
            folder.mkdir()
            nodes.append(GaleraNode(folder, number, port, group))
            running.callback(nodes[-1].end)
            nodes[-1].prepare()
        first, *others = nodes
        first.command.append("--wsrep-new-cluster")
        first.start()
        first.command.remove("--wsrep-new-cluster")
        for node in others:
            node.launch()
        for node in others:
            node.wait_until_ready()
        eventually(lambda: first.status("wsrep_cluster_size") == str(len(nodes)), what="a cluster of all nodes")
        yield nodes
