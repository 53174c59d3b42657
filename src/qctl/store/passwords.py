"""Passwords are kept as argon2id hashes, each some 50 ms and 64 MB of work. The library is an extra of the gateway."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from qctl.errors import SinkMisconfiguredError

COST = (3, 65_536, 4)
"""Rounds, KiB and lanes of a hash: the second choice of RFC 9106, section 4, which is the library's."""

DECOY = "$argon2id$v=19$m=65536,t=3,p=4$8xKUA3dshUrek2VlqMUX0w$JBbAo9re/2fI1+cSoslwwDJzFgp83qluGJtP/1jFNy8"
"""The hash, at this cost, of a password that nobody has: it is reckoned with where there is no user."""


def hashed(password: str) -> str:
    """The hash of a password, with a salt of its own. Raises SinkMisconfiguredError where the library is missing."""
    found: str = _hasher().hash(password)
    return found


def is_right(password: str, kept: str | None) -> bool:
    """Whether it is the one whose hash is kept. It takes as long where there is none to compare it with."""
    errors = _library("argon2.exceptions")
    try:
        _hasher().verify(kept or DECOY, password)
    except (errors.VerificationError, errors.InvalidHashError):
        return False
    return kept is not None


@cache
def _hasher() -> Any:
    return _library("argon2").PasswordHasher(*COST)


def _library(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise SinkMisconfiguredError(
            f"users have passwords, and argon2 is not installed: {error}", hint="pip install 'qctl[gateway]'"
        ) from error
