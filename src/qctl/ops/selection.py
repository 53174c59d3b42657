"""Selection of queues by name or pattern, and of the states that a selector covers."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from qctl import catalog
from qctl.errors import NotFoundError, UsageError
from qctl.models import Selector

if TYPE_CHECKING:
    from qctl.models import State

ALL_JOBS = Selector()

WILDCARDS = frozenset("*?[")


def require_queue(name: str, known: Sequence[str]) -> None:
    """Raise NotFoundError, with similar names, if neither this queue nor a lane of it exists."""
    if name not in known and name not in {catalog.base_queue(queue) for queue in known}:
        raise NotFoundError.with_suggestions(
            f"queue {name!r} not found", name, known, "list all queues with: qctl stats"
        )


def select_queues(pattern: str | None, known: Sequence[str]) -> list[str]:
    """Return the queue of this name, else those that match the pattern or one of several joined by commas; all for
    None.

    Raises NotFoundError for a name without wildcards that no queue has.
    """
    if pattern is None:
        return list(known)
    if pattern in known:
        return [pattern]
    patterns = pattern.split(",")
    matching = [name for name in known if any(fnmatchcase(name, part) for part in patterns)]
    if not matching and not WILDCARDS & set(pattern):
        require_queue(pattern, known)
    return matching


def select_families(patterns: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the queues that any name or pattern covers, each with its lanes; all if there is no pattern.

    Raises NotFoundError for a name without wildcards that no queue has.
    """
    names = {queue for pattern in patterns for name in select_queues(pattern, known) for queue in catalog.lanes(name)}
    return [name for name in known if name in names] if patterns else list(known)


def require_remark(text: str, max_characters: int) -> None:
    """Raise UsageError for a remark that is too long, or that has control characters."""
    if len(text) > max_characters:
        raise UsageError(f"the text has {len(text)} characters; allowed: {max_characters}")
    if not text.isprintable():
        raise UsageError("the text has control characters or several lines")


def require_page(limit: int, offset: int = 0, *, minimum: int = 0) -> None:
    """Raise UsageError for a page with a limit below `minimum`, or with a negative offset."""
    if limit < minimum:
        raise UsageError(f"limit {limit} is too small; the minimum is {minimum}")
    if offset < 0:
        raise UsageError(f"offset {offset} is negative; the minimum is 0")


def select_states(
    selector: Selector, default: Sequence[State], allowed: Sequence[State], verb: str
) -> tuple[State, ...]:
    """Return the states that a selector covers: its own, or the default ones of `verb`; all allowed ones for ids.

    Raises UsageError if the selector has a state that `verb` does not allow, or contradicts itself.
    """
    if selector.ids is not None and selector != Selector(ids=selector.ids, limit=selector.limit, scan=selector.scan):
        raise UsageError("job ids cannot be combined with filters")
    require_page(selector.limit or 0)
    forbidden = [state for state in selector.states if state not in allowed]
    if forbidden:
        raise UsageError(f"cannot {verb} a job in state {forbidden[0]}; allowed states: {', '.join(allowed)}")
    if selector.fingerprint is not None:
        return tuple(state for state in ("failed", "quarantined") if state in allowed)
    if selector.ids is not None:
        return tuple(allowed)
    return selector.states or tuple(default)
