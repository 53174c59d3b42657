"""What every sink promises, whatever it stores. A subclass brings the kind of item, its own subclass the sink."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import pytest

from qctl.errors import SinkError, SinkUnavailableError
from qctl.sinks.base import ReopeningSink, Sink
from support.waiting import eventually

Item = dict[str, Any]


class SinkContract:
    """Takes fixtures of its subclasses: `sink`, open; `absent_sink`, open, its target not able to write; `bad`, what
    is no item of this kind, or an item with what makes it none."""

    def item(self, scope: str, n: int) -> Item:
        """The nth item of a scope."""
        raise NotImplementedError

    def stored(self, scope: str) -> list[Any]:
        """What the target holds of a scope, in the order of n."""
        raise NotImplementedError

    def as_stored(self, item: Item) -> Any:
        """How `stored` shows an item."""
        raise NotImplementedError

    def poison(self, item: Item) -> Item:
        """The item, changed so that the target itself refuses it and what is written with it."""
        raise NotImplementedError

    def items(self, scope: str, count: int) -> list[Item]:
        """The first items of a scope."""
        return [self.item(scope, n) for n in range(count)]

    @pytest.fixture
    def scope(self) -> str:
        """What no other test has: some targets are shared."""
        return f"s{secrets.token_hex(6)}"

    def expect(self, scope: str, items: Sequence[Item]) -> None:
        """Assert that the target holds these, each once, and nothing else."""
        eventually(lambda: len(self.stored(scope)) >= len(items), what=f"{len(items)} items stored")
        assert self.stored(scope) == [self.as_stored(item) for item in items]

    def test_an_empty_batch_is_written(self, sink: Sink) -> None:
        assert sink.write([]) == []

    def test_looking_whether_it_could_be_written_to_writes_nothing(self, sink: Sink, scope: str) -> None:
        for _ in range(2):
            sink.check()
        assert self.stored(scope) == []
        assert sink.write(self.items(scope, 1)) == []

    def test_a_target_that_is_away_is_said_to_be(self, absent_sink: Sink) -> None:
        with pytest.raises(SinkError):
            absent_sink.check()

    def test_a_thousand_items(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 1000)
        assert sink.write(items) == []
        self.expect(scope, items)

    def test_the_same_batch_again_changes_nothing(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 20)
        assert sink.write(items) == []
        assert sink.write(items) == []
        assert sink.write([*items, *items]) == []
        self.expect(scope, items)

    def test_overlapping_batches(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 30)
        assert sink.write(items[:20]) == []
        assert sink.write(items[10:]) == []
        self.expect(scope, items)

    def test_the_same_item_received_again_is_the_same(self, sink: Sink, scope: str) -> None:
        item = self.item(scope, 0)
        assert sink.write([item]) == []
        assert sink.write([{**item, "received_ns": item["received_ns"] + 999}]) == []
        self.expect(scope, [item])

    def test_what_is_no_item_is_refused_alone(self, sink: Sink, scope: str, bad: Any) -> None:
        items = self.items(scope, 2)
        if isinstance(bad, dict) and len(bad) == 1:
            bad = {**self.item(scope, 2), **bad}
        (refused,) = sink.write([items[0], bad, items[1]])
        assert refused.index == 1
        assert refused.reason
        self.expect(scope, items)

    def test_poison_rows_are_refused_and_the_rest_is_written(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 40)
        bad = {0, 17, 18, 39}
        batch = [self.poison(item) if n in bad else item for n, item in enumerate(items)]
        for _ in range(2):
            refused = sink.write(batch)
            assert [row.index for row in refused] == sorted(bad)
            assert all(row.reason and "\n" not in row.reason for row in refused)
        self.expect(scope, [item for n, item in enumerate(items) if n not in bad])

    def test_closed_and_opened_again(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 3)
        sink.open()
        assert sink.write(items[:2]) == []
        sink.close()
        sink.close()
        sink.open()
        assert sink.write(items[2:]) == []
        self.expect(scope, items)

    def test_an_absent_target_is_unavailable_however_often_it_is_asked(self, absent_sink: Sink) -> None:
        kept = ReopeningSink(absent_sink)
        for _ in range(2):
            with pytest.raises(SinkUnavailableError):
                kept.write(self.items("absent", 3))
