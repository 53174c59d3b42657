"""Rate of readings of each sink, in batches of 1000: `python benchmarks/sinks.py [INFLUX_URL]`.

SQLite is written to a temporary folder of the working folder's disk; each batch is synced to it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from qctl.sinks.base import Sink
from qctl.sinks.influxdb import InfluxSink
from qctl.sinks.sqlite import READINGS, SqliteSink

SIZE = 1000
BATCHES = 50


def batch(number: int) -> list[dict[str, Any]]:
    """A thousand readings of 50 devices, each with three fields."""
    start = 1_700_000_000_000_000_000 + number * SIZE * 1_000_000
    return [
        {
            "topic": f"sensors/room{n % 50}",
            "device": f"room{n % 50}",
            "ts_ns": start + n * 1_000_000,
            "fields": {"temperature": 20 + n / 100, "humidity": 40, "pressure": 1013.2},
            "received_ns": start,
        }
        for n in range(SIZE)
    ]


def measure(name: str, sink: Sink) -> None:
    """Write batches and print the rate, first new ones, then the same again."""
    sink.open()
    sink.write(batch(-1))
    for what in ("new", "again"):
        times = []
        for number in range(BATCHES):
            items = batch(number)
            start = time.perf_counter()
            assert sink.write(items) == []
            times.append(time.perf_counter() - start)
        rate = SIZE * BATCHES / sum(times)
        print(f"{name:8} {what:6} {rate:9,.0f} rows/s, median {median(times) * 1000:5.1f} ms a batch")
    sink.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        measure("sqlite", SqliteSink(Path(folder) / "qctl.db", READINGS))
    for url in sys.argv[1:]:
        measure("influxdb", InfluxSink(url, "token", "org", "bucket"))
