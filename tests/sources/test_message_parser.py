"""Valid and invalid messages, and the rejects made of the latter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.errors import RejectedError
from qctl.jobs.message_batches import ingest_message
from qctl.sources.message_parser import FIELDS, encode, msg_id_of, parse, reject

LIMIT = 65_536


def event(**fields: Any) -> list[Any]:
    """An event with a good message, changed."""
    good = {"msg_id": "m1", "message": "hello", "user_id": "u1", "timestamp": "2026-01-01T12:00:00.123Z"}
    return ["data", {**good, **fields}]


def refusal(bad: Any, user: str | None = None, limit: int = LIMIT) -> str:
    with pytest.raises(RejectedError) as raised:
        parse(bad, user, 1, limit)
    return raised.value.message


def test_a_message_is_an_item_in_utc() -> None:
    assert parse(event(), None, 7, LIMIT) == {
        "msg_id": "m1",
        "message": "hello",
        "user_id": "u1",
        "timestamp": "2026-01-01T12:00:00.123000+00:00",
        "received_ns": 7,
    }


@pytest.mark.parametrize(
    ("given", "utc"),
    [
        ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00.000000+00:00"),
        ("2026-01-01T12:00:00.1234567+02:00", "2026-01-01T10:00:00.123456+00:00"),
        ("2026-01-01T00:30:00-0530", "2026-01-01T06:00:00.000000+00:00"),
        ("2026-01-01 12:00+01", "2026-01-01T11:00:00.000000+00:00"),
        ("2026-03-29T02:30:00+01:00", "2026-03-29T01:30:00.000000+00:00"),
        ("2024-02-29T23:59:60Z", "2024-03-01T00:00:00.000000+00:00"),
    ],
)
def test_timestamps_with_a_zone_become_utc(given: str, utc: str) -> None:
    assert parse(event(timestamp=given), None, 1, LIMIT)["timestamp"] == utc


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-01-01T12:00:00",
        "2026-01-01",
        "1767268800",
        "2026-02-30T12:00:00Z",
        "2026-01-01T12:00:00+25:00",
        "1969-12-31T23:59:59Z",
        "2263-01-01T00:00:00Z",
        "yesterday",
        "",
        "T+00",
        "٢٠٢٦-01-01T12:00:00Z",
    ],
)
def test_a_timestamp_without_zone_or_sense_is_refused(timestamp: str) -> None:
    assert "timestamp" in refusal(event(timestamp=timestamp))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (["date", {}], "unknown event"),
        ([], "unknown event"),
        (None, "unknown event"),
        ({"msg_id": "m"}, "unknown event"),
        (["data"], "must carry one object"),
        (["data", {}, {}], "must carry one object"),
        (["data", "text"], "must carry one object"),
        (["data", None], "must carry one object"),
        (["data", {}], "field 'message' is missing"),
        (["data", {"msg_id": "m", "message": "x", "user_id": "u"}], "field 'timestamp' is missing"),
        (event(room="a"), "unknown field 'room'"),
        (event(msg_id=""), "msg_id must have 1 to 50 characters"),
        (event(msg_id="x" * 51), "msg_id must have 1 to 50 characters"),
        (event(msg_id=7), "must be strings"),
        (event(msg_id=None), "must be strings"),
        (event(message={"a": 1}), "must be strings"),
        (event(message=b"bytes"), "must be strings"),
        (event(user_id="x" * 51), "user_id is longer than 50 characters"),
        (event(message="\ud800"), "not valid Unicode"),
        (event(message="x" * LIMIT), "larger than 65536 bytes (QCTL_MAX_PAYLOAD)"),
        (event(message="ü" * (LIMIT // 2)), "larger than 65536 bytes"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_message_is_refused_with_its_reason(bad: Any, reason: str) -> None:
    assert reason in refusal(bad)


def test_limits_are_counted_in_characters_and_in_bytes_of_utf8() -> None:
    whole = event(msg_id="🐘" * 50, user_id="🐘" * 50, message="ü" * 32_000)
    assert parse(whole, None, 1, LIMIT)["message"] == "ü" * 32_000
    assert "larger" in refusal(whole, limit=64_000)


def test_a_token_lets_its_user_write_for_nobody_else() -> None:
    assert parse(event(), "u1", 1, LIMIT)["user_id"] == "u1"
    assert refusal(event(), user="u2") == "user_id is not the token's user"


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_any_text_survives_the_way_through_the_buffer(text: str) -> None:
    item = encode(parse(event(message=text), None, 1, LIMIT))
    assert item.isascii()
    assert b"\n" not in item
    assert json.loads(item)["message"] == text


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(st.lists(st.just("data") | anything, max_size=3))
def test_whatever_comes_is_a_message_or_a_reject_that_can_be_tried_again(bad: list[Any]) -> None:
    try:
        parse(bad, None, 1, LIMIT)
    except RejectedError as error:
        letter = reject(bad, None, 1, error.message)
        msg_id_of(bad)
        json.dumps(letter.args)
        assert letter.reason
        with pytest.raises(RejectedError):
            ingest_message(*letter.args)


def test_the_same_event_of_the_same_user_is_the_same_letter() -> None:
    letters = [reject(event(msg_id=i), user, n, "r") for i, user, n in [("", None, 1), ("", None, 2), ("", "u", 1)]]
    assert letters[0].id == letters[1].id != letters[2].id


def test_of_a_very_large_event_the_beginning_is_kept() -> None:
    letter = reject(event(message="x" * 2_000_000), None, 1, "it is too large")
    assert len(letter.args[0]) == 512
    assert letter.reason.startswith("it is too large (truncated to the first 512 of 2000")
