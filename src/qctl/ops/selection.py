"""Which queues and jobs are meant: by name or pattern, and by a selector."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from qctl import catalog
from qctl.errors import NotFoundError, UsageError
from qctl.models import Selector

if TYPE_CHECKING:
    from qctl.models import State

ALL = Selector()
"""Means every job."""


def require(name: str, known: Sequence[str]) -> None:
    """Raise NotFoundError, with names that look like it, where there is no such queue and no lane of it."""
    if name not in known and name not in {catalog.base_queue(queue) for queue in known}:
        raise NotFoundError.with_suggestions(f"there is no queue {name}", name, known, "qctl stats shows every queue")


def select(pattern: str | None, known: Sequence[str]) -> list[str]:
    """The queues of this name, else those that match the pattern, or one of several with commas between; all of them
    for None.

    Raises NotFoundError for a plain name that no queue has.
    """
    if pattern is None:
        return list(known)
    if pattern in known:
        return [pattern]
    patterns = pattern.split(",")
    matching = [name for name in known if any(fnmatchcase(name, each) for each in patterns)]
    if not matching and not set(pattern) & set("*?["):
        require(pattern, known)
    return matching


def families(patterns: Sequence[str], known: Sequence[str]) -> list[str]:
    """The queues that any of the names or patterns means, each with its lanes; all of them where none is given.

    Raises NotFoundError for a plain name that no queue has.
    """
    named = {queue for pattern in patterns for name in select(pattern, known) for queue in catalog.lanes(name)}
    return [name for name in known if name in named] if patterns else list(known)


def states(selector: Selector, usual: Sequence[State], possible: Sequence[State], act: str) -> tuple[State, ...]:
    """The states that a selector means: its own, or the usual ones of an act; all possible ones where it names ids.

    `act` says what is done, `canceled`. Raises UsageError where it names a state that this cannot be done in, or
    contradicts itself.
    """
    if selector.ids is not None and selector != Selector(ids=selector.ids, limit=selector.limit, scan=selector.scan):
        raise UsageError("ids and what else says which jobs are meant exclude each other")
    if selector.limit is not None and selector.limit < 0:
        raise UsageError("a limit is not negative")
    wrong = [state for state in selector.states if state not in possible]
    if wrong:
        raise UsageError(f"what is {wrong[0]} cannot be {act}; what is {', '.join(possible)} can")
    if selector.fingerprint is not None:
        return tuple(state for state in ("failed", "quarantined") if state in possible)
    if selector.ids is not None:
        return tuple(possible)
    return selector.states or tuple(usual)
