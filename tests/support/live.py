"""A page that watches its user's jobs, with the official Socket.IO client: `live_client.js` beside this file."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from support.node import RECENT, executable, installed
from support.process import Program

SCRIPT = Path(__file__).with_name("live_client.js")


class LiveClient(Program):
    """A client of the gateway at `url` with a token. `options` are the client's own."""

    def __init__(
        self,
        folder: Path,
        url: str,
        token: str | None,
        *,
        name: str = "live",
        version: str = RECENT,
        **options: Any,
    ) -> None:
        defaults = {"reconnectionDelay": 100, "reconnectionDelayMax": 300, "randomizationFactor": 0}
        plan = {"url": url, "token": token, "version": version, "options": {**defaults, **options}}
        env = {"NODE_PATH": str(installed() / "node_modules")}
        super().__init__(name, [executable(), str(SCRIPT), json.dumps(plan)], folder, env=env)
        self.says = '"connect'

    def drop(self) -> None:
        """Break its connection, and have it stay away."""
        self.send(signal.SIGUSR2)

    def come_back(self) -> None:
        """Have it connect again."""
        self.send(signal.SIGUSR2)

    @property
    def told(self) -> list[dict[str, Any]]:
        """What it told so far: `what` is connect, disconnect, connect_error or event."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    def tells(self, what: str) -> list[dict[str, Any]]:
        """What it told of one kind."""
        return [each for each in self.told if each["what"] == what]

    def heard(self, job_id: str) -> list[str]:
        """The events about a job, in order; a change of status as `old>new`."""
        found = [each for each in self.tells("event") if each["content"].get("_id") == job_id]
        return [
            "{oldStatus}>{newStatus}".format(**each["content"])
            if each["name"] == "job:status:updated"
            else str(each["name"])
            for each in found
        ]
