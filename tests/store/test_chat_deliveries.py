"""Chat messages sent, delivered and read by day, in SQLite and in MongoDB."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from qctl.models import DeliveryDay
from qctl.settings import Settings
from qctl.store import chat, chat_deliveries, chat_reads
from qctl.store.chat import ChatMessage
from support.databases import MongoDb

MONDAY = datetime(2026, 1, 5, 23, 50, tzinfo=timezone.utc)
TUESDAY = MONDAY + timedelta(minutes=20)
WEEK = (MONDAY - timedelta(days=3), MONDAY + timedelta(days=4))


@pytest.fixture(params=["sqlite", "mongodb"])
def store(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """Settings of each database."""
    if request.param == "sqlite":
        return make_settings()
    mongo: MongoDb = request.getfixturevalue("mongodb")
    return make_settings(MONGODB_URI=f"mongodb://127.0.0.1:{mongo.port}/deliveries")


def send(store: Settings, id_: str, sender: str, receiver: str, at: datetime) -> None:
    chat.store_message(store, ChatMessage(id_, sender, receiver, "hi", None, at))


def test_a_message_counts_on_the_day_on_which_it_was_sent(store: Settings) -> None:
    assert chat_deliveries.count_by_day(store, *WEEK) == []
    send(store, "a", "bob", "ada", MONDAY)
    assert chat_deliveries.count_by_day(store, *WEEK) == [DeliveryDay("2026-01-05", 1, 0, 0)]
    send(store, "b", "bob", "ada", TUESDAY)
    send(store, "c", "eve", "ada", TUESDAY)
    for id_ in ("a", "b", "b"):
        chat_deliveries.record_delivered(store, id_, TUESDAY + timedelta(seconds=1))
    chat_reads.mark_read(store, "ada", "bob", MONDAY)
    chat_reads.mark_read(store, "bob", "ada", TUESDAY + timedelta(days=1))
    assert chat_deliveries.count_by_day(store, *WEEK) == [
        DeliveryDay("2026-01-05", 1, 1, 1),
        DeliveryDay("2026-01-06", 2, 1, 0),
    ]
    chat_reads.mark_read(store, "ada", "bob", TUESDAY)
    assert chat_deliveries.count_by_day(store, TUESDAY, WEEK[1]) == [DeliveryDay("2026-01-06", 2, 1, 1)]
    assert chat_deliveries.count_by_day(store, WEEK[0], MONDAY) == []
