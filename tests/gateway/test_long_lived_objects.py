"""Test that full collections pass long-lived objects by, and that garbage among these is found in the end."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from qctl.gateway import long_lived_objects
from qctl.gateway.long_lived_objects import LongLivedObjects


class Node:
    """An object that is part of a cycle."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[LongLivedObjects]:
    monkeypatch.setattr(long_lived_objects, "MAX_PAUSE_SECONDS", 0.0)
    objects = LongLivedObjects()
    objects.start()
    yield objects
    objects.stop()


def test_survivors_of_a_long_full_collection_are_frozen(objects: LongLivedObjects) -> None:
    nodes = [Node() for _ in range(1000)]
    before = gc.get_freeze_count()
    gc.collect(1)
    assert gc.get_freeze_count() < before + 1000
    gc.collect()
    assert gc.get_freeze_count() >= before + 1000
    assert len(nodes) == 1000


def test_frozen_garbage_is_collected_once_there_is_much(
    objects: LongLivedObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node()
    frozen = weakref.ref(node)
    gc.collect()
    del node
    gc.collect()
    objects.check()
    assert frozen() is not None
    monkeypatch.setattr(objects, "_max_frozen", gc.get_freeze_count())
    monkeypatch.setattr(long_lived_objects, "FREEZES_PER_COUNT", 1)
    nodes = [Node() for _ in range(1000)]
    gc.collect()
    objects.check()
    assert frozen() is None
    assert len(nodes) == 1000


def test_stopped_it_leaves_the_collector_as_it_was() -> None:
    before, objects = gc.get_threshold(), LongLivedObjects()
    objects.start()
    assert gc.get_threshold() != before
    objects.stop()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_stopped_it_freezes_nothing(objects: LongLivedObjects) -> None:
    objects.stop()
    before, nodes = gc.get_freeze_count(), [Node() for _ in range(1000)]
    gc.collect()
    assert gc.get_freeze_count() <= before
    assert len(nodes) == 1000
    objects.start()
