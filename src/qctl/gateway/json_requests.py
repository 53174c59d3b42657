"""JSON bodies of requests. Text with lone surrogates or NUL is refused anywhere in the body: no database stores it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

_HOSTILE = re.compile("[\x00\ud800-\udfff]")


class JsonRequest(Request):
    """A request whose JSON is parsed by `parse`."""

    async def json(self) -> Any:
        """Parse the body. Raises json.JSONDecodeError."""
        if not hasattr(self, "_json"):
            self._json = parse(await self.body())
        return self._json


class JsonRoute(APIRoute):
    """Route class of every router of the gateway."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with requests that parse their JSON here."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(JsonRequest(request.scope, request.receive))

        return handle


def parse(body: bytes) -> Any:
    """Parse untrusted JSON. Raises json.JSONDecodeError, also for text that is not UTF-8 or holds hostile text."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise json.JSONDecodeError("the body is not UTF-8", "", 0) from None
    try:
        content = json.loads(text)
    except RecursionError:
        raise json.JSONDecodeError("the body is nested too deeply", "", 0) from None
    # UTF-8 has no surrogates and JSON no control characters; only an escape can bring them in.
    if "\\u" in text and _is_hostile(content):
        raise json.JSONDecodeError("text must not contain lone surrogates or NUL", "", 0)
    return content


def _is_hostile(content: Any) -> bool:
    """Search every text and key, without recursion."""
    pending = [content]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            if _HOSTILE.search(value):
                return True
        elif isinstance(value, dict):
            pending.extend(value)
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return False
