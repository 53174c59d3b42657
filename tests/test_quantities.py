"""Counts with their nouns."""

from __future__ import annotations

import pytest

from qctl.quantities import clause, quantity


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "job", "0 jobs"),
        (1, "job", "1 job"),
        (2, "trash batch", "2 trash batches"),
        (2, "entry", "2 entries"),
        (2, "key", "2 keys"),
        (1, "batch", "1 batch"),
        (3, "dead letter", "3 dead letters"),
    ],
)
def test_noun_agrees_with_its_count(number: int, noun: str, text: str) -> None:
    assert quantity(number, noun) == text


def test_verb_agrees_with_its_count() -> None:
    assert clause(1, "job", "waits", "wait") == "1 job waits"
    assert clause(2, "job", "waits", "wait") == "2 jobs wait"
