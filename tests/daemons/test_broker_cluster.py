"""The bridge at a cluster of brokers that keeps its session: the loss of a node loses and doubles nothing."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from redis import Redis

from support.device import Device
from support.ingest import items
from support.nats import NatsNode
from support.process import Program
from support.servers import RedisServer
from support.waiting import eventually

MQTT_3 = 4
"""Protocol level of MQTT 3.1.1, which nats-server speaks."""

ROUND_READINGS = 200


def numbers(connection: Redis) -> Counter[int]:
    """Copies of each numbered reading in a sink, to which readings of one device, topic and time are one."""
    found = items(connection)
    return Counter(
        n for *_, n in {(each["topic"], each["device"], each["ts_ns"], each["fields"]["n"]) for each in found}
    )


@pytest.mark.kill
@pytest.mark.timeout(600)
def test_the_loss_of_a_broker_loses_and_doubles_nothing(
    connection: Redis, redis_server: RedisServer, nats_cluster: list[NatsNode], tmp_path: Path
) -> None:
    brokers = ",".join(node.url for node in nats_cluster)
    env = {
        "REDIS_URL": redis_server.url,
        "MQTT_BROKER": brokers,
        "QCTL_HOME": str(tmp_path),
        "LOG_FORMAT": "text",
        "QCTL_READINGS_FLUSH_INTERVAL": "0.2",
    }
    command = [str(Path(sys.executable).parent / "qctl-mqtt-bridge")]
    first, second, third = nats_cluster
    with (
        Program("bridge", command, tmp_path, env=env, says=f"connected to {first.url}") as bridge,
        Device(third.port, MQTT_3) as device,
    ):
        sent = 0
        began_ms = time.time_ns() // 1_000_000
        for is_last in (False, True):
            for n in range(sent, sent + ROUND_READINGS):
                device.publish("sensors/a", json.dumps({"n": n, "ts": began_ms + n}))
            if not is_last:
                first.kill()
            sent += ROUND_READINGS
            eventually(lambda: len(device.acknowledged) == sent, what="the cluster's acknowledgements")  # noqa: B023
            eventually(lambda: len(numbers(connection)) == sent, what=f"{sent} readings")  # noqa: B023
        assert numbers(connection) == Counter(range(sent))
        assert any(f"connected to {node.url}" in bridge.output for node in (second, third))
