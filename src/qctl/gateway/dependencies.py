"""What the routes are made of: one of each for a whole gateway, each for any number of threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fastapi import Request

from qctl import catalog
from qctl.errors import SettingsError
from qctl.gateway.accounts import Accounts
from qctl.gateway.login_throttle import Tries
from qctl.gateway.panel_sessions import LOGIN_SECONDS, panel_sessions
from qctl.gateway.readings_buffer import Intake
from qctl.gateway.tokens import PANEL, Tokens, secret_of
from qctl.models import Metrics
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings import Settings

FRESH = 1.0
"""Seconds for which metrics are good: whoever asks more often costs Redis nothing more."""


class Backend:
    """Raises SettingsError where the gateway cannot work by these settings. Close it."""

    def __init__(self, settings: Settings, draining: Callable[[], bool] = lambda: False) -> None:
        self.settings = settings
        self.draining = draining
        """Whether nothing new is to be begun."""
        _check_default_job(settings)
        self.tokens = Tokens(secret_of(settings), settings.login_ttl)
        self.panel_tokens = Tokens(secret_of(settings), LOGIN_SECONDS, PANEL)
        self.tries = Tries()
        self.panel_sessions = panel_sessions(settings)
        self.accounts = Accounts(settings, self.tokens)
        self.ops = Ops(settings)
        self.service = QueueService(settings)
        self.intake = Intake(settings)
        self._metrics: tuple[float, Metrics] | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections to Redis and the database."""
        self.service.close()
        self.ops.close()
        self.accounts.close()

    def metrics(self) -> Metrics:
        """Everything that is measured, at most a second old. Raises QctlError."""
        with self._lock:
            if self._metrics is None or time.monotonic() - self._metrics[0] > FRESH:
                self._metrics = (time.monotonic(), self.ops.metrics.read())
            return self._metrics[1]


async def of(request: Request) -> Backend:
    """The gateway's, as a dependency of routes: `async`, or it would be looked for in another thread."""
    return held_by(request)


def held_by(request: Request) -> Backend:
    """The gateway's that a request came to."""
    found: Backend = request.app.state.backend
    return found


def _check_default_job(settings: Settings) -> None:
    name = settings.gateway_default_job
    if name is None:
        return
    spec = catalog.jobs(settings.jobs_modules).get(name)
    if spec is None or spec.batch:
        raise SettingsError("GATEWAY_DEFAULT_JOB", f"no job is called {name!r}", "see QCTL_JOBS_MODULES")
    if "name" not in {argument.name for argument in spec.arguments}:
        raise SettingsError("GATEWAY_DEFAULT_JOB", f"{name} takes no argument `name`")
