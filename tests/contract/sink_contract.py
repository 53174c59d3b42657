"""What every sink for readings promises. A subclass brings the sink and looks into its target."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import pytest

from qctl.errors import SinkUnavailableError
from qctl.sinks.base import KeptOpen, Sink
from support.waiting import eventually

Item = dict[str, Any]
Stored = list[tuple[str, int, dict[str, float]]]
"""What is in the target: topic, ts_ns and fields of each reading, numbers and booleans as numbers."""

START = 1_700_000_000_000_000_000

HOSTILE = [
    "a b",
    "a,b=c",
    "a\\b",
    "a\\",
    "a\\,b",
    "a\\\\b",
    'a"b',
    'a\\"b',
    "a'b; DROP TABLE readings; --",
    "a\nreadings,device=x y=1",
    "a\r\tb",
    "a\x00b",
    "\x1b[31mred\x1b]0;title\x07",
    "[bold]a[/bold]",
    "\u202egnp.exe",
    "grüße/☃/🐘",
    "#comment",
    " a ",
    "_a",
    "time",
    "=",
    ",",
    "{}",
    "a" * 1000,
]


class SinkContract:
    """Takes fixtures of its subclasses: `sink`, open; `absent_sink`, open, its target not able to write."""

    def stored(self, device: str) -> Stored:
        """What the target holds whose device begins with `device`, in the order of its timestamps."""
        raise NotImplementedError

    def poison(self, item: Item) -> Item:
        """The item, changed so that the target itself refuses it and what is written with it."""
        raise NotImplementedError

    @pytest.fixture
    def device(self) -> str:
        """A device that no other test has: some targets are shared."""
        return f"d{secrets.token_hex(6)}"

    def expect(self, device: str, items: Sequence[Item]) -> None:
        """Assert that the target holds these, each once, and nothing else."""
        expected = [(item["topic"], item["ts_ns"], item["fields"]) for item in items]
        eventually(lambda: len(self.stored(device)) >= len(expected), what=f"{len(items)} readings stored")
        assert self.stored(device) == sorted(expected, key=lambda row: row[1])

    def test_an_empty_batch_is_written(self, sink: Sink) -> None:
        assert sink.write([]) == []

    def test_one_reading_with_all_kinds_of_values(self, sink: Sink, device: str) -> None:
        item = reading(device, 0, whole=21, part=-0.5, tiny=1e-9, on=True, off=False)
        assert sink.write([item]) == []
        self.expect(device, [item])

    def test_a_field_may_be_whole_first_and_broken_later(self, sink: Sink, device: str) -> None:
        items = [reading(device, 0, value=21), reading(device, 1, value=21.5)]
        assert sink.write(items[:1]) == []
        assert sink.write(items[1:]) == []
        self.expect(device, items)

    def test_a_thousand_readings(self, sink: Sink, device: str) -> None:
        items = readings(device, 1000)
        assert sink.write(items) == []
        self.expect(device, items)

    def test_the_same_batch_again_changes_nothing(self, sink: Sink, device: str) -> None:
        items = readings(device, 20)
        assert sink.write(items) == []
        assert sink.write(items) == []
        assert sink.write([*items, *items]) == []
        self.expect(device, items)

    def test_overlapping_batches(self, sink: Sink, device: str) -> None:
        items = readings(device, 30)
        assert sink.write(items[:20]) == []
        assert sink.write(items[10:]) == []
        self.expect(device, items)

    def test_the_same_reading_received_again_is_the_same(self, sink: Sink, device: str) -> None:
        item = reading(device, 0)
        assert sink.write([item]) == []
        assert sink.write([{**item, "received_ns": START + 999}]) == []
        self.expect(device, [item])

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    @pytest.mark.parametrize("where", ["device", "topic", "field"])
    def test_hostile_text_is_stored_as_it_is_or_refused(self, sink: Sink, device: str, text: str, where: str) -> None:
        hostile = reading(device, 1)
        if where == "field":
            hostile["fields"] = {text: 1.0}
        else:
            hostile[where] = f"{device}/{text}"
        items = [reading(device, 0), hostile, reading(device, 2)]
        refused = sink.write(items)
        assert [(row.index, bool(row.reason)) for row in refused] in ([], [(1, True)])
        self.expect(device, [items[0], items[2]] if refused else items)

    @pytest.mark.parametrize(
        "bad",
        [
            None,
            [],
            "text",
            {},
            {"topic": "t"},
            {"ts_ns": 1.5},
            {"ts_ns": True},
            {"ts_ns": 2**63},
            {"received_ns": "now"},
            {"topic": None},
            {"device": 7},
            {"topic": "\ud800"},
            {"fields": {}},
            {"fields": [1]},
            {"fields": {"a": "text"}},
            {"fields": {"a": None}},
            {"fields": {"a": float("nan")}},
            {"fields": {"a": float("inf")}},
            {"fields": {"\ud800": 1}},
            {"unknown": 1},
        ],
        ids=ascii,
    )
    def test_what_is_no_reading_is_refused_alone(self, sink: Sink, device: str, bad: Any) -> None:
        items = [reading(device, 0), reading(device, 1)]
        if isinstance(bad, dict) and bad and bad != {"topic": "t"}:
            bad = {**reading(device, 2), **bad}
        (refused,) = sink.write([items[0], bad, items[1]])
        assert refused.index == 1
        assert refused.reason
        self.expect(device, items)

    def test_poison_rows_are_refused_and_the_rest_is_written(self, sink: Sink, device: str) -> None:
        items = readings(device, 40)
        bad = {0, 17, 18, 39}
        batch = [self.poison(item) if n in bad else item for n, item in enumerate(items)]
        for _ in range(2):
            refused = sink.write(batch)
            assert [row.index for row in refused] == sorted(bad)
            assert all(row.reason and "\n" not in row.reason for row in refused)
        self.expect(device, [item for n, item in enumerate(items) if n not in bad])

    def test_closed_and_opened_again(self, sink: Sink, device: str) -> None:
        items = readings(device, 3)
        sink.open()
        assert sink.write(items[:2]) == []
        sink.close()
        sink.close()
        sink.open()
        assert sink.write(items[2:]) == []
        self.expect(device, items)

    def test_an_absent_target_is_unavailable_however_often_it_is_asked(self, absent_sink: Sink) -> None:
        kept = KeptOpen(absent_sink)
        for _ in range(2):
            with pytest.raises(SinkUnavailableError):
                kept.write(readings("d", 3))


def reading(device: str, n: int, **fields: float | bool) -> Item:
    """The reading of a device at the nth millisecond."""
    return {
        "topic": f"sensors/{device}",
        "device": device,
        "ts_ns": START + n * 1_000_000,
        "fields": fields or {"temperature": 20 + n / 10, "humidity": 40},
        "received_ns": START + n,
    }


def readings(device: str, count: int) -> list[Item]:
    """Readings of a device, one a millisecond."""
    return [reading(device, n) for n in range(count)]
