"""Lines of InfluxDB's line protocol, as its own client writes them, and as nobody should."""

from __future__ import annotations

from typing import Any

import pytest
from influxdb_client import Point, WritePrecision

from qctl.errors import RejectedError
from qctl.sources.line_protocol import parse, parse_all, split
from qctl.sources.reading_rules import ReadingRules

NOW = 1_700_000_000_000_000_000


def read(line: str, precision: str = "ns") -> dict[str, Any]:
    (reading,) = parse(line, NOW, ReadingRules(max_payload=10_000, oldest_ns=0), precision).readings
    return dict(reading)


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
    assert found["fields"] == {"t e,m=p": -0.0015, "n": 12, "said": 'a "quoted", \\ text', "on": False}
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
        "a t=1 -5",
        "a t=1 9223372036854775808",
        'a t="open',
        "a\x00b t=1",
        "a,device=\udcff t=1",
        "x" * 20_000 + " t=1",
    ],
)
def test_what_is_no_reading_says_why_and_repeats_nothing(line: str) -> None:
    with pytest.raises(RejectedError) as refused:
        read(line)
    assert len(refused.value.message) < 100


@pytest.mark.parametrize(
    ("line", "fields", "left_out"),
    [
        ('uptime,host=web1 format="1 day,  0:00"', {"format": "1 day,  0:00"}, ()),
        ("ping,device=d1 time=12.5,ts=3i", {"time": 12.5, "ts": 3}, ()),
        ("a+ t=1", {"t": 1}, ()),
        ("net,device=GPU#0 t=1,bytes=18446744073709551615u", {"t": 1}, ("bytes",)),
        ("a t=nan,u=2", {"u": 2}, ("t",)),
        ("a t=1e999,u=2", {"u": 2}, ("t",)),
        ("a t=1,\x1b=2", {"t": 1}, ("?",)),
    ],
)
def test_a_value_that_cannot_be_stored_costs_nothing_but_itself(line: str, fields: Any, left_out: Any) -> None:
    found = parse(line, NOW, ReadingRules())
    assert (found.readings[0]["fields"], found.left_out) == (fields, left_out)


def test_a_string_may_hold_line_breaks() -> None:
    assert split('log msg="a\nb",n=1\n# comment\n\nb t=1') == ['log msg="a\nb",n=1', "b t=1"]


def test_an_invalid_line_of_a_message_costs_nothing_but_itself() -> None:
    found = parse_all("a t=1 5\nbad\nb t=2 6", NOW, ReadingRules(oldest_ns=0), topic="telegraf/web1")
    assert [(reading["topic"], reading["tags"]) for reading in found.readings] == [
        ("telegraf/web1", {"measurement": "a"}),
        ("telegraf/web1", {"measurement": "b"}),
    ]
    assert found.left_out == ("(invalid line)",)


def test_a_line_of_escapes_takes_no_time() -> None:
    with pytest.raises(RejectedError):
        read("\\" * 5000 + "," * 4000)
