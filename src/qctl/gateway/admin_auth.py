"""Authorisation of operators by the admin key or an admin's token, and the audit log of their actions."""

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
from qctl.gateway.authentication import bearer, user_of
from qctl.gateway.dependencies import Backend
from qctl.gateway.doors import CHALLENGE

T = TypeVar("T")

admin_key = APIKeyHeader(name="X-Admin-Key", auto_error=False, description="The value of QUEUE_ADMIN_KEY.")

_NOT_AUDITED = (UsageError, UnreachableError)
"""Errors before anything is written to Redis."""

_OUTCOMES = ((NotFoundError, "not found"), (RefusedError, "refused"), (WaitTimeoutError, "timed out"))
"""Outcomes in the audit log, named as by the command line."""


class Operator:
    """An operator of queues, for the duration of one request."""

    def __init__(self, name: str, trace: str, gateway: Backend) -> None:
        self.name = name
        self._trace = trace
        self._ops = gateway.ops

    def run(self, action: Callable[[], T], command: str, *arguments: str) -> T:
        """Run an action in the operator's name and record it in the audit log.

        `command` and `arguments`: the equivalent command line. Raises what `action` raises, or the error of the audit
        log if the record cannot be written.
        """
        line = f"qctl {command} {shlex.join(arguments)}"
        with self._ops.audit.recording(f"qctl {command}", line, via="gateway", actor=self.name, trace=self._trace):
            return self._run(action, f"qctl {command}", line)

    def _run(self, action: Callable[[], T], command: str, line: str) -> T:
        outcome, problem, began = "done", "", time.monotonic()
        try:
            with self._ops.audit.acting_as(self.name):
                return action()
        except _NOT_AUDITED:
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
                    command,
                    line,
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
    """Dependency of routes that need an operator. Raises as `operator_of`."""
    return await operator_of(request, key, None if credentials is None else credentials.credentials)


async def operator_of(request: Request, key: str | None, token: str | None) -> Operator:
    """The operator by an admin key or a token. Raises HTTPException: 401 without either, 403 for users.

    Raises RateLimitedError after too many wrong keys. Refusals are in the audit log.
    """
    gateway = dependencies.backend_of(request)
    if key is not None:
        await gateway.doors.check_key(request, is_admin_key(gateway, key), "Invalid admin key")
        request.state.user = "admin-key"
        return Operator("admin-key@gateway", request.state.trace, gateway)
    if token is None:
        raise HTTPException(401, "Admin key or token required", CHALLENGE)
    user = await user_of(request, token)
    if not await gateway.accounts.is_admin(user):
        await gateway.doors.note_refusal(request, "Admins only")
        raise HTTPException(403, "Admins only")
    return Operator(f"{user.id}@gateway", request.state.trace, gateway)


def is_admin_key(gateway: Backend, key: str) -> bool:
    """Compare a key with QUEUE_ADMIN_KEY in constant time."""
    admin_key = gateway.settings.queue_admin_key
    return admin_key is not None and hmac.compare_digest(key.encode(), admin_key.encode())


CurrentOperator = Annotated[Operator, Depends(operator)]
