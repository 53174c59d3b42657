"""Job arguments: their names, types and meaning, checked before a job is enqueued.

Arguments are JSON. The catalog describes those of qctl's own jobs; those of declared jobs are read from type hints.
"""

from __future__ import annotations

import inspect
import json
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from qctl.errors import UsageError

Kind = Literal["text", "whole", "number", "flag", "object", "list", "id", "any"]
"""Argument types. `whole` is an integer, `flag` is true or false, `id` is text or an integer."""

_TYPE_NAMES = {
    "text": "text",
    "whole": "a whole number",
    "number": "a number",
    "flag": "true or false",
    "object": "an object",
    "list": "a list",
    "id": "text or a whole number",
    "any": "JSON",
}

_KINDS: dict[Any, Kind] = {
    str: "text",
    int: "whole",
    float: "number",
    bool: "flag",
    dict: "object",
    list: "list",
    Any: "any",
    object: "any",
}


CallerRule = Literal["id", "sender", "address", "business", "gateway"]
"""Relation of an argument to the user who requests a job over HTTP.

`id`: the id of that user. `sender`: an object whose `senderId` is that id. `address`: if it is an email address, that
user's own. `business`: the id of a business that the user is a member of, which users must send. `gateway`: only a
route of the gateway sets it; neither users nor operators may send it over HTTP.
"""


@dataclass(frozen=True)
class Argument:
    """One argument of a job. `choices` lists the allowed values of a text argument; empty allows any text.

    `caller`: its relation to the user who requests the job over HTTP. `user_prefix`: text that its value must begin
    with if a user requests the job. `max_chars`: maximum length of a text.
    """

    name: str
    kind: Kind = "text"
    doc: str = ""
    required: bool = True
    choices: tuple[str, ...] = ()
    caller: CallerRule | None = None
    user_prefix: str = ""
    max_chars: int | None = None

    @property
    def accepts(self) -> str:
        """Allowed values in words: `a whole number`, `one of high, low`."""
        return f"one of {', '.join(self.choices)}" if self.choices else _TYPE_NAMES[self.kind]

    def problem(self, value: Any) -> str | None:
        """The problem with a value as a phrase to follow the argument's name, or None if the value is valid."""
        if value is None and not self.required:
            return None
        if not _fits(self.kind, value):
            return f"is not {_TYPE_NAMES[self.kind]}"
        if self.choices and value not in self.choices:
            return f"is not one of {', '.join(self.choices)}"
        if self.max_chars is not None and isinstance(value, str) and len(value) > self.max_chars:
            return f"has {len(value)} characters, more than {self.max_chars}"
        return None


def optional(
    name: str,
    kind: Kind = "text",
    doc: str = "",
    choices: tuple[str, ...] = (),
    caller: CallerRule | None = None,
    user_prefix: str = "",
) -> Argument:
    """An argument that may be omitted."""
    return Argument(name, kind, doc, False, choices, caller, user_prefix)


def check(job: str, arguments: Sequence[Argument], values: Mapping[str, Any]) -> None:
    """Raise UsageError, listing every problem, unless `values` are valid arguments of the job."""
    known = {argument.name: argument for argument in arguments}
    problems = [f"{name} is required" for name, argument in known.items() if argument.required and name not in values]
    problems += [f"unknown argument {name!r}" for name in values if name not in known]
    for name, argument in known.items():
        if name in values and (problem := argument.problem(values[name])):
            problems.append(f"{name} {problem}")
    if problems:
        raise UsageError(f"job {job}: {'; '.join(problems)}", hint=f"arguments: {', '.join(known) or 'none'}")


def parse(job: str, arguments: Sequence[Argument], pairs: Sequence[str]) -> dict[str, Any]:
    """Parse `name=value` words of a command line; values of type text and id are taken as they
    are, others are JSON; one that accepts anything is text if it is not JSON. Does not `check` them.

    Raises UsageError if a word has no `=`, a name is repeated, or a value is not JSON.
    """
    kinds = {argument.name: argument.kind for argument in arguments}
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, raw = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"job {job}: {pair!r} is not name=value")
        if name in values:
            raise UsageError(f"job {job}: argument {name!r} is repeated")
        values[name] = raw if kinds.get(name, "text") in ("text", "id") else _from_json(job, name, kinds[name], raw)
    return values


def _from_json(job: str, name: str, kind: Kind, raw: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        if kind == "any":
            return raw
        raise UsageError(f"job {job}: {name} is not JSON, such as true, 12 or [1, 2]") from None


def _fits(kind: Kind, value: Any) -> bool:
    if kind == "any":
        return True
    if isinstance(value, bool):
        return kind == "flag"
    if kind == "text":
        return isinstance(value, str)
    if kind == "object":
        return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)
    if kind == "list":
        return isinstance(value, (list, tuple))
    if kind == "id":
        return (isinstance(value, str) and bool(value)) or isinstance(value, int)
    if kind == "number":
        return isinstance(value, (int, float)) and math.isfinite(value)
    return kind == "whole" and isinstance(value, int)


def from_function(function: Callable[..., Any]) -> tuple[Argument, ...]:
    """The arguments of a function, from its type hints. An argument without a hint accepts any JSON.

    Raises TypeError if a parameter cannot be passed by name, or if a hint is not a JSON type.
    """
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{function.__qualname__}: {parameter} cannot be passed by name")
    return tuple(_of_parameter(function.__qualname__, p, hints.get(p.name, Any)) for p in parameters)


def _of_parameter(function: str, parameter: inspect.Parameter, hint: Any) -> Argument:
    required = parameter.default is parameter.empty
    if get_origin(hint) in (Union, types.UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        if len(members) < len(get_args(hint)) and required:
            raise TypeError(f"{function}: {parameter.name} may be None, so it needs a default")
        hint = members[0] if len(members) == 1 else (str | int if set(members) == {str, int} else None)
    if hint == str | int:
        return Argument(parameter.name, "id", "", required)
    if get_origin(hint) is Literal and all(isinstance(choice, str) for choice in get_args(hint)):
        return Argument(parameter.name, "text", "", required, get_args(hint))
    kind = _kind(hint)
    if kind is None:
        raise TypeError(f"{function}: {parameter.name} is not a JSON type: use str, int, float, bool, dict or list")
    return Argument(parameter.name, kind, "", required)


def _kind(hint: Any) -> Kind | None:
    origin = get_origin(hint) or hint
    if origin in _KINDS:
        return _KINDS[origin]
    if not isinstance(origin, type):
        return None
    if issubclass(origin, Mapping):  # includes TypedDict, which is a dict at run time
        return "object"
    return "list" if issubclass(origin, Sequence) and not issubclass(origin, (bytes, bytearray, memoryview)) else None
