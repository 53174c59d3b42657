"""Unread chat messages, in SQLite and in MongoDB."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from qctl.settings import Settings
from qctl.store import chat, chat_reads
from qctl.store.chat import ChatMessage
from support.databases import MongoDb

BEGIN = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.fixture(params=["sqlite", "mongodb"])
def store(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """Settings of each database."""
    if request.param == "sqlite":
        return make_settings()
    mongo: MongoDb = request.getfixturevalue("mongodb")
    return make_settings(MONGODB_URI=f"mongodb://127.0.0.1:{mongo.port}/reads")


def send(store: Settings, n: int, sender: str, receiver: str) -> None:
    chat.store_message(store, ChatMessage(f"m-{n}", sender, receiver, "hi", None, BEGIN + timedelta(minutes=n)))


def test_messages_are_unread_until_they_are_marked(store: Settings) -> None:
    assert chat_reads.count_unread(store, "ada") == {}
    assert chat.newest_message_time(store, sender="bob", receiver="ada") is None
    for n, sender in enumerate(("bob", "bob", "eve")):
        send(store, n, sender, "ada")
    send(store, 3, "ada", "bob")
    send(store, 4, "ada", "ada")
    assert chat_reads.count_unread(store, "ada") == {"bob": 2, "eve": 1}
    newest = chat.newest_message_time(store, sender="bob", receiver="ada")
    assert newest == BEGIN + timedelta(minutes=1)
    chat_reads.mark_read(store, "ada", "bob", newest)
    chat_reads.mark_read(store, "ada", "bob", BEGIN)  # an earlier time changes nothing
    assert chat_reads.count_unread(store, "ada") == {"eve": 1}
    send(store, 5, "bob", "ada")
    assert chat_reads.count_unread(store, "ada") == {"bob": 1, "eve": 1}
    assert chat_reads.count_unread(store, "bob") == {"ada": 1}
