"""Contract of sinks for readings, in addition to that of all sinks."""

from __future__ import annotations

from typing import Any

import pytest

from contract.sink_contract import Item, SinkContract
from qctl.sinks.base import Sink

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


BAD = [
    None,
    [],
    "text",
    {},
    {"topic": "t", "device": "d"},
    {"ts_ns": 1.5},
    {"ts_ns": True},
    {"ts_ns": 2**63},
    {"received_ns": "now"},
    {"topic": None},
    {"device": 7},
    {"topic": "\ud800"},
    {"fields": {}},
    {"fields": [1]},
    {"fields": {"a": ["text"]}},
    {"fields": {"a": "\ud800"}},
    {"fields": {"a": None}},
    {"fields": {"a": float("nan")}},
    {"fields": {"a": float("inf")}},
    {"fields": {"\ud800": 1}},
    {"unknown": 1},
]


class ReadingsContract(SinkContract):
    """`stored` returns topic, ts_ns and fields of each reading, numbers and booleans as numbers."""

    def item(self, scope: str, n: int) -> Item:
        return reading(scope, n)

    def as_stored(self, item: Item) -> Any:
        return item["topic"], item["ts_ns"], item["fields"]

    @pytest.fixture(params=BAD, ids=ascii)
    def bad(self, request: pytest.FixtureRequest) -> Any:
        """An invalid reading."""
        return request.param

    def test_all_kinds_of_values_are_stored(self, sink: Sink, scope: str) -> None:
        item = reading(scope, 0, whole=21, part=-0.5, tiny=1e-9, on=True, off=False)
        assert sink.write([item]) == []
        self.expect(scope, [item])

    def test_field_may_be_an_integer_first_and_a_fraction_later(self, sink: Sink, scope: str) -> None:
        items = [reading(scope, 0, value=21), reading(scope, 1, value=21.5)]
        assert sink.write(items[:1]) == []
        assert sink.write(items[1:]) == []
        self.expect(scope, items)

    @pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
    @pytest.mark.parametrize("where", ["device", "topic", "field"])
    def test_hostile_text_is_stored_unchanged_or_rejected(self, sink: Sink, scope: str, text: str, where: str) -> None:
        hostile = reading(scope, 1)
        if where == "field":
            hostile["fields"] = {text: 1.0}
        else:
            hostile[where] = f"{scope}/{text}"
        items = [reading(scope, 0), hostile, reading(scope, 2)]
        rejected = sink.write(items)
        assert [(row.index, bool(row.reason)) for row in rejected] in ([], [(1, True)])
        self.expect(scope, [items[0], items[2]] if rejected else items)


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
