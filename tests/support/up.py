"""`qctl up` as a process of its own, in a home of its own, on a free port, with small daemons."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from support.process import Program, free_port
from support.waiting import PATIENCE_SECONDS, eventually

TINY_STACK = Path(__file__).parents[1] / "stack" / "tiny_stack.py"

MakeUp = Callable[..., "Up"]


class Up(Program):
    """A `qctl up` with small daemons: by name, what they do. None: the real ones. `env` adds to the environment."""

    def __init__(self, folder: Path, daemons: dict[str, list[str]] | None, *options: str, **env: str) -> None:
        self.home = Path(env.get("QCTL_HOME") or folder / "a home")  # the space must not trouble anybody
        self.port = int(env.get("MQTT_PORT") or free_port())
        self.socket_port = int(env.get("PORT") or free_port())
        if daemons is None:
            command = [str(Path(sys.executable).with_name("qctl")), "up", *options]
        else:
            command = [sys.executable, str(TINY_STACK), json.dumps(daemons), *options]
        self.gateway_port = int(env.get("QCTL_GATEWAY_PORT") or free_port())
        here = {
            "QCTL_HOME": str(self.home),
            "MQTT_PORT": str(self.port),
            "PORT": str(self.socket_port),
            "QCTL_GATEWAY_PORT": str(self.gateway_port),
        }
        super().__init__("up", command, folder, {**here, **env}, says="qctl is up")

    def begin(self) -> None:
        """Start it without waiting until it is up."""
        self.says = ""
        self.start()

    def wait_for(self, text: str) -> None:
        """Wait until it has printed a text: lines of the banner follow the one that says it is up."""
        eventually(lambda: text in self.output, what=repr(text))

    @property
    def diary(self) -> list[str]:
        """Notes of the daemons: lines of `NAME what`."""
        file = self.home / "diary"
        return file.read_text().splitlines() if file.exists() else []

    def pids(self, name: str) -> list[int]:
        """The pids that a program has had, oldest first."""
        return [int(pid) for pid in re.findall(rf"\| {name} started \(pid (\d+)\)", self.output)]

    def new_pid(self, name: str, old: int) -> int:
        """Wait until the program runs as another process than `old`."""
        return eventually(lambda: next((p for p in self.pids(name)[-1:] if p != old), 0), what=f"restart of {name}")

    def family(self) -> list[psutil.Process]:
        """All processes that it started and that live."""
        return psutil.Process(self.pid).children(recursive=True)


def gone(family: list[psutil.Process], seconds: float = PATIENCE_SECONDS) -> bool:
    """True if these processes all end within this time. A zombie counts as ended."""
    return bool(eventually(lambda: not any(map(_lives, family)), seconds, "end of all"))


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
