"""Messages of devices: which become readings, and which dead letters."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qctl.errors import RejectedError
from qctl.sinks.readings import parse_reading
from qctl.sources import reading_parser
from qctl.sources.reading_parser import MAX_REJECT_BYTES, TRUNCATED_REJECT_BYTES, encode, reject
from qctl.sources.reading_rules import MAX_FIELDS, MAX_NAME_CHARACTERS, Parsed, ReadingRules
from qctl.sources.reading_topics import MAX_TOPIC_BYTES

LIMIT = 65_536
RULES = ReadingRules(oldest_ns=0)
NOW = 1_714_557_600_000_000_000


def parsed(payload: bytes, topic: str = "sensors/a", rules: ReadingRules = RULES) -> Parsed:
    return reading_parser.parse(topic, payload, NOW, rules)


def parse(topic: str, payload: bytes, rules: ReadingRules = RULES) -> Any:
    """The only reading of a message."""
    (reading,) = parsed(payload, topic, rules).readings
    return reading


def fields(payload: Any, topic: str = "sensors/livingroom") -> Any:
    """The fields of a payload, which is bytes, or what is sent as JSON."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return parse(topic, raw)["fields"]


def test_a_reading_says_what_was_measured_where_and_when() -> None:
    payload = b'{"temperature": 21.5, "humidity": 40, "on": true, "timestamp": "2024-05-01T09:00:00Z"}'
    assert parse("sensors/livingroom", payload) == {
        "topic": "sensors/livingroom",
        "device": "livingroom",
        "ts_ns": NOW - 3_600_000_000_000,
        "fields": {"temperature": 21.5, "humidity": 40, "on": True},
        "received_ns": NOW,
    }


def test_without_a_time_it_was_measured_when_it_came() -> None:
    assert parse("sensors/a", b'{"x": 1}')["ts_ns"] == NOW
    assert parse("sensors/a", b'{"x": 1, "ts": null, "time": null}')["ts_ns"] == NOW


@pytest.mark.parametrize(
    ("payload", "second"),
    [
        ({"timestamp": 5, "x": 1}, 5),
        ({"ts": 6, "x": 1}, 6),
        ({"time": 7, "x": 1}, 7),
        ({"timestamp": None, "time": "7", "x": 1}, 7),
        ({"Time": 7, "x": 1}, 7),
        ({"tst": 7, "x": 1}, 7),
    ],
)
def test_the_time_is_no_field(payload: Any, second: int) -> None:
    found = parse("sensors/a", json.dumps(payload).encode())
    assert (found["ts_ns"], found["fields"]) == (second * 10**9, {"x": 1})


def test_a_second_time_stays_a_field() -> None:
    assert fields({"timestamp": 5, "ts": 6, "x": 1}) == {"ts": 6, "x": 1}
    assert fields({"time": "17:12", "x": 1}) == {"time": "17:12", "x": 1}


def test_a_clock_that_is_not_set_means_the_time_of_receipt_and_is_counted() -> None:
    for time in (48_213, "2000-01-01T00:00:12", "2106-02-07T06:28:15Z", 0, -1):
        found = parsed(json.dumps({"timestamp": time, "x": 1}).encode(), rules=ReadingRules())
        assert (found.readings[0]["ts_ns"], found.readings[0]["fields"], found.clocks) == (NOW, {"x": 1}, 1)


def test_a_time_without_a_zone_is_in_the_zone_of_the_setting() -> None:
    berlin = ReadingRules(zone=ZoneInfo("Europe/Berlin"))
    found = parse("sensors/a", b'{"time": "2024-05-01T10:00:00", "x": 1}', berlin)
    assert found["ts_ns"] == 1_714_550_400_000_000_000


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        ("sensors/livingroom", "livingroom"),
        ("sensors/livingroom/air", "livingroom"),
        ("sensors", "sensors"),
        ("sensors/", "sensors/"),
        ("sensors//air", "sensors//air"),
        ("/sensors", "sensors"),
        ("sensors/küche", "küche"),
    ],
)
def test_the_device_is_the_second_level_of_the_topic(topic: str, device: str) -> None:
    assert parse(topic, b'{"x":1}')["device"] == device


