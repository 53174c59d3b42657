"""What a job takes: the names, types and meaning of its arguments, checked before it is queued.

Arguments are JSON. They are told of in the catalog for qctl's own jobs, and read from the type hints of a function
for jobs that others declare.
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
"""Types of arguments. `whole` is a number without a fraction, `flag` true or false, `id` text or a whole number."""

_WORDS = {
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


@dataclass(frozen=True)
class Argument:
    """One argument of a job. `choices` are all it may be, where it is text and may not be everything."""

    name: str
    kind: Kind = "text"
    doc: str = ""
    required: bool = True
    choices: tuple[str, ...] = ()

    @property
    def takes(self) -> str:
        """What it may be, in words: `a whole number`, `one of high, low`."""
        return f"one of {', '.join(self.choices)}" if self.choices else _WORDS[self.kind]

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, going on from the argument's name; None where nothing is."""
        if value is None and not self.required:
            return None
        if not _fits(self.kind, value):
            return f"is not {_WORDS[self.kind]}"
        if self.choices and value not in self.choices:
            return f"is not one of {', '.join(self.choices)}"
        return None


def optional(name: str, kind: Kind = "text", doc: str = "", choices: tuple[str, ...] = ()) -> Argument:
    """An argument that need not be given."""
    return Argument(name, kind, doc, False, choices)


def check(job: str, arguments: Sequence[Argument], given: Mapping[str, Any]) -> None:
    """Raise UsageError, naming everything that is wrong at once, unless `given` is what the job takes."""
    known = {argument.name: argument for argument in arguments}
    problems = [f"{name} is needed" for name, argument in known.items() if argument.required and name not in given]
    problems += [f"it takes no {name}" for name in given if name not in known]
    for name, argument in known.items():
        if name in given and (problem := argument.problem(given[name])):
            problems.append(f"{name} {problem}")
    if problems:
        takes = ", ".join(known) or "nothing"
        raise UsageError(f"job {job}: {'; '.join(problems)}", hint=f"it takes {takes}")


def parse(job: str, arguments: Sequence[Argument], pairs: Sequence[str]) -> dict[str, Any]:
    """Read `name=value` words as the command line has them; what is no text is written as JSON.

    Raises UsageError where a word has no `=`, a name comes twice, or a value is not JSON. It does not `check`.
    """
    kinds = {argument.name: argument.kind for argument in arguments}
    read: dict[str, Any] = {}
    for pair in pairs:
        name, equals, raw = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"job {job}: {pair!r} is not name=value")
        if name in read:
            raise UsageError(f"job {job}: {name} is given twice")
        read[name] = raw if kinds.get(name, "text") in ("text", "id") else _from_json(job, name, raw)
    return read


def _from_json(job: str, name: str, raw: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise UsageError(f"job {job}: {name} is not JSON, as true, 12 or [1, 2] are") from None


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


def of_function(function: Callable[..., Any]) -> tuple[Argument, ...]:
    """The arguments of a function by its type hints. An argument without a hint takes any JSON.

    Raises TypeError where a job cannot call it by names, or a hint is not a type of JSON's.
    """
    hints = typing.get_type_hints(function)
    taken = inspect.signature(function).parameters.values()
    for parameter in taken:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{function.__qualname__}: {parameter} cannot be given by its name")
    return tuple(_of_parameter(function.__qualname__, p, hints.get(p.name, Any)) for p in taken)


def _of_parameter(where: str, parameter: inspect.Parameter, hint: Any) -> Argument:
    required = parameter.default is parameter.empty
    if get_origin(hint) in (Union, types.UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        if len(members) < len(get_args(hint)) and required:
            raise TypeError(f"{where}: {parameter.name} may be None and needs a default")
        hint = members[0] if len(members) == 1 else (str | int if set(members) == {str, int} else None)
    if hint == str | int:
        return Argument(parameter.name, "id", "", required)
    if get_origin(hint) is Literal and all(isinstance(choice, str) for choice in get_args(hint)):
        return Argument(parameter.name, "text", "", required, get_args(hint))
    kind = _kind(hint)
    if kind is None:
        raise TypeError(f"{where}: {parameter.name} is not of a type that JSON has: str, int, float, bool, dict, list")
    return Argument(parameter.name, kind, "", required)


def _kind(hint: Any) -> Kind | None:
    origin = get_origin(hint) or hint
    if origin in _KINDS:
        return _KINDS[origin]
    if not isinstance(origin, type):
        return None
    if issubclass(origin, Mapping):  # a TypedDict too: it is a dict
        return "object"
    return "list" if issubclass(origin, Sequence) and not issubclass(origin, (bytes, bytearray, memoryview)) else None
