"""Contract of all sinks. A subclass defines the kind of item, and its subclass the sink."""

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
    """Needs fixtures of its subclasses: `sink`, open; `absent_sink`, open, with an unavailable target; `bad`, an
    invalid item, or one field that makes an item invalid."""

    def item(self, scope: str, n: int) -> Item:
        """The nth item of a scope."""
        raise NotImplementedError

    def stored(self, scope: str) -> list[Any]:
        """Items of a scope in the target, in the order of n."""
        raise NotImplementedError

    def as_stored(self, item: Item) -> Any:
        """The form of an item in `stored`."""
        raise NotImplementedError

    def poison(self, item: Item) -> Item:
        """The item, changed so that the target rejects it together with its batch."""
        raise NotImplementedError

    def items(self, scope: str, count: int) -> list[Item]:
        """The first items of a scope."""
        return [self.item(scope, n) for n in range(count)]

    @pytest.fixture
    def scope(self) -> str:
        """A scope of its own for each test, because some targets are shared."""
        return f"s{secrets.token_hex(6)}"

    def expect(self, scope: str, items: Sequence[Item]) -> None:
        """Assert that the target has these items, each once, and no others."""
        eventually(lambda: len(self.stored(scope)) >= len(items), what=f"{len(items)} items stored")
        assert self.stored(scope) == [self.as_stored(item) for item in items]

    def test_empty_batch_is_written(self, sink: Sink) -> None:
        assert sink.write([]) == []

    def test_check_writes_nothing(self, sink: Sink, scope: str) -> None:
        for _ in range(2):
            sink.check()
        assert self.stored(scope) == []
        assert sink.write(self.items(scope, 1)) == []

    def test_check_of_an_unavailable_target_raises(self, absent_sink: Sink) -> None:
        with pytest.raises(SinkError):
            absent_sink.check()

    def test_thousand_items_are_stored(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 1000)
        assert sink.write(items) == []
        self.expect(scope, items)

    def test_repeated_batch_changes_nothing(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 20)
        assert sink.write(items) == []
        assert sink.write(items) == []
        assert sink.write([*items, *items]) == []
        self.expect(scope, items)

    def test_overlapping_batches_store_each_item_once(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 30)
        assert sink.write(items[:20]) == []
        assert sink.write(items[10:]) == []
        self.expect(scope, items)

    def test_time_of_receipt_does_not_matter(self, sink: Sink, scope: str) -> None:
        item = self.item(scope, 0)
        assert sink.write([item]) == []
        assert sink.write([{**item, "received_ns": item["received_ns"] + 999}]) == []
        self.expect(scope, [item])

    def test_invalid_item_is_rejected_alone(self, sink: Sink, scope: str, bad: Any) -> None:
        items = self.items(scope, 2)
        if isinstance(bad, dict) and len(bad) == 1:
            bad = {**self.item(scope, 2), **bad}
        (rejected,) = sink.write([items[0], bad, items[1]])
        assert rejected.index == 1
        assert rejected.reason
        self.expect(scope, items)

    def test_poison_rows_are_rejected_and_the_rest_is_written(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 40)
        bad = {0, 17, 18, 39}
        batch = [self.poison(item) if n in bad else item for n, item in enumerate(items)]
        for _ in range(2):
            rejected = sink.write(batch)
            assert [row.index for row in rejected] == sorted(bad)
            assert all(row.reason and "\n" not in row.reason for row in rejected)
        self.expect(scope, [item for n, item in enumerate(items) if n not in bad])

    def test_sink_can_be_closed_and_opened_again(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 3)
        sink.open()
        assert sink.write(items[:2]) == []
        sink.close()
        sink.close()
        sink.open()
        assert sink.write(items[2:]) == []
        self.expect(scope, items)

    def test_unavailable_target_stays_unavailable(self, absent_sink: Sink) -> None:
        reopening = ReopeningSink(absent_sink)
        for _ in range(2):
            with pytest.raises(SinkUnavailableError):
                reopening.write(self.items("absent", 3))
