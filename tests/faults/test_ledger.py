"""The books find what is missing, and what is there too often."""

from __future__ import annotations

from collections import Counter

import pytest

from faults.ledger import Arrived, Ledger


@pytest.fixture
def ledger() -> Ledger:
    """Three good ones and a bad one, all acknowledged."""
    ledger = Ledger("readings")
    for number in range(4):
        ledger.attempt(number, good=number != 3)
    ledger.acknowledge(range(4))
    return ledger


def test_what_is_there_once_is_as_it_should_be(ledger: Ledger) -> None:
    arrived = Arrived(Counter([0, 1, 2]), Counter([3]))
    assert ledger.balanced(arrived)
    assert ledger.objections(arrived) == []


@pytest.mark.parametrize(
    ("stored", "dead", "objections"),
    [
        ([0, 2], [3], ["readings acknowledged and lost: 1 (1)"]),
        ([0, 1, 2], [], ["readings acknowledged and lost: 1 (3)"]),
        ([0, 1, 1, 2], [3], ["readings there more than once: 1 (1)"]),
        ([0, 1, 2], [3, 3], ["readings there more than once: 1 (3)"]),
        ([0, 1, 2, 9], [3], ["readings there and never sent: 1 (9)"]),
        ([0, 1], [2, 3], ["readings good, and a dead letter: 1 (2)"]),
        ([0, 1, 2, 3], [], ["readings bad, and in the sink: 1 (3)"]),
    ],
)
def test_what_is_not_is_named(ledger: Ledger, stored: list[int], dead: list[int], objections: list[str]) -> None:
    assert ledger.objections(Arrived(Counter(stored), Counter(dead))) == objections


def test_what_still_waits_is_not_lost(ledger: Ledger) -> None:
    arrived = Arrived(Counter([0]), Counter([3]), waiting=Counter([0, 1, 1]))
    assert not ledger.balanced(arrived)
    assert ledger.objections(arrived) == [
        "readings acknowledged and lost: 1 (2)",
        "readings acknowledged and still waiting: 1 (1)",
    ]


def test_what_nobody_acknowledged_is_named(ledger: Ledger) -> None:
    ledger.attempt(4)
    arrived = Arrived(Counter([0, 1, 2]), Counter([3]))
    assert ledger.balanced(arrived)
    assert ledger.objections(arrived) == ["readings sent and never acknowledged: 1 (4)"]


def test_nothing_sent_proves_nothing() -> None:
    assert Ledger("readings").objections(Arrived())
