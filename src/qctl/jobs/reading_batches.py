"""Jobs of the queue `sensor-data`: write device readings to InfluxDB if INFLUX_URL is set, else to SQLite."""

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
from qctl.sources.reading_rules import ReadingRules


def write_readings(items: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Write a batch. Returns and raises as `batches.write_batch` does."""
    return batches.write_batch("readings", sink, items)


def ingest_reading(topic: str, payload_b64: str, received_ns: int) -> dict[str, int]:
    """Retry a message that could not be parsed when it arrived. `payload_b64`: its payload in base64.

    A message that is no reading by intent, such as a last will, is done. Raises RejectedError if it still cannot be
    parsed or is rejected, and SinkError as `write_readings` does.
    """
    try:
        payload = base64.b64decode(payload_b64, validate=True)
    except (ValueError, TypeError):
        raise RejectedError("the payload of this dead letter is not base64") from None
    current = batches.settings()
    parsed = parse(topic, payload, received_ns, ReadingRules.of(current))
    return write_readings(parsed.readings)


def sink(settings: Settings) -> Sink:
    """The sink that the settings select, not yet open."""
    if settings.influx_urls:
        return InfluxSink(
            settings.influx_urls,
            settings.influx_token or "",
            settings.influx_org or "",
            settings.influx_bucket or "",
        )
    return SqliteSink(settings.database, READINGS)
