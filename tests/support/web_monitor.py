"""`qctl monitor --web` as a process, and the requests of a browser."""

from __future__ import annotations

import http.client
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from support.process import Program
from support.waiting import PATIENCE_SECONDS
from support.web_terminal import TerminalSession

QCTL = str(Path(sys.executable).with_name("qctl"))


class WebMonitor(Program):
    """`qctl monitor --web` on a free port."""

    def __init__(self, folder: Path, redis: str, *options: str) -> None:
        command = [QCTL, "monitor", "--web", "--port", "0", *options]
        super().__init__("web", command, folder, {"REDIS_URL": redis}, says="?token=")

    @property
    def url(self) -> str:
        """The address that it prints."""
        return next(line for line in self.output.splitlines() if "?token=" in line)

    @property
    def host(self) -> str:
        """Host and port of the address."""
        return urlsplit(self.url).netloc

    @property
    def socket_url(self) -> str:
        """The address of the web socket."""
        return f"ws://{self.host}/socket"

    @property
    def token(self) -> str:
        """The path with the token."""
        return f"/?{urlsplit(self.url).query}"

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """Request a page and read it."""
        client = http.client.HTTPConnection(self.host, timeout=PATIENCE_SECONDS)
        try:
            client.request("GET", path, headers=headers)
            answer = client.getresponse()
            answer.text = answer.read().decode()  # type: ignore[attr-defined]
            return answer
        finally:
            client.close()

    def cookie(self) -> str:
        """Exchange the token for the cookie."""
        return str(self.get(self.token).headers["Set-Cookie"]).partition(";")[0]

    def open(self) -> TerminalSession:
        """Open a session, as a browser with the printed address does."""
        return TerminalSession(self.socket_url, origin=f"http://{self.host}", cookie=self.cookie())

    def processes(self) -> list[psutil.Process]:
        """The processes of all sessions."""
        return psutil.Process(self.pid).children(recursive=True)
