"""A cluster of RabbitMQ: MQTT 3.1.1, each session a quorum queue that all nodes keep (Raft)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from support.process import Program, accepts, free_port
from support.servers import MissingServerError

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""The program itself: Debian's /usr/sbin/rabbitmq-server changes the user."""

COOKIE = "qctl-test-cluster"

NET_TICK_SECONDS = 8
"""Seconds after which a node that says nothing is taken for dead, as in `deploy/cluster/rabbitmq.config`."""


class Epmd(Program):
    """Erlang's port mapper of one host. A node starts one of its own otherwise, which would outlive the tests."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("epmd")
        if program is None:
            raise MissingServerError("epmd is not installed: apt-get install rabbitmq-server")
        super().__init__("epmd", [program, "-relaxed_command_check"], folder)

    def ready(self) -> bool:
        """True: nodes try again until it listens."""
        return True


class RabbitNode(Program):
    """A node on the host `address`, whose network it has alone. `hosts` are the addresses of all nodes."""

    def __init__(self, folder: Path, name: str, hosts: Sequence[str], *, address: str) -> None:
        if not Path(SERVER).exists():
            raise MissingServerError("rabbitmq-server is not installed: apt-get install rabbitmq-server")
        self.address, self.port = address, free_port()
        place = folder / name
        place.mkdir()
        (place / "enabled_plugins").write_text("[rabbitmq_mqtt].\n")
        nodes = "".join(
            f"cluster_formation.classic_config.nodes.{n} = rabbit@{host}\n" for n, host in enumerate(hosts, 1)
        )
        (place / "rabbitmq.conf").write_text(
            f"listeners.tcp = none\nmqtt.listeners.tcp.1 = {address}:{self.port}\nmqtt.allow_anonymous = true\n"
            "mqtt.durable_queue_type = quorum\nmqtt.prefetch = 200\nloopback_users = none\n"
            "cluster_formation.peer_discovery_backend = classic_config\ncluster_partition_handling = pause_minority\n"
            "cluster_formation.discovery_retry_limit = 100\ncluster_formation.discovery_retry_interval = 500\n"
            f"log.console = true\nlog.console.level = info\nlog.file = false\n{nodes}"
        )
        (place / ".erlang.cookie").write_text(COOKIE)
        (place / ".erlang.cookie").chmod(0o400)
        (place / "inetrc").write_text("{lookup, [file]}.\n")  # nobody answers questions about names there
        env = {
            "HOME": str(place),
            "ERL_INETRC": str(place / "inetrc"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, and is not its parent
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODENAME": f"rabbit@{address}",
            "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(place / "none.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(place),
            "RABBITMQ_LOG_BASE": str(place),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(place / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(place / "schema"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(place / "feature_flags"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-kernel net_ticktime {NET_TICK_SECONDS} "
            "+sbwt none +sbwtdcpu none +sbwtdio none +S 2:2",
        }
        super().__init__(name, [SERVER], folder, env)

    @property
    def url(self) -> str:
        """Its URL for MQTT."""
        return f"mqtt://{self.address}:{self.port}"

    def ready(self) -> bool:
        """True if it takes devices."""
        return accepts(self.port, self.address)
