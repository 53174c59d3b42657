"""Sites of qctl's daemons beside their servers: what starts and ends them is the same, whatever they are tried for."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from support.process import Program

BIN = Path(sys.executable).parent

SiteT = TypeVar("SiteT", bound="Site")


def bridge(folder: Path, name: str, topic: str, env: Mapping[str, str]) -> Program:
    """A bridge that subscribes to `topic` under a client id of its own."""
    own = {"MQTT_CLIENT_ID": name, "MQTT_TOPIC": topic}
    return Program(name, [str(BIN / "qctl-mqtt-bridge")], folder, env={**env, **own}, says="subscribed to")


def worker(folder: Path, name: str, queues: Sequence[str], env: Mapping[str, str]) -> Program:
    """A worker of these queues."""
    return Program(name, [str(BIN / "qctl-worker"), *queues], folder, env=env, says="takes jobs from")


def scheduler(folder: Path, env: Mapping[str, str]) -> Program:
    """A scheduler."""
    return Program("scheduler", [str(BIN / "qctl-scheduler")], folder, env=env, says="running schedules")


class Site:
    """Programs that run as long as the site is entered. `parts` are entered before them, and left after them."""

    LOG_BYTES = 1500
    """Length of the end of each log in `tails`."""

    def __init__(self) -> None:
        self._running = ExitStack()

    @property
    @abstractmethod
    def daemons(self) -> Sequence[Program]:
        """All programs that the site starts and ends itself."""

    @property
    @abstractmethod
    def parts(self) -> Sequence[AbstractContextManager[object]]:
        """Servers and proxies that run before the programs are started."""

    @abstractmethod
    def heal(self) -> None:
        """Repair everything, and wait until all works."""

    def tails(self) -> str:
        """The last lines of all logs, for the reader of a failure."""
        return self.tails_of(self.daemons)

    def tails_of(self, programs: Sequence[Program]) -> str:
        """The last lines of these programs' logs."""
        return "\n".join(f"--- {each.folder.name}/{each.name}\n{each.output[-self.LOG_BYTES :]}" for each in programs)

    def __enter__(self: SiteT) -> SiteT:
        try:
            for part in self.parts:
                self._running.enter_context(part)
            for daemon in self.daemons:
                self._running.callback(daemon.end)
                daemon.launch()
            self.heal()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()
