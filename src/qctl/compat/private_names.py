"""Checks that the private names of a library that a compat module uses still exist."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import FunctionType
from typing import Any

log = logging.getLogger(__name__)

_warned: set[str] = set()


@dataclass(frozen=True)
class PrivateNames:
    """Names of one library, each as `module:Class.name`, or `module:Class.method(parameter, ...)`.

    A method's parameters are named if the compat module overrides it or calls it with them.
    """

    library: str
    names: tuple[str, ...]

    def changed(self) -> str | None:
        """The first name that is gone, as "LIBRARY changed NAME"; None if all are there."""
        for name in self.names:
            if not _exists(name):
                return f"{self.library} changed {name.partition(':')[2].partition('(')[0]}"
        return None


def first_change(*libraries: PrivateNames) -> str | None:
    """The first change in any of the libraries, None if there is none."""
    return next((change for names in libraries if (change := names.changed())), None)


def warn_once(change: str, consequence: str) -> None:
    """Log that a library has changed, with the consequence, once in a process."""
    if change not in _warned:
        _warned.add(change)
        log.warning("%s: %s", change, consequence)


def _exists(name: str) -> bool:
    module, _, rest = name.partition(":")
    path, _, parameters = rest.removesuffix(")").partition("(")
    try:
        owner: Any = import_module(module)
        *classes, attribute = path.split(".")
        for each in classes:
            owner = getattr(owner, each)
    except (ImportError, AttributeError):
        return False
    if not hasattr(owner, attribute):
        return isinstance(owner, type) and any(attribute in code.co_names for code in _methods(owner))
    if not parameters:
        return True
    expected = [parameter.strip() for parameter in parameters.split(",")]
    return list(inspect.signature(getattr(owner, attribute)).parameters)[1 : len(expected) + 1] == expected


def _methods(owner: type) -> Iterator[Any]:
    """Code of a class's methods: an attribute that only instances have is assigned in one of them."""
    for parent in owner.__mro__:
        for member in vars(parent).values():
            if isinstance(member, FunctionType):
                yield member.__code__
