"""Test job arguments: the check before a job is enqueued, command-line parsing, and type hints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

import pytest

from qctl.catalog import arguments
from qctl.catalog.arguments import Argument, Kind, optional
from qctl.errors import UsageError

SYNC = (
    Argument("businessId", "id"),
    Argument("externalSystem"),
    optional("syncType", choices=("full", "incremental")),
    optional("limit", "whole"),
    optional("dry", "flag"),
)


class Item(TypedDict):
    sku: str


def problems(**values: Any) -> str:
    with pytest.raises(UsageError) as caught:
        arguments.check("sync", SYNC, values)
    return caught.value.message


def test_valid_arguments_pass() -> None:
    arguments.check("sync", SYNC, {"businessId": 1, "externalSystem": "erp"})
    arguments.check("sync", SYNC, {"businessId": "b", "externalSystem": "erp", "syncType": None, "limit": 3})


def test_one_error_lists_all_problems() -> None:
    message = problems(externalSystem=5, syncType="both", limit=1.5, dry="yes", odd=1)
    assert message == (
        "job sync: businessId is required; unknown argument 'odd'; externalSystem is not text; "
        "syncType is not one of full, incremental; limit is not a whole number; dry is not true or false"
    )


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", ["", "a"], [None, 1, b"a", ["a"]]),
        ("whole", [0, -5, 10**20], [1.0, True, "1"]),
        ("number", [1, 2.5], [True, float("nan"), float("inf"), "1"]),
        ("flag", [True, False], [0, 1, "true"]),
        ("object", [{}, {"a": 1}], [[], {1: 2}, "{}"]),
        ("list", [[], (1, 2)], [{}, "ab", {1}]),
        ("id", ["a", 5], ["", True, 1.5, None]),
        ("any", [1, "a", None, []], []),
    ],
)
def test_each_type_accepts_its_values_only(kind: Kind, good: list[Any], bad: list[Any]) -> None:
    argument = Argument("x", kind)
    assert [argument.problem(value) for value in good] == [None] * len(good)
    assert all(argument.problem(value) for value in bad)


def test_command_line_words_are_parsed_by_type() -> None:
    read = arguments.parse("sync", SYNC, ["businessId=007", "externalSystem=a=b", "limit=3", "dry=true"])
    assert read == {"businessId": "007", "externalSystem": "a=b", "limit": 3, "dry": True}
    assert arguments.parse("sync", SYNC, ["odd=x"]) == {"odd": "x"}, "check reports unknown arguments"


@pytest.mark.parametrize("word", ["limit", "=3", "limit=three", "limit=[", "limit=" + "[" * 100_000])
def test_invalid_word_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="job sync: "):
        arguments.parse("sync", SYNC, [word])


def test_repeated_argument_is_refused() -> None:
    with pytest.raises(UsageError, match="argument 'limit' is repeated"):
        arguments.parse("sync", SYNC, ["limit=1", "limit=2"])


def test_type_hints_become_arguments() -> None:
    def job(
        a: str,
        b: int | None = None,
        c: float = 1.0,
        *,
        d: Literal["x", "y"],
        e: dict[str, int],
        f: Sequence[Item],
        g: Mapping[str, Any],
        h: str | int,
        i: Any,
        j=None,  # type: ignore[no-untyped-def]
        k: bool = False,
        m: Item,
    ) -> None: ...

    found = {argument.name: argument for argument in arguments.from_function(job)}
    kinds = {name: argument.kind for name, argument in found.items()}
    assert kinds == {
        "a": "text",
        "b": "whole",
        "c": "number",
        "d": "text",
        "e": "object",
        "f": "list",
        "g": "object",
        "h": "id",
        "i": "any",
        "j": "any",
        "k": "flag",
        "m": "object",
    }
    assert [name for name, argument in found.items() if not argument.required] == ["b", "c", "j", "k"]
    assert found["d"].choices == ("x", "y")


def takes_bytes(a: bytes) -> None: ...


def takes_set(a: set[str]) -> None: ...


def takes_some(*a: str) -> None: ...


def takes_any_name(**a: str) -> None: ...


def takes_either(a: str | dict[str, str]) -> None: ...


def takes_none(a: str | None) -> None: ...


def takes_by_place(a: str, /) -> None: ...


@pytest.mark.parametrize(
    "function", [takes_bytes, takes_set, takes_some, takes_any_name, takes_either, takes_none, takes_by_place]
)
def test_hint_without_a_json_type_is_refused(function: Callable[..., None]) -> None:
    with pytest.raises(TypeError, match="takes_"):
        arguments.from_function(function)
