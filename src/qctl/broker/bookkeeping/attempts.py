"""Attempts at secrets (logins, keys, tokens), limited by account and by address over all gateways.

An attempt is counted before the secret is checked, and uncounted if it was right. An account that has logged in from an
address before keeps a counter of its own there, so that nobody can lock its owner out from elsewhere.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from redis import Redis

from qctl.broker.redis import keys, replies
from qctl.broker.redis.scripts import Script

KNOWN_ADDRESS_SECONDS = 30 * 86_400
"""Time (s) for which an address counts as known to an account after a login."""

ALL_FACTOR = 10
"""All attempts of an address per failed one that is allowed."""

MAX_AUDITED_REFUSALS = 30
"""Refusals in one minute that are written to the audit log; more would displace the acts of operators."""

_reserve = Script("bookkeeping/reserve_attempt")
_forgive = Script("bookkeeping/forgive_attempt")


@dataclass(frozen=True)
class Door:
    """A place that takes a secret, with its limits of failed attempts in `window_seconds`.

    `account_limit` 0: the secret belongs to no account. An address may make ten times `address_limit` attempts, right
    ones included, because checking costs work too.
    """

    name: str
    account_limit: int
    address_limit: int
    window_seconds: int


@dataclass(frozen=True)
class Attempt:
    """One attempt at a door. Account and address are stored as hashes."""

    door: Door
    address: str
    account: str = ""

    def _key(self, kind: str, *parts: str) -> str:
        digest = hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:24]
        return keys.attempts(self.door.name, kind, digest)

    @property
    def account_key(self) -> str:
        """Counter of the account."""
        return self._key("account", self.account)

    @property
    def address_key(self) -> str:
        """Counter of the address."""
        return self._key("address", self.address)

    @property
    def known_key(self) -> str:
        """Mark that the account has logged in from the address."""
        return self._key("known", self.account, self.address)

    @property
    def all_key(self) -> str:
        """Counter of all attempts of the address."""
        return self._key("all", self.address)

    @property
    def pair_key(self) -> str:
        """Counter of the account at a known address."""
        return self._key("pair", self.account, self.address)


@dataclass(frozen=True)
class Reservation:
    """An attempt that was counted, or refused: then `wait_seconds` is the time until another is allowed.

    `is_known`: the account has logged in from the address before.
    """

    attempt: Attempt
    wait_seconds: int
    is_known: bool


def reserve(connection: Redis, attempt: Attempt) -> Reservation:
    """Count an attempt, unless a limit is reached."""
    door = attempt.door
    reply = _reserve(
        connection,
        account=attempt.account_key,
        address=attempt.address_key,
        known=attempt.known_key,
        pair=attempt.pair_key,
        all=attempt.all_key,
        account_limit=door.account_limit,
        address_limit=door.address_limit,
        all_limit=ALL_FACTOR * door.address_limit,
        window_ms=door.window_seconds * 1000,
    )
    wait_ms, is_known = map(replies.integer, replies.array(reply))
    return Reservation(attempt, math.ceil(wait_ms / 1000), bool(is_known))


def forgive(connection: Redis, reservation: Reservation) -> None:
    """Uncount the attempt after a correct secret: resets the account's counter, and takes one off the address's."""
    attempt = reservation.attempt
    _forgive(
        connection,
        account=attempt.account_key,
        address=attempt.address_key,
        known=attempt.known_key,
        pair=attempt.pair_key,
        known_seconds=KNOWN_ADDRESS_SECONDS if attempt.account else 0,
        is_known=int(reservation.is_known),
    )


def may_audit(connection: Redis) -> bool:
    """Check and count a refusal against the limit of refusals in the audit log."""
    key = keys.attempts("audit", "refusals", "minute")
    with connection.pipeline() as pipeline:
        pipeline.set(key, 0, ex=60, nx=True)
        pipeline.incr(key)
        _, count = pipeline.execute()
    return int(count) <= MAX_AUDITED_REFUSALS
