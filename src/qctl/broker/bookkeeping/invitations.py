"""Invitations to sign up at the gateway: random tokens of which Redis keeps a hash, each good for one user."""

from __future__ import annotations

import hashlib
import secrets

from redis import Redis

from qctl.broker.redis import keys

INVITATION_SECONDS = 7 * 86_400
"""Time (s) for which an invitation is good."""


def create(connection: Redis) -> str:
    """Make an invitation. Returns its token."""
    token = secrets.token_urlsafe(24)
    restore(connection, token)
    return token


def redeem(connection: Redis, token: str) -> bool:
    """Use up an invitation. Returns False if there is none with this token."""
    return connection.delete(_key(token)) == 1


def restore(connection: Redis, token: str) -> None:
    """Make an invitation good again, because no user was created with it."""
    connection.set(_key(token), "1", ex=INVITATION_SECONDS)


def _key(token: str) -> str:
    return keys.invitation(hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest())
