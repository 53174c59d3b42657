"""Offsets of live messages: a client that reconnects names what it received, also between two messages of one entry."""

from __future__ import annotations

import pytest

from qctl.gateway.owner_events import OFFSET, OwnerEvent, parse_offset

EVENT = OwnerEvent("5-3", "ada", lambda: [("newMessage", {"n": 1}), ("notification", {"n": 2})])


def test_only_the_last_message_has_the_offset_of_its_entry() -> None:
    offsets = [offset for *_, offset in EVENT.messages_after()]
    assert offsets == ["5-3-1", "5-3"]
    assert all(OFFSET.fullmatch(offset) for offset in offsets)


def test_what_was_received_is_not_sent_again() -> None:
    assert [name for name, *_ in EVENT.messages_after(1)] == ["notification"]


def test_offsets_compare_in_the_order_of_the_stream() -> None:
    offsets = ["4-9", "5-0", "5-3-1", "5-3-2", "5-3", "5-4-1", "10-0"]
    assert sorted(offsets, key=parse_offset) == offsets


@pytest.mark.parametrize("offset", ["", "5", "5-", "5-3-", "5-3-100", "5-3-1-1", "-1-3", "5-3-1\n", "5-x"])
def test_other_offsets_are_refused(offset: str) -> None:
    assert not OFFSET.fullmatch(offset)
