"""The gateway notices, as every daemon does, that Redis has lost its data."""

from __future__ import annotations

from pathlib import Path

from qctl.broker.bookkeeping import events
from qctl.broker.bookkeeping.data_identity import DataWatch
from qctl.broker.redis import keys
from support.gateway import Gateway
from support.servers import RedisServer
from support.waiting import eventually


def test_a_gateway_logs_a_loss_and_records_it(tmp_path: Path, redis_server: RedisServer) -> None:
    with redis_server.connect() as connection, Gateway(tmp_path, redis_server.url) as gateway:
        DataWatch(connection, "scheduler", writes=True).check_if_due()
        connection.config_resetstat()
        eventually(lambda: "cmdstat_hmget" in connection.info("commandstats"), what="the gateway reads the mark")
        connection.flushall()
        eventually(lambda: "Redis has lost its data" in gateway.output, what="the gateway logs the loss")
        eventually(lambda: connection.hexists(keys.IDENTITY, "lost_at"), what="the loss is recorded")
        assert [event.event for event in events.newest(connection, 9)] == ["lost"]