@pytest.mark.parametrize(
    ("pattern", "topic", "device", "tags"),
    [
        ("sensors/{device}", "sensors/hall", "hall", None),
        ("sensors/{device}", "sensors/hall/air", "sensors/hall/air", None),
        ("sensors/{device}", "plant/hall", "plant/hall", None),
        ("sensors/{site}/{device}/...", "sensors/berlin/hall", "hall", {"site": "berlin"}),
        ("sensors/{site}/{device}/...", "sensors/berlin/hall/air/raw", "hall", {"site": "berlin"}),
        ("sensors/{site}/{device}/...", "sensors/berlin", "sensors/berlin", None),
        ("sensors/{site}/{device}/...", "sensors//hall", "hall", None),
        ("sensors/{site}/{device}/...", "sensors/berlin//x", "sensors/berlin//x", {"site": "berlin"}),
        ("+/+/{device}/{line}", "a/b/c/d", "c", {"line": "d"}),
    ],
)
def test_a_pattern_says_what_levels_mean(pattern: str, topic: str, device: str, tags: Any) -> None:
    found = parse(topic, b'{"x":1}', ReadingRules(pattern=pattern))
    assert (found["device"], found.get("tags")) == (device, tags)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"a": 1, "b": {"c": 2.5, "d": {"e": False}}}, {"a": 1, "b.c": 2.5, "b.d.e": False}),
        (
            {"a": 1, "name": "kitchen", "list": [1, 2], "none": None},
            {"a": 1, "name": "kitchen", "list_0": 1, "list_1": 2},
        ),
        ({"a": "21.5", "b": " -3 ", "c": "0049", "d": "12E4", "e": ""}, {"a": 21.5, "b": -3, "c": "0049", "d": "12E4"}),
        ({"a": [{"b": 1}, 2]}, {"a_0.b": 1, "a_1": 2}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b' {"a":-0.0} ', {"a": -0.0}),
        ({"a": 2**63 - 1, "b": -(2**63)}, {"a": 2**63 - 1, "b": -(2**63)}),
        ({"température": 1}, {"température": 1}),
        (b'\xef\xbb\xbf{"a": 1}\x00', {"a": 1}),
        ({str(n): n for n in range(MAX_FIELDS)}, {str(n): n for n in range(MAX_FIELDS)}),
        ({"n" * MAX_NAME_CHARACTERS: 1}, {"n" * MAX_NAME_CHARACTERS: 1}),
        ({"a": {"b": {"c": {"d": {"e": 1}}}}}, {"a.b.c.d.e": 1}),
    ],
)
def test_values_become_fields(payload: Any, expected: Any) -> None:
    assert fields(payload) == expected


def test_a_bare_value_is_named_by_the_last_level() -> None:
    assert fields(b"21.5", "sensors/livingroom/temperature") == {"temperature": 21.5}
    assert fields(b" true\n", "sensors/door") == {"door": True}
    assert fields(b"1", "sensors/livingroom/") == {"value": 1}
    assert fields(b"1", "sensors/livingroom/time") == {"value": 1}


@pytest.mark.parametrize(
    ("payload", "stored", "left_out"),
    [
        (b'{"a": NaN, "b": 1}', {"b": 1}, ["a"]),
        (b'{"a": nan, "b": 1, "c": "nan"}', {"b": 1, "c": "nan"}, ["a"]),
        (b'{"a": 1, "b": [Infinity, 2]}', {"a": 1, "b_1": 2}, ["b_0"]),
        (b'{"a": 1e400, "b": 1}', {"b": 1}, ["a"]),
        (b'{"a": 9223372036854775808, "b": 1}', {"b": 1}, ["a"]),
        (b'{"a": "\xff", "b": 1}', {"b": 1}, ["a"]),
        (b'{"a": 1, "a": 2}', {"a": 2}, ["a"]),
        (b'{"a": {"b": 1}, "a.b": 2}', {"a.b": 1}, ["a.b"]),
        (b'{"": 1, "b": 1}', {"b": 1}, ["(no name)"]),
        (b'{"a\\nb": 1, "b": 1}', {"b": 1}, ["a?b"]),
        (b'{"\\ud800": 1, "b": 1}', {"b": 1}, ["?"]),
        (b'{"a":' * 6 + b"1" + b"}" * 5 + b', "b": 1}', {"b": 1}, ["a.a.a.a.a"]),
        (b'{"a": "' + b"x" * 1025 + b'", "b": 1}', {"b": 1}, ["a"]),
    ],
)
def test_values_that_cannot_be_stored_cost_nothing_but_themselves(payload: bytes, stored: Any, left_out: Any) -> None:
    found = parsed(payload, rules=ReadingRules(numeric_strings=False))
    assert (found.readings[0]["fields"], list(found.left_out)) == (stored, left_out)


def test_fields_beyond_the_limit_are_left_out() -> None:
    found = parsed(json.dumps({str(n): n for n in range(MAX_FIELDS + 2)}).encode())
    assert len(found.readings[0]["fields"]) == MAX_FIELDS
    assert list(found.left_out) == ["256", "257"]


