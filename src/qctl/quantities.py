"""Counts with their nouns, in the right number: `1 job`, `4 jobs`, `2 batches`."""

from __future__ import annotations

_HISSING = ("s", "x", "z", "ch", "sh")
"""Ends of nouns whose plural takes an `es`."""


def quantity(number: int, noun: str) -> str:
    """Format an exact count with its noun: `1 job`, `4 jobs`, `2 batches`, `3 entries`."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def clause(number: int, noun: str, one: str, many: str) -> str:
    """Format a count with its noun and the rest of the sentence for one or for many: `1 job waits`, `4 jobs wait`."""
    return f"{quantity(number, noun)} {one if number == 1 else many}"


def plural(noun: str) -> str:
    """Return the plural of an English noun that follows the rules."""
    if noun.endswith(_HISSING):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"
