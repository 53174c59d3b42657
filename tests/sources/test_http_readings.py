"""Posted readings: one, many, line protocol, and invalid bodies."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from qctl.errors import RejectedError
from qctl.settings import Settings
from qctl.sources import http_readings
from qctl.sources.http_readings import Posted


def items(found: Posted) -> list[dict[str, Any]]:
    return [json.loads(item) for item in found.items]


def read(settings: Settings, content: Any, topic: str | None = None) -> Posted:
    return http_readings.parse_json(settings, json.dumps(content).encode(), topic)


def test_the_three_ways_to_say_where_it_was_measured(settings: Settings) -> None:
    found = read(
        settings,
        [
            {"device": "attic", "temperature": 21.5, "timestamp": "2024-01-01T00:00:00Z"},
            {"topic": "sensors/attic/air", "humidity": 40},
            {"topic": "sensors/attic", "payload": {"on": True}},
        ],
    )
    first, second, third = items(found)
    assert (first["topic"], first["device"], first["fields"]) == ("sensors/attic", "attic", {"temperature": 21.5})
    assert first["ts_ns"] == 1_704_067_200_000_000_000
    assert (second["topic"], second["device"]) == ("sensors/attic/air", "attic")
    assert third["fields"] == {"on": True}
    (named,) = items(read(settings, 21.5, topic="sensors/attic/temperature"))
    assert named["fields"] == {"temperature": 21.5}


def test_readings_without_a_time_are_told_apart(settings: Settings) -> None:
    found = items(read(settings, [{"device": "a", "t": 1}] * 50))
    assert len({item["ts_ns"] for item in found}) == 50


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"t": 1}, "neither a device nor a topic"),
        ({"device": "a"}, "no values"),
        ({"device": "a/b", "t": 1}, "without /"),
        ({"device": [7], "t": 1}, "string or a whole number"),
        ({"topic": "#", "t": 1}, "contains \\+ or #"),
        ({"topic": 7, "t": 1}, "topic is not a string"),
        ({"topic": 7, "payload": 1}, "topic is not a string"),
        (21.5, "reading is not an object"),
        ([[1]], "reading is not an object"),
    ],
)
def test_what_is_no_reading_has_a_reason(settings: Settings, content: Any, reason: str) -> None:
    found = read(settings, content)
    assert not found.items
    assert found.refused == 1
    with pytest.raises(RejectedError, match=reason):
        raise RejectedError(found.bad[0].reason)


def test_the_number_of_a_bad_one_is_told_and_the_others_are_read(settings: Settings) -> None:
    found = read(settings, [{"device": "a", "t": n if n != 2 else None} for n in range(4)])
    assert (len(found.items), found.refused, found.bad[0].line) == (3, 1, 3)
    many = read(settings, [{}] * 500)
    assert (many.refused, len(many.bad)) == (500, http_readings.MAX_REPORTED_ERRORS)


def test_the_lines_of_line_protocol(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(QCTL_READINGS_OLDEST="1970-01-01")
    found = http_readings.parse_lines(settings, b"\xef\xbb\xbf# a comment\na,device=x t=1 5\r\n\nbad\nb t=2 6", "s")
    assert [item["ts_ns"] for item in items(found)] == [5 * 10**9, 6 * 10**9]
    assert [bad.line for bad in found.bad] == [2]


def test_telegrafs_json_is_measurements(settings: Settings) -> None:
    metric = {"name": "cpu", "tags": {"host": "a"}, "fields": {"t": 1, "log": "x" * 2000}, "timestamp": 1_769_860_800}
    found = read(settings, {"metrics": [metric]})
    (item,) = items(found)
    assert (item["topic"], item["tags"], item["fields"]) == ("cpu", {"host": "a"}, {"t": 1})
    assert found.left_out == {"log": 1}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"[1" + b",1" * 5000 + b"]"])
def test_a_body_that_holds_none_is_refused(settings: Settings, body: bytes) -> None:
    with pytest.raises(RejectedError):
        http_readings.parse_json(settings, body)


@pytest.mark.parametrize("body", [b"", b"\n# x\n", b"\xff", b"a t=1\n" * 5001])
def test_lines_that_hold_none_are_refused(settings: Settings, body: bytes) -> None:
    with pytest.raises(RejectedError):
        http_readings.parse_lines(settings, body, "ns")


def test_the_settings_say_what_the_levels_of_a_topic_mean(make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(MQTT_TOPIC_PATTERN="+/{room}/{device}")
    (item,) = items(read(settings, {"topic": "sensors/attic/bme280", "t": 1}))
    assert (item["device"], item["tags"]) == ("bme280", {"room": "attic"})
