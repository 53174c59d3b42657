"""Rules for names, addresses and passwords of users, the same for the gateway and the command line."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files

MAX_NAME_CHARACTERS = 64
"""Maximum length of a name."""

MIN_WEAK_PASSWORD_CHARACTERS = 8
"""Minimum length of a password if QCTL_WEAK_PASSWORDS allows common ones."""

MAX_PASSWORD_CHARACTERS = 256
"""Maximum length of a password; a longer one is refused before it is hashed."""

ADDRESS_PATTERN = r"^[^\s@\x00-\x1f\x7f-\x9f]{1,64}@[^\s@\x00-\x1f\x7f-\x9f]{1,189}$"
"""Form of an address. Only a mail can tell whether it exists."""

_USUAL_ENDS = "0123456789!?.,@#$%&*+-_"
"""Characters that people append to a common password to make it longer."""


def normalise_name(raw: str) -> str:
    """The name of a user in normal form (NFKC). Raises ValueError.

    Characters that cannot be seen are refused, so that two names that look the same are the same.
    """
    name = unicodedata.normalize("NFKC", raw).strip()
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise ValueError(f"must be one line of 1 to {MAX_NAME_CHARACTERS} visible characters")
    return name


def normalise_address(raw: str) -> str:
    """The email address of a user in lower case. Raises ValueError."""
    address = raw.lower()
    if not re.fullmatch(ADDRESS_PATTERN, address) or not address.isprintable():
        raise ValueError("must be an email address")
    if unicodedata.normalize("NFKC", address) != address:
        raise ValueError("must be an email address in Unicode normal form (NFKC)")
    return address


def check_length(password: str, shortest: int) -> None:
    """Raise ValueError unless a new password has an allowed length."""
    if not shortest <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise ValueError(f"must have {shortest} to {MAX_PASSWORD_CHARACTERS} characters")


def check_password(password: str, shortest: int) -> None:
    """Raise ValueError unless a new password is long enough and not among the 10,000 commonest."""
    check_length(password, shortest)
    lower = password.lower()
    if not _common_passwords().isdisjoint((lower, lower.rstrip(_USUAL_ENDS))):
        raise ValueError("is one of the 10,000 commonest passwords, or begins with one and ends in digits")
    if len(set(password.lower())) < 4:
        raise ValueError("must have 4 different characters or more")


@cache
def _common_passwords() -> frozenset[str]:
    text = files("qctl.store").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))
