"""Calls of concurrent requests run together, each with its own result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from qctl.gateway.grouped_calls import MAX_GROUP, GroupedCalls
from support.waiting import PATIENCE_SECONDS


class Doubling:
    """A function that doubles, and keeps its groups. Negative values are errors. Runs while `gate` is set."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, values: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(values))
        assert self.gate.wait(PATIENCE_SECONDS)
        return [ValueError(str(value)) if value < 0 else 2 * value for value in values]


@pytest.fixture
def function() -> Doubling:
    return Doubling()


@pytest.fixture
def calls(function: Doubling) -> Iterator[GroupedCalls[int, int]]:
    made = GroupedCalls("doubling", function)
    yield made
    function.gate.set()
    made.close()


def test_each_call_gets_its_own_result(calls: GroupedCalls[int, int], function: Doubling) -> None:
    async def run() -> list[int | BaseException]:
        return await asyncio.gather(*(calls.call(value) for value in (1, -2, 3)), return_exceptions=True)

    one, error, three = asyncio.run(run())
    assert (one, three) == (2, 6)
    assert isinstance(error, ValueError)
    assert function.groups == [[1, -2, 3]]


def test_calls_that_come_meanwhile_are_the_next_groups(calls: GroupedCalls[int, int], function: Doubling) -> None:
    async def run() -> list[int]:
        function.gate.clear()
        first = asyncio.create_task(calls.call(0))
        while not function.groups:
            await asyncio.sleep(0.001)
        others = [asyncio.create_task(calls.call(value)) for value in range(1, MAX_GROUP + 2)]
        await asyncio.sleep(0.01)
        function.gate.set()
        return list(await asyncio.gather(first, *others))

    assert asyncio.run(run()) == [2 * value for value in range(MAX_GROUP + 2)]
    assert function.groups == [[0], list(range(1, MAX_GROUP + 1)), [MAX_GROUP + 1]]


def test_a_call_that_is_given_up_leaves_the_others_alone(calls: GroupedCalls[int, int], function: Doubling) -> None:
    async def run() -> int:
        function.gate.clear()
        given_up, other = asyncio.create_task(calls.call(1)), asyncio.create_task(calls.call(2))
        while not function.groups:
            await asyncio.sleep(0.001)
        given_up.cancel()
        await asyncio.sleep(0)
        function.gate.set()
        return await other

    assert asyncio.run(run()) == 4


def test_what_the_function_raises_reaches_every_call_of_its_group() -> None:
    def fail(_values: Sequence[int]) -> list[int]:
        raise LookupError("gone")

    calls: GroupedCalls[int, int] = GroupedCalls("failing", fail)

    async def run() -> list[int | BaseException]:
        return await asyncio.gather(calls.call(1), calls.call(2), return_exceptions=True)

    try:
        assert [str(error) for error in asyncio.run(run())] == ["gone", "gone"]
    finally:
        calls.close()
