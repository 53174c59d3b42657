"""The application: routes, the shape of errors, who may ask from a browser, and the documentation."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from qctl import __version__
from qctl.gateway import error_responses
from qctl.gateway.dependencies import Backend
from qctl.gateway.middleware import TRACE, Application, Message, Receive, Requests, Scope, Send
from qctl.gateway.routers import ROUTERS

FORM = 65_536
"""Bytes of a form beside the file in it."""

DOCS = "/api/docs"

_DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)
"""The page of the documentation has its scripts from here, and one in it."""


def application(backend: Backend) -> Application:
    """The gateway as an ASGI application."""
    return Requests(_Documentation(routed(backend)), backend.settings.max_file_size + FORM)


def routed(backend: Backend) -> FastAPI:
    """All routes. Those whose path does not begin with /api are there below it too, as some clients want them."""
    app = FastAPIOffline(
        title="qctl gateway",
        version=__version__,
        description="Jobs for users, and queues for operators. Every answer has an X-Trace-Id, which may be sent.",
        docs_url=DOCS,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        static_url=f"{DOCS}/static",
        swagger_ui_oauth2_redirect_url=f"{DOCS}/oauth2-redirect",
    )
    app.state.backend = backend
    error_responses.install(app)
    for router in ROUTERS:
        app.include_router(router)
        if not router.prefix.startswith("/api"):
            app.include_router(router, prefix="/api", include_in_schema=False)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(backend.settings.frontend_url),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-Admin-Key", TRACE],
        expose_headers=[TRACE, "Retry-After"],
    )
    described = app.openapi
    app.openapi = lambda: _without_422(described())  # type: ignore[method-assign]
    return app


def _without_422(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the answer that the library names everywhere: ours is 400."""
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    return document


class _Documentation:
    """Lets the page of the documentation run the scripts that it needs, and browsers keep its files."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(DOCS):

            async def relaxed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], (b"content-security-policy", _DOCS_POLICY.encode())]
                await send(message)

            await self._app(scope, receive, relaxed)
        else:
            await self._app(scope, receive, send)
