"""Messages of devices: which become readings, and which dead letters."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qctl.errors import RejectedError
from qctl.sinks.readings import parse_reading
from qctl.sources.reading_parser import (
    MAX_FIELDS,
    MAX_NAME_CHARACTERS,
    MAX_REJECT_BYTES,
    MAX_TOPIC_BYTES,
    TRUNCATED_REJECT_BYTES,
    encode,
    parse,
    reject,
)

LIMIT = 65_536
NOW = 1_714_557_600_000_000_000


def fields(payload: Any, topic: str = "sensors/livingroom") -> Any:
    """The fields of a payload, which is bytes, or what is sent as JSON."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return parse(topic, raw, NOW, LIMIT)["fields"]


def test_a_reading_says_what_was_measured_where_and_when() -> None:
    payload = b'{"temperature": 21.5, "humidity": 40, "on": true, "timestamp": "2024-05-01T09:00:00Z"}'
    assert parse("sensors/livingroom", payload, NOW, LIMIT) == {
        "topic": "sensors/livingroom",
        "device": "livingroom",
        "ts_ns": NOW - 3_600_000_000_000,
        "fields": {"temperature": 21.5, "humidity": 40, "on": True},
        "received_ns": NOW,
    }


def test_without_a_time_it_was_measured_when_it_came() -> None:
    assert parse("sensors/a", b'{"x": 1}', NOW, LIMIT)["ts_ns"] == NOW
    assert parse("sensors/a", b'{"x": 1, "ts": null, "time": null}', NOW, LIMIT)["ts_ns"] == NOW


@pytest.mark.parametrize(
    ("payload", "second"),
    [
        ({"timestamp": 5, "ts": 6, "time": 7, "x": 1}, 5),
        ({"time": 7, "ts": 6, "x": 1}, 6),
        ({"time": 7, "x": 1}, 7),
        ({"timestamp": None, "time": "7", "x": 1}, 7),
    ],
)
def test_the_time_is_never_a_field(payload: Any, second: int) -> None:
    found = parse("sensors/a", json.dumps(payload).encode(), NOW, LIMIT)
    assert (found["ts_ns"], found["fields"]) == (second * 10**9, {"x": 1})


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
    assert parse(topic, b'{"x":1}', NOW, LIMIT)["device"] == device


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
    found = parse(topic, b'{"x":1}', NOW, LIMIT, pattern)
    assert (found["device"], found.get("tags")) == (device, tags)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"a": 1, "b": {"c": 2.5, "d": {"e": False}}}, {"a": 1, "b.c": 2.5, "b.d.e": False}),
        ({"a": 1, "name": "kitchen", "list": [1, 2], "none": None}, {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b' {"a":-0.0} ', {"a": -0.0}),
        ({"a": 2**63 - 1, "b": -(2**63)}, {"a": 2**63 - 1, "b": -(2**63)}),
        ({"température": 1}, {"température": 1}),
        ({"": {"": 1}}, {".": 1}),
        ({str(n): n for n in range(MAX_FIELDS)}, {str(n): n for n in range(MAX_FIELDS)}),
        ({"n" * MAX_NAME_CHARACTERS: 1}, {"n" * MAX_NAME_CHARACTERS: 1}),
        ({"a": {"b": {"c": {"d": {"e": 1}}}}}, {"a.b.c.d.e": 1}),
    ],
)
def test_numbers_and_booleans_become_fields(payload: Any, expected: Any) -> None:
    assert fields(payload) == expected


def test_a_bare_value_is_named_by_the_last_level() -> None:
    assert fields(b"21.5", "sensors/livingroom/temperature") == {"temperature": 21.5}
    assert fields(b" true\n", "sensors/door") == {"door": True}
    assert fields(b"1", "sensors/livingroom/") == {"value": 1}
    assert fields(b"1", "sensors/livingroom/time") == {"value": 1}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "payload is empty"),
        (b"  ", "not JSON"),
        (b"hello", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1} {"b": 2}', "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not JSON"),
        (b'{"a": \xff}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a": NaN}', "NaN cannot be stored"),
        (b'{"a": 1, "b": [Infinity]}', "Infinity cannot be stored"),
        (b"-Infinity", "-Infinity cannot be stored"),
        (b'{"a": 1e400}', "too large"),
        (b"-1e400", "too large"),
        (b'{"a": 9223372036854775808}', "more than 64 bits"),
        (b"-9223372036854775809", "more than 64 bits"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits|more than 64 bits"),
        (b"[" * 100_000, "larger|nested too deeply"),
        (b"[" * 50_000, "nested too deeply"),
        (b'{"a":' * 10_000, "nested too deeply"),
        (b'{"a":' * 6 + b"1" + b"}" * 6, "nested too deeply: more than 5 objects"),
        (b'"21.5"', "neither an object, a number nor a boolean"),
        (b"[1, 2]", "neither an object, a number nor a boolean"),
        (b"null", "neither an object, a number nor a boolean"),
        (b"{}", "no field"),
        (b'{"name": "kitchen", "list": [1], "none": null}', "no field"),
        (b'{"timestamp": 1}', "no field"),
        (b'{"a": {"b": {}}}', "no field"),
        (b'{"a": 1, "timestamp": "soon"}', "timestamp is"),
        (b'{"a": 1, "ts": -1}', "timestamp is"),
        (b'{"a": 1, "time": true}', "timestamp is"),
        (b'{"": 1}', "a field's name"),
        (b'{"a\\nb": 1}', "a field's name"),
        (b'{"\\u0000": 1}', "a field's name"),
        (b'{"\\u009b31m": 1}', "a field's name"),
        (b'{"\\ud800": 1}', "a field's name"),
        (b'{"' + b"n" * (MAX_NAME_CHARACTERS + 1) + b'": 1}', "a field's name"),
        (json.dumps({str(n): n for n in range(MAX_FIELDS + 1)}).encode(), "more than 256 fields"),
        (json.dumps({str(n): {str(m): m for m in range(200)} for n in range(2)}).encode(), "more than 256 fields"),
        (b'{"a": "' + b"x" * LIMIT + b'"}', "larger than 65536 bytes"),
    ],
)
def test_what_is_no_reading_is_refused_with_a_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason) as refused:
        parse("sensors/a", payload, NOW, LIMIT)
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
        parse(topic, b'{"x": 1}', NOW, LIMIT)


def check_item(topic: str, payload: bytes) -> None:
    """A message is refused, or becomes an item that every sink can read."""
    try:
        found = parse(topic, payload, NOW, LIMIT)
    except RejectedError as error:
        json.dumps(reject(topic, payload, NOW, error.message, mark="m").args)
        return
    item = encode(found)
    assert b"\n" not in item
    again = json.loads(item.decode("ascii"))
    assert again == found
    values = parse_reading(again).fields.values()
    assert all(isinstance(value, (bool, int)) or math.isfinite(value) for value in values)


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
