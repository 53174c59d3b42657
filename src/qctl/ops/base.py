"""Base class of the parts of `Ops`: a connection, the settings, and only qctl's own errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import isfunction
from typing import Any, ClassVar, TypeVar

from qctl.broker.redis.connection import Connection, translate_errors
from qctl.settings import Settings


class Part:
    """A group of operations. An error that Redis raises in a public method leaves it as a QctlError."""

    name: ClassVar[str] = ""
    """Name of the attribute of `Ops` that holds the part."""

    operations: ClassVar[frozenset[str]] = frozenset()
    """Names of the public methods."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._redis = connection
        self._settings = settings

    def __init_subclass__(cls, *, name: str = "") -> None:
        super().__init_subclass__()
        cls.name = name or cls.name
        methods = {verb: method for verb, method in vars(cls).items() if isfunction(method) and verb[0] != "_"}
        for verb, method in methods.items():
            setattr(cls, verb, _translating(method))
        cls.operations |= frozenset(methods)


P = TypeVar("P", bound=Part)

Call = Callable[[str, tuple[Any, ...], dict[str, Any]], Any]
"""Performs an operation of a part: its name, the positional arguments, the keyword arguments."""


def redirect(kind: type[P], call: Call) -> P:
    """Make a part of this class that opens no connection: each of its operations is performed by `call`.

    For recordings, replays and tests. An operation that the class does not have cannot be called.
    """
    part = object.__new__(kind)
    for verb in kind.operations:
        setattr(part, verb, _redirected(verb, call))
    return part


def _redirected(verb: str, call: Call) -> Callable[..., Any]:
    return lambda *args, **kwargs: call(verb, args, kwargs)


def _translating(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def run(self: Part, *args: Any, **kwargs: Any) -> Any:
        with translate_errors(self._settings):
            return method(self, *args, **kwargs)

    return run
