"""Contract between `Ops` and the tests' fakes of it: each faked operation exists and takes the same arguments."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import pytest

from cli.fake import ANSWERS, FakeOps
from qctl.ops.base import Part
from tui.fake import ANSWERS as MONITOR_ANSWERS

FAKED = {**ANSWERS, **MONITOR_ANSWERS}
DROPPED = {"self", "progress"}
"""Parameters that a fake's answer does not see."""


def operation(name: str) -> Callable[..., Any]:
    """The method of the real part that an answer stands for. Raises AttributeError if there is none."""
    part, _, verb = name.partition("__")
    kind = type(getattr(FakeOps(), part))
    if verb not in kind.operations:
        raise AttributeError(f"{kind.__name__} has no public method {verb!r}")
    method: Callable[..., Any] = getattr(kind, verb)
    return method


def differences(answer: Callable[..., Any], real: Callable[..., Any]) -> list[str]:
    """Parameters that one of both has and the other lacks, by name and kind. A leading underscore does not count."""
    wanted = [parameter for parameter in signature(real).parameters.values() if parameter.name not in DROPPED]
    offered = list(signature(answer).parameters.values())
    takes_more = {parameter.kind for parameter in offered} & {Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD}
    named = [parameter for parameter in offered if parameter.kind not in takes_more]
    known = {parameter.name: parameter for parameter in wanted}
    found = [
        f"{parameter.name} is no parameter of the operation"
        for parameter in named
        if parameter.name.lstrip("_") not in known
    ]
    positional = [parameter for parameter in named if parameter.kind is not Parameter.KEYWORD_ONLY]
    for position, parameter in enumerate(positional):
        real_one = known.get(parameter.name.lstrip("_"))
        keyword_only = real_one is not None and real_one.kind is Parameter.KEYWORD_ONLY
        if real_one is not None and not keyword_only and wanted[position] is not real_one:
            found.append(f"{parameter.name} stands at another position")
    names = {parameter.name.lstrip("_") for parameter in named}
    if not takes_more:
        found += [f"{parameter.name} is missing" for parameter in wanted if parameter.name not in names]
    return found


@pytest.mark.parametrize("name", sorted(FAKED))
def test_each_faked_operation_exists_and_takes_the_same_arguments(name: str) -> None:
    real, answer = operation(name), FAKED[name]
    assert not callable(answer) or differences(answer, real) == []


def test_an_operation_that_is_renamed_is_noticed() -> None:
    with pytest.raises(AttributeError, match="StatsOps has no public method 'snapshot'"):
        operation("stats__snapshot")
    with pytest.raises(AttributeError):
        FakeOps().stats.snapshot()  # type: ignore[attr-defined]


def test_arguments_that_the_real_operation_would_not_take_are_refused() -> None:
    ops = FakeOps()
    with pytest.raises(TypeError, match="unexpected keyword argument 'why'"):
        ops.queues.pause("email", why="deploy")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="missing a required argument: 'name'"):
        ops.queues.pause()  # type: ignore[call-arg]
    assert ops.calls == []


class Changed(Part, name="queues"):
    """A part whose operation `pause` has other parameters than before."""

    def pause(self, queue: str, *, reason: str, progress: object = None) -> None:
        """Takes what no answer takes yet."""


def same(_queue: str, _reason: str) -> None: ...
def others_too(_queue: str, **_: Any) -> None: ...
def renamed(_name: str, _reason: str) -> None: ...
def swapped(_reason: str, _queue: str) -> None: ...
def too_few(_queue: str) -> None: ...


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (same, []),
        (others_too, []),
        (renamed, ["_name is no parameter of the operation", "queue is missing"]),
        (swapped, ["_queue stands at another position"]),
        (too_few, ["reason is missing"]),
    ],
)
def test_a_signature_that_changes_is_noticed(answer: Callable[..., Any], found: list[str]) -> None:
    assert differences(answer, Changed.pause) == found
