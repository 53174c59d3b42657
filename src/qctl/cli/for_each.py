"""Acting on each of some things that were named, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from qctl.cli.session import Session
from qctl.errors import QctlError, UnreachableError

T = TypeVar("T")


def each(
    session: Session, names: Sequence[str], act: Callable[[str], T]
) -> tuple[list[T], list[tuple[str, QctlError]]]:
    """Act on each name once and go on after a failure, which is told at once. Without Redis there is no going on."""
    results: list[T] = []
    failures: list[tuple[str, QctlError]] = []
    for name in dict.fromkeys(names):
        try:
            results.append(act(name))
        except UnreachableError:
            raise
        except QctlError as error:
            session.out.complain_of(error)
            failures.append((name, error))
    return results, failures
