"""Telling messages that were sent again from new ones: the window itself, and a model of a broker around it."""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qctl.sources.duplicate_filter import CommittedWindow, digest, note


def test_a_committed_message_is_known_by_its_id_and_what_it_says() -> None:
    window = CommittedWindow(3)
    window.add(1, "a")
    assert window.has(1, "a")
    assert not window.has(1, "b")
    assert not window.has(2, "a")


def test_only_the_last_ones_are_known() -> None:
    window = CommittedWindow(2)
    for mid in (1, 2, 3):
        window.add(mid, "a")
    assert [mid for mid in (1, 2, 3) if window.has(mid, "a")] == [2, 3]


def test_while_an_id_stands_twice_nothing_is_taken_for_a_duplicate(caplog: pytest.LogCaptureFixture) -> None:
    window = CommittedWindow(2)
    with caplog.at_level(logging.WARNING):
        for mid in (1, 2, 3, 1):
            window.add(mid, "a")
            assert window.has(mid, "a") == (len(caplog.records) == 0)
        assert not window.has(3, "a")
        window.add(2, "a")
        assert not window.has(2, "a"), "the first 2 stands yet"
        window.add(4, "a")
    assert window.has(2, "a")
    assert window.has(4, "a")
    assert len(caplog.records) == 1


def test_notes_bring_the_window_back() -> None:
    notes = [note(mid, "a", mid) for mid in range(1, 6)]
    window = CommittedWindow(3, notes)
    assert [mid for mid in range(1, 6) if window.has(mid, "a")] == [3, 4, 5]


def test_a_note_that_was_written_twice_is_no_id_given_twice() -> None:
    notes = [note(1, "a", 10), note(2, "a", 11)]
    assert CommittedWindow(5, notes * 2).has(2, "a")
    assert not CommittedWindow(5, [*notes, note(1, "a", 12)]).has(2, "a")


def test_a_digest_tells_topic_from_payload() -> None:
    assert len({digest("a", b"b"), digest("ab", b""), digest("", b"ab"), digest("\udcff", b"")}) == 4


# --- a model of a broker and a bridge that breaks anywhere ------------------------------------------------------

SIZE = 4
IDS = 3 * SIZE


@dataclass
class Broker:
    """Sends QoS 1 messages, at most SIZE unacknowledged; ids come round in turn, or the lowest free one is given."""

    lowest_free: bool
    waiting: deque[int] = field(default_factory=deque)
    inflight: OrderedDict[int, tuple[int, bool]] = field(default_factory=OrderedDict)
    last: int = 0
    subscribed: bool = False

    def send(self) -> list[tuple[int, int]]:
        """New messages as (packet id, serial number), as many as may be unacknowledged."""
        sent = []
        while self.waiting and len(self.inflight) < SIZE:
            mid = self._next()
            self.inflight[mid] = (self.waiting.popleft(), False)
            sent.append((mid, self.inflight[mid][0]))
        return sent

    def again(self) -> list[tuple[int, int]]:
        """Unacknowledged messages when the client is back, flagged DUP."""
        return [(mid, serial) for mid, (serial, _) in self.inflight.items()]

    def _next(self) -> int:
        if self.lowest_free:
            return next(mid for mid in range(1, 99) if mid not in self.inflight)
        self.last = self.last % IDS + 1
        return self.last


@dataclass
class Store:
    """State of Redis: serial numbers of committed messages, notes, whether the last connect was settled."""

    items: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settled: bool = True


def connection(broker: Broker, store: Store, present: bool, plan: list[int], clock: list[int]) -> None:
    """One connection, as the bridge does it, that ends where the plan says so. All messages say the same."""
    window = CommittedWindow(SIZE, store.notes, inherited=not store.settled)
    store.settled = False
    if plan[0] == 0:
        return  # killed before the broker's answer was understood
    if not present:
        window = CommittedWindow(SIZE)
    if window.inherited and broker.subscribed and (broker.inflight or broker.waiting):
        window.inherited = False  # what comes before we subscribe shows that the session is the old one
    if not present or window.inherited:
        store.notes.clear()
    store.settled = True
    broker.subscribed = True
    redelivered = broker.again()
    for kind, arrive in enumerate(plan[1:]):
        dup = kind == 0
        sent = redelivered if dup else broker.send()
        messages = sent[: arrive % 7]
        notes = []
        for mid, serial in messages:
            clock[0] += 1
            if dup and window.has(mid, "same"):
                if window.inherited:
                    notes.append(note(mid, "same", clock[0]))
                continue
            notes.append(note(mid, "same", clock[0]))
            store.items.append(serial)
            window.add(mid, "same")
        store.notes.extend(notes)
        acknowledged = messages[: arrive // 7]
        for mid, _ in acknowledged:
            del broker.inflight[mid]
        if len(acknowledged) < len(sent):
            return  # the connection broke, or we were killed


plan = st.lists(st.integers(min_value=0, max_value=55), min_size=2, max_size=6)
plans = st.lists(plan, max_size=12)


@given(plans, st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_breaks_nothing_is_lost_and_where_ids_come_round_nothing_doubles(
    scripts: list[list[int]], lowest_free: bool
) -> None:
    broker, store, clock = Broker(lowest_free), Store(), [0]
    broker.waiting.extend(range(200))
    connection(broker, store, False, [1, 48, 48, 48], clock)
    for script in [*scripts, [1, 48], [1, 48]]:
        connection(broker, store, True, script, clock)
    settled = set(range(200)) - set(broker.waiting) - {serial for serial, _ in broker.inflight.values()}
    assert settled <= set(store.items)
    if not lowest_free:
        assert len(store.items) == len(set(store.items))


@given(st.lists(st.tuples(st.booleans(), plan), max_size=12))
@settings(max_examples=300, deadline=None)
def test_whatever_the_broker_forgets_nothing_else_is_lost(scripts: list[tuple[bool, list[int]]]) -> None:
    broker, store, clock = Broker(lowest_free=False), Store(), [0]
    broker.waiting.extend(range(200))
    forgotten: set[int] = set()
    for present, plan in [(False, [1, 0]), *scripts, (True, [1, 48]), (True, [1, 48])]:
        if not present:
            forgotten |= {serial for serial, _ in broker.inflight.values()}
            broker.inflight.clear()
            broker.last, broker.subscribed = 0, False
        connection(broker, store, present, plan, clock)
    settled = set(range(200)) - set(broker.waiting) - {serial for serial, _ in broker.inflight.values()} - forgotten
    assert settled <= set(store.items)
