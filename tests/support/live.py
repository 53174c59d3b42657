"""A client of live events, with the official Socket.IO client: see `live_client.js`."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from support.node import RECENT, executable, installed
from support.process import Program

SCRIPT = Path(__file__).with_name("live_client.js")


class LiveClient(Program):
    """A client of the gateway at `url`. `options`: those of the official client."""

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
        """Close the connection and do not reconnect."""
        self.send(signal.SIGUSR2)

    def reconnect(self) -> None:
        """Connect again."""
        self.send(signal.SIGUSR2)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Everything printed so far, with `what`: connect, disconnect, connect_error or event."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    def records_of(self, what: str) -> list[dict[str, Any]]:
        """The records of one kind."""
        return [record for record in self.records if record["what"] == what]

    def events_of(self, job_id: str) -> list[str]:
        """The events about a job, in order; a change of status as `old>new`."""
        events = [event for event in self.records_of("event") if event["content"].get("_id") == job_id]
        return [
            "{oldStatus}>{newStatus}".format(**event["content"])
            if event["name"] == "job:status:updated"
            else str(event["name"])
            for event in events
        ]
