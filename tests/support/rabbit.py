"""A cluster of RabbitMQ by the files of deploy/cluster: MQTT 3.1.1, each session a queue that all nodes keep (Raft)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from support.process import Program, accepts
from support.servers import MissingServerError

CLUSTER = Path(__file__).parents[2] / "deploy" / "cluster"

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""The program itself: Debian's /usr/sbin/rabbitmq-server changes the user."""

PORT = 1883

EASY_ON_THE_MACHINE = "+sbwt none +sbwtdcpu none +sbwtdio none +S 2:2"
"""Options of Erlang: no thread spins while it waits."""


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
    """A node on the host `address`, whose network it has alone. `hosts` are the addresses of all nodes, one to three.

    With `strangers` devices need no password.
    """

    def __init__(self, folder: Path, name: str, hosts: Sequence[str], *, address: str, strangers: bool = True) -> None:
        if not Path(SERVER).exists():
            raise MissingServerError("rabbitmq-server is not installed: apt-get install rabbitmq-server")
        self.address, self.port = address, PORT
        place = folder / name
        place.mkdir()
        text = (CLUSTER / "rabbitmq.conf").read_text().replace("tcp.1 = 10.0.0.1", f"tcp.1 = {address}")
        for n, host in enumerate(hosts, 1):
            text = text.replace(f"rabbit@10.0.0.{n}\n", f"rabbit@{host}\n")
        text = re.sub(r".*rabbit@10\.0\.0\..*\n", "", text)  # nodes that are not there
        text = text.replace("/etc/rabbitmq/definitions.json", str(CLUSTER / "rabbitmq-definitions.json"))
        if strangers:
            text = re.sub(r"load_definitions = .*\n", "", text).replace(
                "allow_anonymous = false", "allow_anonymous = true"
            )
            text += "loopback_users = none\n"
        (place / "rabbitmq.conf").write_text(f"{text}log.console = true\nlog.file = false\n")
        (place / ".erlang.cookie").write_text("qctl-test-cluster")
        (place / ".erlang.cookie").chmod(0o400)
        (place / "inetrc").write_text("{lookup, [file]}.\n")  # nobody answers questions about names there
        env = {
            "HOME": str(place),
            "ERL_INETRC": str(place / "inetrc"),
            "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, and is not its parent
            "RABBITMQ_USE_LONGNAME": "true",
            "RABBITMQ_NODENAME": f"rabbit@{address}",
            "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(CLUSTER / "rabbitmq-advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(place),
            "RABBITMQ_LOG_BASE": str(place),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(place / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(place / "schema"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(place / "feature_flags"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": EASY_ON_THE_MACHINE,
        }
        shutil.copyfile(CLUSTER / "rabbitmq-plugins", place / "enabled_plugins")
        super().__init__(name, [SERVER], folder, env)

    @property
    def url(self) -> str:
        """Its URL for MQTT."""
        return f"mqtt://{self.address}:{self.port}"

    def ready(self) -> bool:
        """True if it takes devices."""
        return accepts(self.port, self.address)
