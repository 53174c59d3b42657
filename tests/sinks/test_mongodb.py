"""The MongoDB sink against mongod, or SecantusDB where there is none: the contract, and what only a server can do."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
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
    """The collection `messages`, empty, without rules of its own."""
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
    def absent_sink(self, mongodb: MongoDb, monkeypatch: pytest.MonkeyPatch) -> Sink:
        """A sink of a port where nobody listens."""
        monkeypatch.setattr(driver, "CONNECT_TIMEOUT_MS", 200)
        return MongoSink(f"mongodb://127.0.0.1:{free_port()}")

    def stored(self, scope: str) -> list[Any]:
        found = self.collection.find().sort([("timestamp", 1), ("_id", 1)])
        return [(each["_id"], each["message"], each["user_id"], each["timestamp"]) for each in found]

    def poison(self, item: Item) -> Item:
        return {**item, "message": "poison"}


def test_a_document_is_the_message_and_nothing_else(sink: Sink, collection: Any) -> None:
    assert sink.write([message("a", 0)]) == []
    (found,) = collection.find()
    assert sorted(found) == ["_id", "message", "timestamp", "user_id"]


def test_a_unique_index_of_somebody_refuses_rows_alone(sink: Sink, collection: Any) -> None:
    collection.create_index("message", unique=True)
    batch = messages("a", 3)
    batch[1]["message"] = batch[0]["message"]
    for _ in range(2):
        (refused,) = sink.write(batch)
        assert refused.index == 1
        assert "E11000" in refused.reason
    assert collection.count_documents({}) == 2


def test_the_database_has_a_name_where_the_uri_has_none(mongodb: MongoDb, collection: Any) -> None:
    for sink in opened(mongodb.url.removesuffix("/data")):
        assert sink.write([message("unnamed", 0)]) == []
    database = collection.database.client.qctl
    assert database.messages.delete_one({"_id": "unnamed-0000"}).deleted_count == 1


@pytest.mark.kill
def test_what_was_written_survives_a_kill_of_the_server(own_mongodb: MongoDb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "CONNECT_TIMEOUT_MS", 500)
    kept = ReopeningSink(MongoSink(own_mongodb.url))
    assert kept.write(messages("a", 50)) == []
    own_mongodb.kill()
    for _ in range(2):
        with pytest.raises(SinkUnavailableError, match="cannot be written to"):
            kept.write(messages("a", 80))
    own_mongodb.restart()
    assert kept.write(messages("a", 80)) == []
    kept.close()
    with own_mongodb.connect() as client:
        assert client.data.messages.count_documents({}) == 80


def test_a_server_that_does_not_answer_makes_the_batch_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "CONNECT_TIMEOUT_MS", 300)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kept = ReopeningSink(MongoSink(f"mongodb://me:s3cret@127.0.0.1:{silent.getsockname()[1]}/d"))
        with pytest.raises(SinkUnavailableError) as raised:
            kept.write(messages("a", 1))
    assert "s3cret" not in raised.value.message


@pytest.mark.parametrize("uri", ["mongodb://127.0.0.1:99999/d", "mongodb://:s3cret@h/", "mongodb://h/a$b"])
def test_a_uri_that_cannot_be_used_needs_somebody(uri: str) -> None:
    with pytest.raises(SinkMisconfiguredError, match="MONGODB_URI cannot be used") as raised:
        MongoSink(uri).open()
    assert "s3cret" not in raised.value.message


def test_who_refuses_us_needs_somebody(mongodb: MongoDb) -> None:
    sink = ReopeningSink(MongoSink(mongodb.url.replace("://", "://nobody:s3cret@")))
    with pytest.raises(SinkMisconfiguredError, match="rejects the request") as raised:
        sink.write(messages("a", 1))
    assert "s3cret" not in raised.value.message
    sink.close()


def test_a_missing_driver_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymongo", None)
    monkeypatch.setitem(sys.modules, "pymongo.errors", None)
    with pytest.raises(SinkMisconfiguredError) as raised:
        MongoSink("mongodb://127.0.0.1").open()
    assert raised.value.hint == "pip install 'qctl[mongodb]'"


def test_the_driver_is_not_loaded_before_it_is_needed() -> None:
    code = "import sys, qctl.sinks.mongodb; sys.exit('pymongo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_closed_sink_is_not_written_to() -> None:
    with pytest.raises(RuntimeError):
        MongoSink("mongodb://127.0.0.1").write([])
