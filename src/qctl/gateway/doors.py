"""Doors: routes that take a secret. Attempts are limited by account and by address, in Redis for all gateways."""

from __future__ import annotations

import time

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from qctl.broker.bookkeeping.attempts import Attempt, Door, Reservation
from qctl.errors import RateLimitedError
from qctl.gateway.middleware import MAX_PATH_CHARS
from qctl.guard.addresses import site_of
from qctl.ops import Ops

LOGIN = Door("login", account_limit=10, address_limit=30, window_seconds=300)
SIGN_UP = Door("sign-up", account_limit=0, address_limit=60, window_seconds=60)
KEY = Door("key", account_limit=0, address_limit=10, window_seconds=60)
IMAGE = Door("image", account_limit=10, address_limit=60, window_seconds=60)
"""Doors with their limits. `KEY` takes QUEUE_ADMIN_KEY, QCTL_READINGS_TOKEN, and the panel's form. `IMAGE` takes
images, because their check is expensive too: an invalid one is a failed attempt."""

CHALLENGE = {"WWW-Authenticate": "Bearer"}
"""Header of every 401 response."""

MAX_BLOCKED_ADDRESSES = 10_000
"""Addresses that this process refuses without asking Redis; the table is emptied when full."""


class Doors:
    """Limits attempts at the secrets of a gateway."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self._blocked: dict[tuple[str, str], float] = {}
        """Door and address -> monotonic time until which it is refused."""

    async def enter(self, request: HTTPConnection, door: Door, account: str = "") -> Reservation:
        """Count an attempt before its secret is checked. Raises RateLimitedError."""
        attempt = Attempt(door, client_site(request), account)
        self._require_unblocked(attempt)
        reservation = await to_thread.run_sync(self._ops.attempts.reserve, attempt)
        if reservation.wait_seconds:
            if not account:
                self._block(attempt, reservation.wait_seconds)
            await self.note_refusal(request, f"too many attempts at {door.name}")
            raise _rate_limited(reservation.wait_seconds)
        return reservation

    async def forgive(self, reservation: Reservation) -> None:
        """Uncount an attempt whose secret was right."""
        await to_thread.run_sync(self._ops.attempts.forgive, reservation)

    async def check_key(self, request: HTTPConnection, is_right: bool, problem: str) -> None:
        """Refuse a wrong key, and any key of an address with too many. Raises HTTPException and RateLimitedError.

        A right key costs no access to Redis.
        """
        self._require_unblocked(Attempt(KEY, client_site(request)))
        if not is_right:
            await self.enter(request, KEY)
            await self.note_refusal(request, problem)
            raise HTTPException(401, problem, CHALLENGE)

    async def note_refusal(self, request: HTTPConnection, problem: str) -> None:
        """Write a refused request to the audit log."""
        user = getattr(request.state, "user", None)
        line = f"{request.scope.get('method', 'GET')} {request.scope['path'][:MAX_PATH_CHARS]}"
        actor = f"{user or client_address(request)}@gateway"
        trace = getattr(request.state, "trace", "")
        await to_thread.run_sync(
            lambda: self._ops.attempts.note_refusal(actor=actor, request=line, problem=problem, trace=trace)
        )

    def _require_unblocked(self, attempt: Attempt) -> None:
        left = self._blocked.get((attempt.door.name, attempt.address), 0.0) - time.monotonic()
        if left > 0:
            raise _rate_limited(int(left) + 1)

    def _block(self, attempt: Attempt, seconds: int) -> None:
        if len(self._blocked) >= MAX_BLOCKED_ADDRESSES:
            self._blocked.clear()
        self._blocked[attempt.door.name, attempt.address] = time.monotonic() + seconds


def client_address(connection: HTTPConnection) -> str:
    """The address of the client; behind a proxy of QCTL_TRUSTED_PROXIES the one that the proxy names."""
    return connection.client.host if connection.client else ""


def client_site(connection: HTTPConnection) -> str:
    """The address by which a client is limited: of IPv6 the network that its provider assigned."""
    return site_of(client_address(connection))


def _rate_limited(seconds: int) -> RateLimitedError:
    return RateLimitedError(f"Too many attempts. Try again in {seconds} seconds.", retry_after=seconds)
