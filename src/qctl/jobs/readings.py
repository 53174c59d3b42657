"""Jobs of the queue `sensor-data`: device readings into InfluxDB where INFLUX_URL is set, else into SQLite."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from qctl.broker.buffer import Reject
from qctl.broker.rejects import bury_rejects
from qctl.catalog import PIPELINES
from qctl.errors import BackpressureError, RejectedError, SinkUnavailableError, UnreachableError
from qctl.settings import Settings
from qctl.sinks.base import KeptOpen, Refused, Sink
from qctl.sinks.influxdb import InfluxSink
from qctl.sinks.sqlite import SqliteSink
from qctl.sources.reading import parse


def write_readings(items: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Write a batch. Returns how many items were `written`, and how many `refused` and made dead letters.

    Raises SinkError where the batch has to wait; it can be written again in full. A single item that is refused
    raises RejectedError: its job is the dead letter, and stays the same one however often it is retried.
    """
    settings, sink = _of_process(os.getpid())
    refused = sink.write(items)
    if refused and len(items) == 1:
        raise RejectedError(refused[0].reason)
    if refused:
        _bury(settings, items, refused)
    return {"written": len(items) - len(refused), "refused": len(refused)}


def ingest_reading(topic: str, payload_b64: str, received_ns: int) -> dict[str, int]:
    """Read a message again that could not be read before, and write it. `payload_b64` is its bytes in base64.

    Raises RejectedError where it still cannot be read or is refused, and SinkError as `write_readings` does.
    """
    settings, _ = _of_process(os.getpid())
    try:
        payload = base64.b64decode(payload_b64, validate=True)
    except (ValueError, TypeError):
        raise RejectedError("the payload of this dead letter is not base64") from None
    return write_readings([parse(topic, payload, received_ns, settings.max_payload)])


@cache
def _of_process(pid: int) -> tuple[Settings, KeptOpen]:
    """The settings and the sink of the process `pid`, which is this one.

    A child that was forked gets its own and does not close its parent's, which would break them for both.
    """
    del pid
    settings = Settings.load()
    return settings, KeptOpen(_sink(settings))


def _sink(settings: Settings) -> Sink:
    if settings.influx_url:
        return InfluxSink(
            settings.influx_url,
            settings.influx_token or "",
            settings.influx_org or "",
            settings.influx_bucket or "",
        )
    return SqliteSink(settings.database)


def _bury(settings: Settings, items: Sequence[Mapping[str, Any]], refused: Sequence[Refused]) -> None:
    """Make a dead letter of each refused item: a batch of one, to be written again once the cause is mended."""
    rejects = [Reject(_letter_id(items[row.index]), ([items[row.index]],), row.reason) for row in refused]
    try:
        bury_rejects(settings, PIPELINES["readings"], rejects)
    except (UnreachableError, BackpressureError) as error:
        raise SinkUnavailableError(f"dead letters cannot be written: {error}") from error


def _letter_id(item: Any) -> str:
    """An id that the same reading always gets, also when a device sends it again."""
    same = {name: value for name, value in item.items() if name != "received_ns"} if isinstance(item, dict) else item
    return "reject-" + hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:24]
