"""Contract of sinks for messages, in addition to that of all sinks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from contract.sink_contract import Item, SinkContract
from qctl.sinks.base import Sink

START = datetime(2026, 1, 1, tzinfo=timezone.utc)

TEXTS = [
    "",
    " ",
    "'; DROP TABLE messages; --",
    "\\' OR 1=1 -- %s %(x)s ? :x {} $where",
    "a\nb\r\tc\\",
    "a\x00b",
    "\x1b[31mred\x1b]0;title\x07",
    "[bold]a[/bold]",
    "\u202egnp.exe",
    "grüße, שלום, مرحبا, 你好, हिन्दी",
    "🐘 👩‍👩‍👧‍👦 🇪🇺 ☃\ufe0f",
    "e\u0301 and é",
    "\U0010ffff",
    "🐘" * 16_000,
]

BAD = [
    None,
    [],
    "text",
    {},
    {"msg_id": "m", "message": "hello"},
    {"msg_id": ""},
    {"msg_id": "x" * 51},
    {"msg_id": 7},
    {"msg_id": None},
    {"message": None},
    {"message": ["hello"]},
    {"message": "\ud800"},
    {"user_id": "u" * 51},
    {"user_id": 7},
    {"timestamp": "yesterday"},
    {"timestamp": "2026-01-01 12:00:00"},
    {"timestamp": "0001-01-01T00:00:00+23:59"},
    {"timestamp": 1_700_000_000},
    {"unknown": 1},
]


class MessagesContract(SinkContract):
    """`stored` returns msg_id, message, user_id and timestamp of each message, the time in UTC without a zone."""

    unit = 1
    """Precision (µs) of times in the target."""

    def item(self, scope: str, n: int) -> Item:
        return message(scope, n)

    def as_stored(self, item: Item) -> Any:
        at = datetime.fromisoformat(item["timestamp"]).astimezone(timezone.utc).replace(tzinfo=None)
        at = at.replace(microsecond=at.microsecond // self.unit * self.unit)
        return item["msg_id"], item["message"], item["user_id"], at

    @pytest.fixture(params=BAD, ids=ascii)
    def bad(self, request: pytest.FixtureRequest) -> Any:
        """An invalid message."""
        return request.param

    @pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
    def test_text_is_stored_unchanged(self, sink: Sink, scope: str, text: str) -> None:
        item = {**message(scope, 0), "message": text, "user_id": text[:50]}
        assert sink.write([item]) == []
        assert sink.write([item]) == []
        self.expect(scope, [item])

    @pytest.mark.parametrize(
        "timestamp",
        [
            "1970-01-01T00:00:00.000000+00:00",
            "2026-03-29T02:30:00.123456+00:00",
            "2026-12-31T23:59:59.999999+00:00",
            "2026-01-01T05:30:00.5+05:30",
            "2026-01-01T00:00:00-08:00",
        ],
    )
    def test_times_are_stored_in_utc_and_never_later(self, sink: Sink, scope: str, timestamp: str) -> None:
        item = {**message(scope, 0), "timestamp": timestamp}
        assert sink.write([item]) == []
        assert sink.write([item]) == []
        self.expect(scope, [item])

    def test_longest_ids_are_stored(self, sink: Sink, scope: str) -> None:
        item = {**message(scope, 0), "msg_id": scope.ljust(50, "🐘"), "user_id": "🐘" * 50}
        assert sink.write([item]) == []
        self.expect(scope, [item])

    @pytest.mark.parametrize(
        "change", [{"message": "other"}, {"user_id": "other"}, {"timestamp": "2026-02-01T00:00:00.000000+00:00"}]
    )
    def test_another_message_with_the_same_id_is_rejected(self, sink: Sink, scope: str, change: Item) -> None:
        items = self.items(scope, 3)
        other = {**items[1], **change}
        assert sink.write(items[:2]) == []
        for _ in range(2):
            (rejected,) = sink.write([items[0], other, items[2]])
            assert rejected.index == 1
            assert rejected.reason == f"another message is stored already: {other['msg_id']!r}"
        self.expect(scope, items)

    def test_second_message_with_an_id_in_a_batch_is_rejected(self, sink: Sink, scope: str) -> None:
        items = self.items(scope, 2)
        batch = [items[0], items[0], {**items[0], "user_id": "other"}, items[1]]
        assert [row.index for row in sink.write(batch)] == [2]
        self.expect(scope, items)

    def test_similar_ids_are_distinct_or_rejected(self, sink: Sink, scope: str) -> None:
        ids = [f"{scope}-a", f"{scope}-A", f"{scope}-a ", f"{scope}-ä", f"{scope}-a\u0308"]
        items = [{**message(scope, n), "msg_id": id_} for n, id_ in enumerate(ids)]
        rejected = {row.index for row in sink.write(items)}
        assert 0 not in rejected
        self.expect(scope, [item for n, item in enumerate(items) if n not in rejected])


def message(scope: str, n: int) -> Item:
    """The nth message of a scope, sent at the nth second and microsecond."""
    return {
        "msg_id": f"{scope}-{n:04}",
        "message": f"hello {n}",
        "user_id": f"user-{n % 7}",
        "timestamp": (START + timedelta(seconds=n, microseconds=n)).isoformat(timespec="microseconds"),
        "received_ns": 1_700_000_000_000_000_000 + n,
    }


def messages(scope: str, count: int) -> list[Item]:
    """Messages of a scope, one a second."""
    return [message(scope, n) for n in range(count)]
