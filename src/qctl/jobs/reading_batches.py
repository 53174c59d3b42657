"""Jobs of the queue `sensor-data`: device readings into InfluxDB where INFLUX_URL is set, else into SQLite."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from qctl.errors import RejectedError
from qctl.jobs import batches
from qctl.settings import Settings
from qctl.sinks.base import Sink
from qctl.sinks.influxdb import InfluxSink
from qctl.sinks.sqlite import READINGS, SqliteSink
from qctl.sources.reading_parser import parse


def write_readings(items: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Write a batch. Returns and raises what `batches.write_batch` does."""
    return batches.write_batch("readings", sink, items)


def ingest_reading(topic: str, payload_b64: str, received_ns: int) -> dict[str, int]:
    """Read a message again that could not be read before, and write it. `payload_b64` is its bytes in base64.

    Raises RejectedError where it still cannot be read or is refused, and SinkError as `write_readings` does.
    """
    try:
        payload = base64.b64decode(payload_b64, validate=True)
    except (ValueError, TypeError):
        raise RejectedError("the payload of this dead letter is not base64") from None
    given = batches.settings()
    return write_readings([parse(topic, payload, received_ns, given.max_payload, given.mqtt_topic_pattern)])


def sink(settings: Settings) -> Sink:
    """The sink that the settings call for, closed."""
    if settings.influx_url:
        return InfluxSink(
            settings.influx_url,
            settings.influx_token or "",
            settings.influx_org or "",
            settings.influx_bucket or "",
        )
    return SqliteSink(settings.database, READINGS)
