"""The MongoDB sink against mongod, or SecantusDB if mongod is not installed: its contract, and server errors."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from contract.messages import MessagesContract, message, messages
from contract.sink_contract import Item
from qctl.databases import mongodb as driver
from qctl.errors import SinkMisconfiguredError, SinkUnavailableError
from qctl.sinks.base import ReopeningSink, Sink
from qctl.sinks.mongodb import MongoSink
from support.databases import MongoDb
from support.process import free_port

NO_POISON = {"$jsonSchema": {"properties": {"message": {"not": {"enum": ["poison"]}}}}}


def opened(uri: str) -> Iterator[Sink]:
    """An open sink."""
    sink = MongoSink(uri)
    sink.open()
    yield sink
    sink.close()


@pytest.fixture
def collection(mongodb: MongoDb) -> Iterator[Any]:
    """The empty collection `messages` without a validator."""
    client = mongodb.connect()
    client.data.drop_collection("messages")
    yield client.data.messages
    client.close()


@pytest.fixture
def sink(mongodb: MongoDb, collection: Any) -> Iterator[Sink]:
    """An open sink."""
    yield from opened(mongodb.url)


class TestMongoSink(MessagesContract):
    """The contract."""

    unit = 1_000

    @pytest.fixture
    def sink(self, mongodb: MongoDb, collection: Any) -> Iterator[Sink]:
        self.collection = collection
        collection.database.create_collection("messages", validator=NO_POISON)
        yield from opened(mongodb.url)

    @pytest.fixture
    def absent_sink(self, mongodb: MongoDb, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
        """A sink for a port without a server."""
        monkeypatch.setattr(driver, "CONNECT_TIMEOUT_MS", 200)
        with closing(MongoSink(f"mongodb://127.0.0.1:{free_port()}")) as sink:
            yield sink

    def stored(self, scope: str) -> list[Any]:
        documents = self.collection.find().sort([("timestamp", 1), ("_id", 1)])
        return [(row["_id"], row["message"], row["user_id"], row["timestamp"]) for row in documents]

    def poison(self, item: Item) -> Item:
        return {**item, "message": "poison"}


def test_document_has_the_fields_of_the_message(sink: Sink, collection: Any) -> None:
    assert sink.write([message("a", 0)]) == []
    (document,) = collection.find()
    assert sorted(document) == ["_id", "message", "timestamp", "user_id"]


def test_additional_unique_index_rejects_single_rows(sink: Sink, collection: Any) -> None:
    collection.create_index("message", unique=True)
    batch = messages("a", 3)
    batch[1]["message"] = batch[0]["message"]
    for _ in range(2):
        (rejected,) = sink.write(batch)
        assert rejected.index == 1
        assert "E11000" in rejected.reason
    assert collection.count_documents({}) == 2


def test_default_database_is_used(mongodb: MongoDb, collection: Any) -> None:
    for sink in opened(mongodb.url.removesuffix("/data")):
        assert sink.write([message("unnamed", 0)]) == []
    database = collection.database.client.qctl
    assert database.messages.delete_one({"_id": "unnamed-0000"}).deleted_count == 1


@pytest.mark.kill
def test_stored_messages_survive_a_kill_of_the_server(own_mongodb: MongoDb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "CONNECT_TIMEOUT_MS", 500)
    reopening = ReopeningSink(MongoSink(own_mongodb.url))
    assert reopening.write(messages("a", 50)) == []
    own_mongodb.kill()
    for _ in range(2):
        with pytest.raises(SinkUnavailableError, match="cannot be written to"):
            reopening.write(messages("a", 80))
    own_mongodb.restart()
    assert reopening.write(messages("a", 80)) == []
    reopening.close()
    with own_mongodb.connect() as client:
        assert client.data.messages.count_documents({}) == 80


def test_silent_server_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "CONNECT_TIMEOUT_MS", 300)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reopening = ReopeningSink(MongoSink(f"mongodb://me:s3cret@127.0.0.1:{silent.getsockname()[1]}/d"))
        with pytest.raises(SinkUnavailableError) as raised:
            reopening.write(messages("a", 1))
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize("uri", ["mongodb://127.0.0.1:99999/d", "mongodb://:s3cret@h/", "mongodb://h/a$b"])
def test_invalid_uri_is_misconfigured(uri: str) -> None:
    with pytest.raises(SinkMisconfiguredError, match="MONGODB_URI cannot be used") as raised:
        MongoSink(uri).open()
    assert "s3cret" not in raised.value.message


def test_wrong_password_is_misconfigured(mongodb: MongoDb) -> None:
    sink = ReopeningSink(MongoSink(mongodb.url.replace("://", "://nobody:s3cret@")))
    with pytest.raises(SinkMisconfiguredError, match="rejects the request") as raised:
        sink.write(messages("a", 1))
    assert "s3cret" not in raised.value.message
    sink.close()


def test_missing_driver_has_an_install_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymongo", None)
    monkeypatch.setitem(sys.modules, "pymongo.errors", None)
    with pytest.raises(SinkMisconfiguredError) as raised:
        MongoSink("mongodb://127.0.0.1").open()
    assert raised.value.hint == "pip install 'qctl[mongodb]'"


def test_driver_is_loaded_when_needed() -> None:
    code = "import sys, qctl.sinks.mongodb; sys.exit('pymongo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_write_to_a_closed_sink_raises() -> None:
    with pytest.raises(RuntimeError):
        MongoSink("mongodb://127.0.0.1").write([])
