"""Hashes passwords by argon2id, which takes about 50 ms and 64 MB each. The library is part of the extra `gateway`."""

from __future__ import annotations

from functools import cache
from typing import Any

from qctl import extras

ARGON2_COST = (3, 65_536, 4)
"""Rounds, KiB and lanes of a hash: the second recommendation of RFC 9106, section 4, and the library's default."""

DECOY_HASH = "$argon2id$v=19$m=65536,t=3,p=4$8xKUA3dshUrek2VlqMUX0w$JBbAo9re/2fI1+cSoslwwDJzFgp83qluGJtP/1jFNy8"
"""Hash of an unused password at this cost. It is verified for unknown users, so that both cases take the same time."""


def hash_password(password: str) -> str:
    """The hash of a password with a random salt. Raises UnusableError if the library is not installed."""
    hash_: str = _hasher().hash(password)
    return hash_


def verify_password(password: str, stored_hash: str | None) -> bool:
    """Compare a password with a stored hash. Takes as long if there is no hash, and returns False then."""
    errors = _library("argon2.exceptions")
    try:
        _hasher().verify(stored_hash or DECOY_HASH, password)
    except (errors.VerificationError, errors.InvalidHashError):
        return False
    return stored_hash is not None


@cache
def _hasher() -> Any:
    return _library("argon2").PasswordHasher(*ARGON2_COST)


def _library(module: str) -> Any:
    return extras.load(module, extra="gateway", needed_by="a password")
