"""Without a queue: what is acknowledged is in the database, and nothing is refused in silence."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from qctl.broker.bookkeeping.reject_records import Reject
from qctl.broker.ingest.buffer import Commit
from qctl.errors import BackpressureError, SinkUnavailableError
from qctl.settings import Settings
from qctl.sinks.base import Rejection
from qctl.sources import direct_writer
from qctl.sources.direct_writer import DirectWriter
from qctl.sources.group_commit import Entry, GroupCommit
from support.waiting import PATIENCE_SECONDS

REJECT = Reject("reject-1", ("sensors/a", "bm9wZQ==", 7), "it is not JSON")


class Written:
    """A sink that notes what it is given, and refuses what is negative."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Any]] = []
        self.down = False

    def write(self, batch: Sequence[Any]) -> list[Rejection]:
        """Take a batch, or be down."""
        self.check()
        self.batches.append(batch)
        return [Rejection(index, "it is negative") for index, item in enumerate(batch) if item["n"] < 0]

    def check(self) -> None:
        """Be up, or down."""
        if self.down:
            raise SinkUnavailableError("it is down")


@pytest.fixture
def sink() -> Written:
    """A sink that is up."""
    return Written()


@pytest.fixture
def way(make_settings: Callable[..., Settings], sink: Written) -> DirectWriter:
    """The way of readings to that sink."""
    return DirectWriter(make_settings(CACHE_ENABLED="false"), "readings", sink)


def noted(home: Path) -> list[dict[str, Any]]:
    """Contents of the file of rejects."""
    file = home / "rejects-readings.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_group_is_one_batch_and_what_is_refused_is_noted(
    way: DirectWriter, sink: Written, make_settings: Callable[..., Settings]
) -> None:
    home = make_settings().home
    assert way.append(Commit([b'{"n": 1}', b'{"n": -2}', b'{"n": 3}'], [REJECT])) == 0
    assert way.append(Commit([b'{"n": 4}'])) == 0
    assert sink.batches == [[{"n": 1}, {"n": -2}, {"n": 3}], [{"n": 4}]]
    first, second = noted(home)
    assert (first["reason"], first["item"]) == ("it is negative", {"n": -2})
    assert (second["reason"], second["id"], second["args"]) == ("it is not JSON", "reject-1", list(REJECT.args))
    assert (home / "rejects-readings.jsonl").stat().st_mode & 0o777 == 0o600


def test_rejects_alone_ask_nothing_of_the_sink(
    way: DirectWriter, sink: Written, make_settings: Callable[..., Settings]
) -> None:
    sink.down = True
    way.append(Commit(rejects=[REJECT]))
    assert len(noted(make_settings().home)) == 1


def test_while_the_sink_is_down_nothing_is_taken(
    way: DirectWriter, sink: Written, make_settings: Callable[..., Settings]
) -> None:
    sink.down = True
    with pytest.raises(SinkUnavailableError):
        way.append(Commit([b'{"n": 1}'], [REJECT]))
    assert noted(make_settings().home) == []


def test_room_is_told_of_once_the_sink_is_back(way: DirectWriter, sink: Written) -> None:
    assert way.level().depth == 0
    sink.down = True
    assert way.level().depth == 0, "only writing shows it"
    with pytest.raises(SinkUnavailableError):
        way.append(Commit([b'{"n": 1}']))
    for _ in range(2):
        with pytest.raises(SinkUnavailableError):
            way.level()
    sink.down = False
    assert way.level().depth == 0


def test_a_file_that_is_full_or_cannot_be_written_holds_up(
    way: DirectWriter, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert way.backpressure_reason(way.level()) is None
    way.append(Commit(rejects=[REJECT]))
    monkeypatch.setattr(direct_writer, "MAX_REJECTS_FILE_BYTES", 10)
    assert "move it away" in (way.backpressure_reason(way.level()) or "")
    file = make_settings().home / "rejects-readings.jsonl"
    file.unlink()
    file.mkdir()
    with pytest.raises(BackpressureError, match="cannot be written"):
        way.append(Commit(rejects=[REJECT]))


def test_who_sends_hears_busy_while_the_sink_is_down(
    way: DirectWriter, sink: Written, make_settings: Callable[..., Settings]
) -> None:
    acknowledged: list[dict[str, Any]] = []

    async def send() -> None:
        commit = GroupCommit(make_settings(CACHE_ENABLED="false"), way, lambda: None)
        serving = asyncio.create_task(commit.serve())
        while commit.busy is not None:
            await asyncio.sleep(0.01)
        sink.down = True
        commit.put(Entry(b'{"n": 1}', 8, {"ok": True}, acknowledged.append))
        while not acknowledged:
            await asyncio.sleep(0.01)
        sink.down = False
        assert await commit.caught_up(PATIENCE_SECONDS)
        serving.cancel()
        commit.close()

    asyncio.run(asyncio.wait_for(send(), 2 * PATIENCE_SECONDS))
    assert [answer.get("code") for answer in acknowledged] == ["busy"]
    assert sink.batches == [[{"n": 1}]]


def test_sessions_are_counted_in_this_process_alone(way: DirectWriter) -> None:
    assert way.begin_connect().notes == []
    assert (way.record_new_session(), way.record_new_session()) == (1, 2)
