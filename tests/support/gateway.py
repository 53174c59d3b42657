"""qctl-gateway as a process, and a client of it."""

from __future__ import annotations

import json
import secrets
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

from support.process import Program, free_port

BIN = Path(sys.executable).parent

SECRET = "Zq3-8vXw_1KfT0bNcY7uLr5HdPm2GsEjZq3-8vXw_1KfT0bNcY7uLr5HdPm2GsEj"

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Answer:
    """What the gateway answered."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Gateway(Program):
    """One gateway on a port of its own, ready when it is healthy. `env` adds to its settings."""

    def __init__(self, folder: Path, redis_url: str, *, name: str = "gateway", **env: str) -> None:
        self.port = free_port()
        settings = {
            "REDIS_URL": redis_url,
            "QCTL_HOME": str(folder),
            "QCTL_GATEWAY_PORT": str(self.port),
            "QCTL_GATEWAY_SECRET": SECRET,
            "LOG_FORMAT": "json",
            **env,
        }
        super().__init__(name, [str(BIN / "qctl-gateway")], folder, env=settings)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Whether it takes requests."""
        try:
            return self.ask("GET", "/healthz").status == 200
        except OSError:
            return False

    def ask(self, method: str, path: str, content: Any = None, token: str | None = None, **headers: str) -> Answer:
        """Ask by HTTP. `content` is sent as JSON, bytes as they are; `_` in the name of a header is `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        if content is not None:
            named.setdefault("Content-Type", "application/json")
        body = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.url + path, body, named, method=method)  # noqa: S310 - our own server
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
                return Answer(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Answer(refusal.code, refusal.headers, refusal.read())

    def user(self, email: str | None = None) -> str:
        """The token of a user, a new one where no address is given."""
        email = email or f"{secrets.token_hex(8)}@example.com"
        who = {"email": email, "password": PASSWORD}
        self.ask("POST", "/user/create", {**who, "username": "ada"})
        token: str = self.ask("POST", "/login", who).json["jwt"]
        return token

    @property
    def log(self) -> list[dict[str, Any]]:
        """Its log lines."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    def requests(self, trace: str) -> list[dict[str, Any]]:
        """The lines about requests with this trace id."""
        return [line for line in self.log if line.get("event") == "request" and line["traceId"] == trace]
