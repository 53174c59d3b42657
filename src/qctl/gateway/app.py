"""The ASGI application: routes, error responses, CORS, and the API documentation."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from qctl import __version__, extras
from qctl.gateway import error_responses
from qctl.gateway.dependencies import Backend
from qctl.gateway.direct_routes import DirectRoutes
from qctl.gateway.middleware import TRACE, Application, Message, Receive, RequestMiddleware, Scope, Send
from qctl.gateway.routers import ROUTERS
from qctl.settings import Settings

FORM_OVERHEAD_BYTES = 65_536
"""Maximum size of an upload form without its file."""

DOCS_PATH = "/api/docs"

_DOCS_CONTENT_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the documentation page, which has one inline script."""


def application(backend: Backend) -> Application:
    """The gateway as an ASGI application."""
    with extras.hidden(extras.UNUSED_BY_ROUTES):
        api = fastapi_app(backend)
    app = _TrailingSlash(_cors(DirectRoutes(_DocsPolicy(api), api, ROUTERS), backend.settings))
    return RequestMiddleware(app, backend.settings.max_file_size + FORM_OVERHEAD_BYTES)


class _Cors(CORSMiddleware):
    """CORS. Requests without `Origin` come from no page of another origin: their responses get `Vary` alone, and
    pass by the middleware, which searches and copies headers several times."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or any(name == b"origin" for name, _ in scope["headers"]):
            await super().__call__(scope, receive, send)
            return

        async def send_varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"vary", b"Origin")]
            await send(message)

        await self.app(scope, receive, send_varying)


def _cors(app: Application, settings: Settings) -> Application:
    return _Cors(
        app,
        allow_origins=list(settings.frontend_url),
        allow_credentials=settings.shapes.login_cookie and "*" not in settings.frontend_url,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-Admin-Key", TRACE],
        expose_headers=[TRACE, "Retry-After"],
    )


def fastapi_app(backend: Backend) -> FastAPI:
    """All routes. Those outside /api are served below it too, because some clients expect them there."""
    app = FastAPIOffline(
        title="qctl gateway",
        version=__version__,
        description="Jobs for users, queues for operators. Every response has an X-Trace-Id; a request may set it.",
        docs_url=DOCS_PATH,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        static_url=f"{DOCS_PATH}/static",
        swagger_ui_oauth2_redirect_url=f"{DOCS_PATH}/oauth2-redirect",
    )
    app.state.backend = backend
    error_responses.install(app)
    for router in ROUTERS:
        app.include_router(router)
        if not router.prefix.startswith("/api"):
            app.include_router(router, prefix="/api", include_in_schema=False)
    app.add_api_route(f"{DOCS_PATH}.json", lambda: JSONResponse(app.openapi()), include_in_schema=False)
    generate = app.openapi
    app.openapi = lambda: _without_422(generate())  # type: ignore[method-assign]
    return app


def _without_422(document: dict[str, Any]) -> dict[str, Any]:
    """Remove the 422 response that FastAPI documents for every route; this gateway answers 400."""
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    return document


class _TrailingSlash:
    """Middleware that answers `/job/` as `/job`: a redirect loses the body or the token of many clients.

    Pages of the panel and of the documentation have relative links, so that their paths stay as they are.
    """

    _PAGES = ("/admin/", "/api/admin/", DOCS_PATH)

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.endswith("/") and not path.startswith(self._PAGES):
            scope = {**scope, "path": path.rstrip("/") or "/"}
        await self._app(scope, receive, send)


class _DocsPolicy:
    """Middleware that lets the documentation page run its own scripts."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(DOCS_PATH):

            async def send_with_policy(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [
                        *message["headers"],
                        (b"content-security-policy", _DOCS_CONTENT_POLICY.encode()),
                    ]
                await send(message)

            await self._app(scope, receive, send_with_policy)
        else:
            await self._app(scope, receive, send)
