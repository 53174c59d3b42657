"""An HTTP or HTTPS server on 127.0.0.1 with canned responses, which records its requests."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request that the server received."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Site:
    """The state of the server. `answers`: status, headers and body by path without query."""

    port: int = 0
    scheme: str = "http"
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    @property
    def host(self) -> str:
        """Host and port, as in QCTL_ALLOWED_HOSTS."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"{self.scheme}://{self.host}{path}"

    def reply(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> None:
        """Set the response for a path."""
        self.answers[path] = (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


class _Server(ThreadingHTTPServer):
    """A server that stays silent about clients that end the handshake, and waits for its threads."""

    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the error, unless the client did not trust the certificate."""
        if not isinstance(sys.exc_info()[1], ssl.SSLError):
            super().handle_error(request, client_address)


@contextmanager
def web_server(certificate: Path | None = None) -> Iterator[Site]:
    """Run a server; with a `certificate`, whose key lies beside it, one for HTTPS."""
    site = Site(scheme="https" if certificate else "http")

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            site.requests.append(Request(self.command, self.path, dict(self.headers), body))
            status, headers, content = site.answers.get(self.path.partition("?")[0], (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
