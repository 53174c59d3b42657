"""A gateway process and an HTTP client for it."""

from __future__ import annotations

import json
import secrets
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from qctl.gateway.tokens import Tokens
from qctl.ops import Ops
from qctl.settings import Settings
from support.process import Program, free_port
from support.waiting import PATIENCE_SECONDS

BIN = Path(sys.executable).parent

SECRET = "Zq3-8vXw_1KfT0bNcY7uLr5HdPm2GsEjZq3-8vXw_1KfT0bNcY7uLr5HdPm2GsEj"

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Response:
    """A response of the gateway."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def failure(self) -> Any:
        """The body of an error as JSON, without its trace id, which must be that of the header."""
        body = json.loads(self.body)
        assert body.pop("traceId") == self.headers["X-Trace-Id"]
        return body


class Client:
    """An HTTP client of a gateway."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(
        self, method: str, path: str, content: Any = None, token: str | None = None, **headers: str
    ) -> Response:
        """Send an HTTP request. `content`: sent as JSON unless it is bytes. `_` in a header name stands for `-`."""
        sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent_headers["Authorization"] = f"Bearer {token}"
        if content is not None:
            sent_headers.setdefault("Content-Type", "application/json")
        body = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
        http_request = urllib.request.Request(self.url + path, body, sent_headers, method=method)  # noqa: S310 - a test server
        try:
            with urllib.request.urlopen(http_request, timeout=PATIENCE_SECONDS) as reply:  # noqa: S310
                return Response(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Response(error.code, error.headers, error.read())


class Gateway(Program):
    """A gateway on a port of its own of `address`, ready when `/healthz` is. `env` adds settings."""

    def __init__(
        self, folder: Path, redis_url: str, *, name: str = "gateway", address: str = "127.0.0.1", **env: str
    ) -> None:
        self.address, self.port = address, free_port()
        self._redis_url = redis_url
        settings = {
            "REDIS_URL": redis_url,
            "QCTL_HOME": str(folder),
            "QCTL_GATEWAY_HOST": address,
            "QCTL_GATEWAY_PORT": str(self.port),
            "QCTL_GATEWAY_SECRET": SECRET,
            "LOG_FORMAT": "json",
            **env,
        }
        super().__init__(name, [str(BIN / "qctl-gateway")], folder, env=settings)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{self.address}:{self.port}"

    def ready(self) -> bool:
        """Check that it serves requests."""
        try:
            return self.request("GET", "/healthz").status == 200
        except OSError:
            return False

    def request(
        self, method: str, path: str, content: Any = None, token: str | None = None, **headers: str
    ) -> Response:
        """Send an HTTP request. `content`: sent as JSON unless it is bytes. `_` in a header name stands for `-`."""
        return Client(self.url).request(method, path, content, token, **headers)

    def token(self, user: str, role: str = "user", seconds: int = 600) -> str:
        """A token for a user id, as a login issues it; the user need not exist."""
        ops = Ops(Settings.load({"REDIS_URL": self._redis_url}))
        try:
            return Tokens(SECRET, seconds).issue(user, role, version=ops.sessions.start(user))
        finally:
            ops.close()

    def user(self, email: str | None = None) -> str:
        """The token of a user, of a new one by default."""
        email = email or f"{secrets.token_hex(8)}@example.com"
        credentials = {"email": email, "password": PASSWORD}
        self.request("POST", "/user/create", {**credentials, "username": "ada"})
        token: str = self.request("POST", "/login", credentials).json["jwt"]
        return token

    @property
    def log(self) -> list[dict[str, Any]]:
        """The log lines of the process."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    def requests(self, trace: str) -> list[dict[str, Any]]:
        """The log lines of requests with this trace id."""
        return [line for line in self.log if line.get("event") == "request" and line["traceId"] == trace]
