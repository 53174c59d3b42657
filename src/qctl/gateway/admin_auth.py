"""Who may change queues: whoever has the admin key, or the token of an admin. What they do is noted in the audit."""

from __future__ import annotations

import hmac
import shlex
import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials
from starlette.exceptions import HTTPException

from qctl.errors import NotFoundError, QctlError, RefusedError, UnreachableError, UsageError, WaitTimeoutError
from qctl.gateway import dependencies
from qctl.gateway.authentication import CHALLENGE, bearer, caller
from qctl.gateway.dependencies import Backend

T = TypeVar("T")

admin_key = APIKeyHeader(name="X-Admin-Key", auto_error=False, description="QUEUE_ADMIN_KEY.")

_NOTHING_HAPPENED = (UsageError, UnreachableError)
"""Ends of an act that asked Redis for nothing, or reached none to write to."""

_OUTCOMES = ((NotFoundError, "not found"), (RefusedError, "refused"), (WaitTimeoutError, "timed out"))
"""How ends are called in the audit, as the command line calls them."""


class Operator:
    """Somebody who may change queues, in one request."""

    def __init__(self, name: str, trace: str, gateway: Backend) -> None:
        self.name = name
        self._trace = trace
        self._ops = gateway.ops

    def do(self, act: Callable[[], T], command: str, *arguments: str) -> T:
        """Do something in the operator's name, and note it. `command` and `arguments` are the command line that does
        the same. Raises what `act` does; where the note cannot be written, that is told instead of success.
        """
        outcome, problem, began = "done", "", time.monotonic()
        try:
            with self._ops.audit.acting_as(self.name):
                return act()
        except _NOTHING_HAPPENED:
            outcome = ""
            raise
        except QctlError as error:
            outcome = next((word for kind, word in _OUTCOMES if isinstance(error, kind)), "failed")
            problem = error.message
            raise
        except BaseException as error:
            outcome, problem = "failed", type(error).__name__
            raise
        finally:
            if outcome:
                self._ops.audit.note(
                    f"qctl {command}",
                    f"qctl {command} {shlex.join(arguments)}",
                    via="gateway",
                    outcome=outcome,
                    problem=problem,
                    seconds=time.monotonic() - began,
                    actor=self.name,
                    trace=self._trace,
                )


async def operator(
    request: Request,
    key: Annotated[str | None, Depends(admin_key)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Operator:
    """Whoever may change queues, as a dependency of routes. Raises HTTPException: 401, and 403 for other users."""
    gateway = dependencies.held_by(request)
    if key is not None:
        if not is_admin_key(gateway, key):
            raise HTTPException(401, "Invalid admin key", CHALLENGE)
        request.state.user = "admin-key"
        return Operator("admin-key@gateway", request.state.trace, gateway)
    if credentials is None:
        raise HTTPException(401, "Admin key or token required", CHALLENGE)
    user = await caller(request, credentials)
    if not await gateway.accounts.is_admin(user):
        raise HTTPException(403, "Admins only")
    return Operator(f"{user.id}@gateway", request.state.trace, gateway)


def is_admin_key(gateway: Backend, key: str) -> bool:
    """Whether it is the one of the settings, compared in constant time."""
    known = gateway.settings.queue_admin_key
    return known is not None and hmac.compare_digest(key.encode(), known.encode())


Admitted = Annotated[Operator, Depends(operator)]