def test_text_is_left_out_if_the_setting_says_so() -> None:
    found = parsed(b'{"a": "21.5", "state": "on", "b": 1}', rules=ReadingRules(text=False))
    assert (found.readings[0]["fields"], found.left_out) == ({"a": 21.5, "b": 1}, ("state",))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty payload"),
        (b"\x00", "empty payload"),
        (b"online", "status word"),
        (b"Offline\n", "status word"),
        (b'"online"', "status word"),
        (b'{"state": "online"}', "status word"),
        (b"nan", "no values"),
        (b"null", "no values"),
        (b"{}", "no values"),
        (b"[]", "no values"),
        (b'{"a": null}', "no values"),
        (b'{"timestamp": 1}', "no values"),
        (b'{"a": {"b": {}}}', "no values"),
        (b"9223372036854775808", "no values"),
    ],
)
def test_messages_without_a_value_are_ignored_with_a_reason(payload: bytes, reason: str) -> None:
    found = parsed(payload)
    assert (found.readings, found.ignored) == ([], reason)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'[{"t": 1, "ts": 5}, {"t": 2, "ts": 6}]', [(5, {"t": 1}), (6, {"t": 2})]),
        (b'{"t": 1, "ts": 5}\n{"t": 2, "ts": 6}\n', [(5, {"t": 1}), (6, {"t": 2})]),
        (b"bme,device=x t=1 5000000000\nbme,device=x t=2 6000000000", [(5, {"t": 1.0}), (6, {"t": 2.0})]),
    ],
)
def test_a_message_may_hold_several_readings(payload: bytes, expected: Any) -> None:
    assert [(reading["ts_ns"] // 10**9, reading["fields"]) for reading in parsed(payload).readings] == expected


def test_readings_of_an_array_without_times_are_told_apart() -> None:
    times = [reading["ts_ns"] for reading in parsed(b'[{"t": 1}, {"t": 1}]').readings]
    assert times == [NOW, NOW + 1]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"  ", "not JSON"),
        (b"hel\x1blo", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1} {"b": 2}', "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b"t=1,h=2", "not JSON"),
        (b"\xff", "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16"),
        (b"\x1f\x8b\x08", "gzip"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 100_000, "larger|nested too deeply"),
        (b"[" * 50_000, "nested too deeply"),
        (b'{"a":' * 10_000, "nested too deeply"),
        (b'{"a": "' + b"x" * LIMIT + b'"}', "larger than 65536 bytes"),
    ],
)
def test_what_is_no_reading_is_refused_with_a_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason) as refused:
        parsed(payload)
    assert re.fullmatch(r"[ -~]{1,200}", refused.value.message), "a reason repeats nothing of the message"


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("", "empty"),
        ("sensors/a\nb", "control character"),
        ("sensors/a\x00", "control character"),
        ("sensors/\x1b[31m", "control character"),
        ("sensors/\x9b31m", "control character"),
        ("sensors/\udcff", "not UTF-8"),
        ("sensors/#", r"\+ or #"),
        ("sensors/+/a", r"\+ or #"),
        ("$SYS/broker", "begins with"),
        ("s/" + "x" * MAX_TOPIC_BYTES, "longer than 1024"),
        ("s/" + "ü" * 512, "longer than 1024"),
    ],
)
def test_a_hostile_topic_is_refused(topic: str, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        parse(topic, b'{"x": 1}')


def check_item(topic: str, payload: bytes) -> None:
    """A message is refused, or becomes items that every sink can read."""
    try:
        found = parsed(payload, topic)
    except RejectedError as error:
        json.dumps(reject(topic, payload, NOW, error.message, mark="m").args)
        return
    assert bool(found.readings) != bool(found.ignored)
    for reading in found.readings:
        item = encode(reading)
        assert b"\n" not in item
        again = json.loads(item.decode("ascii"))
        assert again == reading
        values = parse_reading(again).fields.values()
        assert all(isinstance(value, (bool, int, str)) or math.isfinite(value) for value in values)


def test_the_fast_path_gives_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = [b'{"a": 1, "b": {"c": "2", "d": true}, "time": 7}', b'{"a": -0.5, "s": "x \\" y"}', b'{"state": "on"}']
    fast = [parsed(payload) for payload in payloads]
    monkeypatch.setattr(reading_parser, "parse_plain", lambda *_: None)
    assert [parsed(payload) for payload in payloads] == fast


@given(st.binary(max_size=200), st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_reading_or_a_reject(payload: bytes, topic: str) -> None:
    check_item(topic, payload)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)


@given(anything, st.none() | st.integers() | st.floats() | st.text(max_size=30), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_json_is_a_reading_or_a_reject(content: Any, time: Any, surrogates: bool) -> None:
    if isinstance(content, dict) and time is not None:
        content["ts"] = time
    check_item("sensors/a", json.dumps(content, ensure_ascii=not surrogates).encode(errors="surrogatepass"))


def test_a_reject_is_the_same_letter_each_time_and_another_one_for_another_message() -> None:
    def letter(topic: str = "t", payload: bytes = b"p", mark: str = "client:7") -> str:
        return reject(topic, payload, NOW, "reason", mark=mark).id

    assert letter() == reject("t", b"p", NOW + 1, "another reason", mark="client:7").id
    assert len({letter(), letter(topic="u"), letter(payload=b"q"), letter(mark="client:8"), letter("\udcff")}) == 5
    assert re.fullmatch("[A-Za-z0-9_-]{1,60}", letter())


def test_a_reject_keeps_a_small_message_whole() -> None:
    whole = reject("t", b"x" * MAX_REJECT_BYTES, NOW, "too large", mark="m")
    assert whole.args == ("t", base64.b64encode(b"x" * MAX_REJECT_BYTES).decode(), NOW)
    assert whole.reason == "too large"
    cut = reject("t", b"x" * (MAX_REJECT_BYTES + 1), NOW, "too large", mark="m")
    assert base64.b64decode(cut.args[1]) == b"x" * TRUNCATED_REJECT_BYTES
    assert cut.reason == "too large (truncated to the first 512 of 4097 bytes)"
