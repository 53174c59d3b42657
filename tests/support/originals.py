"""`qctl up` with the documented `.env` of a replaced system, and one line more that names its profile."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.gateway import PASSWORD, Client
from support.process import Program, accepts, free_port

DOCUMENTED = Path(__file__).parents[1] / "originals" / "env"

BIN = Path(sys.executable).parent


class Original(Program):
    """`qctl up` in a folder with the documented `.env` of a profile.

    `addresses` replaces values in it: the servers of a test have ports of their own. `more` are lines after it.
    """

    def __init__(self, folder: Path, profile: str, addresses: Mapping[str, str], **more: str) -> None:
        self.home = folder / "home"
        self.port = free_port()
        text = (DOCUMENTED / f"{profile}.env").read_text()
        for name, value in {"PORT": str(self.port), **addresses}.items():
            text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            text += "" if count else f"{name}={value}\n"
        text += "".join(f"{name}={value}\n" for name, value in more.items())
        (folder / ".env").touch(0o600)
        (folder / ".env").write_text(text)
        super().__init__("up", [str(BIN / "qctl"), "up"], folder, {"QCTL_HOME": str(self.home)}, says="qctl is up")

    def ready(self) -> bool:
        """True if its server takes connections: on a busy machine `qctl up` does not wait for it."""
        return super().ready() and accepts(self.port)

    @property
    def http(self) -> Client:
        """A client of its gateway."""
        return Client(f"http://127.0.0.1:{self.port}")

    @property
    def programs(self) -> set[str]:
        """Names of the programs that it has started."""
        return set(re.findall(r"\| (\S+) started \(pid \d+\)", self.output))

    def user(self, email: str = "admin@example.com", password: str = PASSWORD) -> dict[str, Any]:
        """Create a user over HTTP."""
        body: dict[str, Any] = self.http.request(
            "POST", "/user/create", {"username": "admin", "email": email, "password": password}
        ).json
        return body

    def token(self, email: str = "admin@example.com", password: str = PASSWORD) -> str:
        """The token of a login."""
        token: str = self.http.request("POST", "/login", {"email": email, "password": password}).json["jwt"]
        return token
