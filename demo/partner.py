"""The server of another company, on this machine: it tells its stock, and takes what webhooks say."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

GOODS = ("lamp", "chair", "table", "rug", "sofa", "mirror", "shelf", "clock")

PAGE = 3
"""Products of one answer."""


class Handler(BaseHTTPRequestHandler):
    """Answers `GET /stock` page by page, and `POST /hook`."""

    def do_GET(self) -> None:
        """Some of the stock, and where the next is."""
        parts = urlsplit(self.path)
        page = int(parts.path.rpartition("/")[2]) if parts.path.count("/") > 1 else 0
        goods = GOODS[page * PAGE : (page + 1) * PAGE]
        items = [{"sku": sku, "quantity": random.randint(0, 60), "threshold": 5} for sku in goods]
        more = len(GOODS) > (page + 1) * PAGE
        self._answer({"items": items, **({"next": f"/stock/{page + 1}"} if more else {})})

    def do_POST(self) -> None:
        """Thank you."""
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self._answer({"ok": True})

    def _answer(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the log is qctl's."""


@contextmanager
def partner() -> Iterator[int]:
    """The server, while this lasts. Gives its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, name="partner", daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
