"""The official Socket.IO client, from npm, as a process: `official_client.js` beside this file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from support.process import Program
from support.servers import MissingServerError

SCRIPT = Path(__file__).with_name("official_client.js")

RECENT, OLD = "4.8.4", "4.5.1"
"""Versions of socket.io-client: one of today, and one that does not catch what it throws at a packet that is none."""


class OfficialClient(Program):
    """A client that sends `count` messages, one every `every` milliseconds, and ends when all are out.

    `style` is how: `silent` asks for no answer; `callback`, `timeout`, `promise` and `retries` are the ways that the
    documentation shows. Further `options` are the client's own.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        prefix: str,
        count: int,
        *,
        style: str = "silent",
        every: int = 1,
        version: str = RECENT,
        **options: Any,
    ) -> None:
        plan = {"url": url, "prefix": prefix, "count": count, "style": style, "every": every, "version": version}
        defaults = {"reconnectionDelay": 100, "reconnectionDelayMax": 300}
        command = [executable(), str(SCRIPT), json.dumps({**plan, "options": {**defaults, **options}})]
        super().__init__(f"client-{prefix}", command, folder, env={"NODE_PATH": str(installed() / "node_modules")})
        self.says = '"connect"'

    @property
    def reports(self) -> list[dict[str, Any]]:
        """Its reports so far: `what` is connect, disconnect, answer or done."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    def tells(self, what: str) -> list[dict[str, Any]]:
        """Its reports of one kind."""
        return [each for each in self.reports if each["what"] == what]


def executable() -> str:
    """Path of node. Raises MissingServerError."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise MissingServerError("node and npm are not installed: apt-get install nodejs npm")
    return node


AXIOS = "1.7.9"
"""Version of axios, the HTTP client of several replaced systems' pages."""


@cache
def installed() -> Path:
    """A folder with both versions of the client and axios, kept between runs. Raises MissingServerError where npm
    fails."""
    executable()
    folder = Path(tempfile.gettempdir()) / f"qctl-socket.io-client-{RECENT}-{OLD}-axios-{AXIOS}-{os.getuid()}"
    if not folder.is_dir():
        fresh = Path(tempfile.mkdtemp(prefix="qctl-npm-"))
        packages = [f"v{version}@npm:socket.io-client@{version}" for version in (RECENT, OLD)] + [f"axios@{AXIOS}"]
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(fresh), *packages]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            shutil.rmtree(fresh)
            raise MissingServerError(f"npm cannot install socket.io-client: {done.stdout[-300:]}")
        try:
            fresh.rename(folder)
        except OSError:  # another test process was faster
            shutil.rmtree(fresh)
    return folder
