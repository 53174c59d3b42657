"""Objects that routes share: one of each per gateway process, all thread-safe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from qctl import catalog
from qctl.errors import SettingsError
from qctl.files.message_files import MessageFiles
from qctl.gateway.accounts import Accounts
from qctl.gateway.creation_notices import CreationNotices
from qctl.gateway.doors import Doors
from qctl.gateway.image_checks import ImageChecks
from qctl.gateway.new_jobs import NewJobs
from qctl.gateway.open_sessions import OpenSessions
from qctl.gateway.panel_sessions import LOGIN_SECONDS, panel_sessions
from qctl.gateway.readings_buffer import ReadingsBuffer
from qctl.gateway.tokens import PANEL_AUDIENCE, Tokens, signing_secret
from qctl.guard.denials import Denials
from qctl.models import Metrics
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings import Settings

METRICS_CACHE_SECONDS = 1.0
"""Time for which measured metrics are reused, so that frequent scrapes put no load on Redis."""


class Backend:
    """Connections and shared state of a gateway; close it at the end. Raises SettingsError for invalid settings."""

    def __init__(self, settings: Settings, draining: Callable[[], bool] = lambda: False) -> None:
        self.settings = settings
        self.draining = draining
        """Tells whether the gateway is shutting down and must not start new work."""
        self.denials = Denials()
        """Counts of connections and clients that the server denies before they reach a route."""
        _check_default_job(settings)
        self.tokens = Tokens(signing_secret(settings), settings.login_ttl)
        self.panel_tokens = Tokens(signing_secret(settings), LOGIN_SECONDS, PANEL_AUDIENCE)
        self.panel_sessions = panel_sessions(settings)
        self.ops = Ops(settings)
        self.doors = Doors(self.ops)
        self.sessions = OpenSessions(self.ops)
        self.accounts = Accounts(settings, self.tokens, self.ops)
        self.service = QueueService(settings)
        self.readings = ReadingsBuffer(settings)
        self.images = ImageChecks()
        self.message_files = MessageFiles(settings)
        self.creations = CreationNotices()
        self.new_jobs = NewJobs(self.service)
        self._metrics: tuple[float, Metrics] | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections to Redis and the database."""
        self.new_jobs.close()
        self.sessions.close()
        self.service.close()
        self.ops.close()
        self.accounts.close()

    def discard_metrics(self) -> None:
        """Measure anew when metrics are read the next time."""
        with self._lock:
            self._metrics = None

    def metrics(self) -> Metrics:
        """All metrics, at most one second old. Raises QctlError."""
        with self._lock:
            if self._metrics is None or time.monotonic() - self._metrics[0] > METRICS_CACHE_SECONDS:
                self._metrics = (time.monotonic(), self.ops.metrics.read())
            return self._metrics[1]


async def get_backend(request: Request) -> Backend:
    """The backend as a dependency of routes: `async`, because FastAPI would run a plain function in a thread."""
    return backend_of(request)


def backend_of(request: HTTPConnection) -> Backend:
    """The backend of the gateway that received a request."""
    backend: Backend = request.app.state.backend
    return backend


Gateway = Annotated[Backend, Depends(get_backend)]
"""The backend, as a parameter of routes."""


def _check_default_job(settings: Settings) -> None:
    name = settings.gateway_default_job
    if name is None:
        return
    spec = catalog.jobs(settings.jobs_modules).get(name)
    if spec is None or spec.batch:
        raise SettingsError("GATEWAY_DEFAULT_JOB", f"job {name!r} is not in the catalog", "see QCTL_JOBS_MODULES")
    if "name" not in {argument.name for argument in spec.arguments}:
        raise SettingsError("GATEWAY_DEFAULT_JOB", f"job {name!r} has no argument `name`")
