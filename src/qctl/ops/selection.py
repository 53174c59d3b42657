"""Which queues are meant: by their name, or by a pattern such as `email*`."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from qctl import catalog
from qctl.errors import NotFoundError


def require(name: str, known: Sequence[str]) -> None:
    """Raise NotFoundError, with names that look like it, where there is no such queue and no lane of it."""
    if name not in known and name not in {catalog.family(queue) for queue in known}:
        close = tuple(get_close_matches(name, known, n=3, cutoff=0.6))
        hint = "did you mean " + " or ".join(close) + "?" if close else "qctl stats shows every queue"
        raise NotFoundError(f"there is no queue {name}", close, hint)


def select(pattern: str | None, known: Sequence[str]) -> list[str]:
    """The queues of this name, else those that match the pattern; all of them for None.

    Raises NotFoundError for a plain name that no queue has.
    """
    if pattern is None:
        return list(known)
    if pattern in known:
        return [pattern]
    matching = [name for name in known if fnmatchcase(name, pattern)]
    if not matching and not set(pattern) & set("*?["):
        require(pattern, known)
    return matching
