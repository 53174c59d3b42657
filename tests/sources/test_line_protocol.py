"""Lines of InfluxDB's line protocol, as its own client writes them, and as nobody should."""

from __future__ import annotations

from typing import Any

import pytest
from influxdb_client import Point, WritePrecision

from qctl.errors import RejectedError
from qctl.sources.line_protocol import parse

NOW = 1_700_000_000_000_000_000


def read(line: str, precision: str = "ns") -> dict[str, Any]:
    return dict(parse(line, NOW, 10_000, precision))


def test_a_line_is_a_reading() -> None:
    found = read("bme280,device=attic,floor=2 temperature=21.5,count=3i,up=7u,ok=t 1600000000000000000")
    assert found == {
        "topic": "bme280/attic",
        "device": "attic",
        "ts_ns": 1_600_000_000_000_000_000,
        "fields": {"temperature": 21.5, "count": 3, "up": 7, "ok": True},
        "received_ns": NOW,
        "tags": {"floor": "2"},
    }


@pytest.mark.parametrize(
    ("line", "device", "topic"),
    [
        ("bme280 t=1", "bme280", "bme280"),
        ("sensors,device=a,topic=sensors/a/air t=1", "a", "sensors/a/air"),
    ],
)
def test_the_device_and_the_topic(line: str, device: str, topic: str) -> None:
    found = read(line)
    assert (found["device"], found["topic"], found["ts_ns"]) == (device, topic, NOW)
    assert "tags" not in found


@pytest.mark.parametrize(("precision", "unit"), [("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)])
def test_the_unit_of_a_time_is_the_requests(precision: str, unit: int) -> None:
    assert read("a t=1 12", precision)["ts_ns"] == 12 * unit


def test_what_the_official_client_writes_is_read() -> None:
    point = (
        Point("a measure, ment")
        .tag("device", "the=attic, left")
        .tag("odd key", "x\\y")
        .field("t e,m=p", -1.5e-3)
        .field("n", 12)
        .field("said", 'a "quoted", \\ text')
        .field("on", False)
        .time(1_600_000_000, WritePrecision.S)
    )
    found = read(point.to_line_protocol(), "s")
    assert found["device"] == "the=attic, left"
    assert found["topic"] == "a measure, ment/the=attic, left"
    assert found["tags"] == {"odd key": "x\\y"}
    assert found["fields"] == {"t e,m=p": -0.0015, "n": 12, "on": False}
    assert found["ts_ns"] == 1_600_000_000 * 10**9


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        "a",
        "a ",
        ",a=b t=1",
        "a,b t=1",
        "a,b= t=1",
        "a t",
        "a t=",
        "a t=1,",
        "a t=1 x",
        "a t=1 1 2",
        "a t=one",
        "a t=nan",
        "a t=1e999",
        "a t=99999999999999999999i",
        "a t=1 -5",
        "a t=1 9223372036854775808",
        'a t="only text"',
        'a t="open',
        "a\x00b t=1",
        "a+ t=1",
        "a t=1,\x1b=2",
        "a,device=\udcff t=1",
        "x" * 20_000 + " t=1",
    ],
)
def test_what_is_no_reading_says_why_and_repeats_nothing(line: str) -> None:
    with pytest.raises(RejectedError) as refused:
        read(line)
    assert len(refused.value.message) < 100


def test_a_line_of_escapes_takes_no_time() -> None:
    with pytest.raises(RejectedError):
        read("\\" * 5000 + "," * 4000)
