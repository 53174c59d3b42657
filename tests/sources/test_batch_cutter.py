"""The thread that cuts batches outlives what others do to its keys, and says what an acknowledgement means."""

from __future__ import annotations

import logging

import pytest
from redis import Redis

from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.redis import keys
from qctl.catalog import PIPELINES
from qctl.settings import Settings
from qctl.sources.batch_cutter import BatchCutter
from support.waiting import eventually

PIPELINE = PIPELINES["messages"]


def test_a_position_that_is_no_number_stops_cutting_until_it_is_repaired(
    connection: Redis, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    connection.set(keys.buffer_head(PIPELINE.name), "text")
    Buffer(connection, PIPELINE, settings).append(Commit([b'{"received_ns": 1}']))
    with BatchCutter(settings, PIPELINE, 0.01) as cutter:
        assert eventually(lambda: "holds b'text', not a number" in caplog.text)
        cutter.check()
        connection.set(keys.buffer_head(PIPELINE.name), "7")
        assert eventually(lambda: connection.get(keys.buffer_head(PIPELINE.name)) == b"8")
        cutter.check()


def test_the_durability_of_the_server_is_logged_at_the_start(
    connection: Redis, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with BatchCutter(settings, PIPELINE, 0.01):
        assert eventually(lambda: "durability: acknowledged data survives a crash" in caplog.text)
