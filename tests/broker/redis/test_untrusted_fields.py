"""Fields of a job's hash: nothing is unpickled, and nothing inflated without a limit."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.broker.redis.untrusted_fields import (
    MAX_FIELD_BYTES,
    function_name,
    indent_meta,
    indent_payload,
    inflate,
    last_traceback,
    parse_count,
    parse_time,
)
from support.stock import Bomb


def bomb_of_zeros() -> bytes:
    """Return 65 kB that inflate to 64 MB."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()


def test_compressed_bomb_is_inflated_up_to_the_limit() -> None:
    data = bomb_of_zeros()
    inflated, whole = inflate(data)
    assert (len(inflated), whole) == (MAX_FIELD_BYTES, False)
    assert indent_payload(data) == (None, len(data))
    assert function_name({"data": data, "description": b"app.send(1)"}) == "app.send"
    packed = [(b"1-0", {b"exc_string": base64.b64encode(data)})]
    assert len(last_traceback(packed, {})) == MAX_FIELD_BYTES


def test_pickles_are_never_unpickled(tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "went off")
    data = pickle.dumps(("app.send", None, (bomb,), {}))
    for stored in (data, zlib.compress(data)):
        assert function_name({"data": stored, "description": b"app.send(<Bomb>)"}) == "app.send"
        assert indent_payload(stored) == (None, len(data))
        assert indent_meta(stored) is None
    assert not bomb.went_off
    assert bomb.proves_itself()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_the_function_of_a_pickle_is_read_without_loading_it(tmp_path: Path, protocol: int) -> None:
    bomb = Bomb(tmp_path / "went off")
    data = pickle.dumps(("app.tasks.send", None, (bomb,), {}), protocol=protocol)
    for stored in (data, zlib.compress(data), data[:40]):
        assert function_name({"data": stored, "description": b"somebody wrote this"}) == "app.tasks.send"
    assert not bomb.went_off


@pytest.mark.parametrize("data", [pickle.dumps(("no name!",)), pickle.dumps([1, "app.send"]), b"\x80\x05\x8c", b"\x80"])
def test_a_pickle_without_a_name_is_known_by_its_description(data: bytes) -> None:
    assert function_name({"data": data, "description": b"app.send(1)"}) == "app.send"


@pytest.mark.parametrize(
    ("payload", "function"),
    [
        ('["app.send", null, [1], {}]', "app.send"),
        ('["app.\\u0041\\"", null, [], {}]', 'app.A"'),
        ('["' + "x" * 10_000 + '"]', "described"),
        ('["\\x"]', "described"),
        ("[1, 2]", "described"),
        ('{"a": 1}', "described"),
        ("", "described"),
    ],
)
def test_function_name_comes_from_payload_or_description(payload: str, function: str) -> None:
    fields = {"data": zlib.compress(payload.encode()), "description": b"described(1, 2)"}
    assert function_name(fields) == function


def test_deep_nesting_is_not_indented() -> None:
    deep = "[" * 800 + ",".join("1" * 50_000) + "]" * 800
    assert indent_payload(deep.encode()) == (deep, len(deep))
    assert indent_payload(b"[" * 100_000 + b"]" * 100_000)[0] is None


def test_traceback_comes_from_results_or_else_the_hash() -> None:
    old = {"exc_info": zlib.compress(b"old")}
    assert last_traceback(None, old) == "old"
    assert last_traceback([], {"exc_info": b"plain"}) == "plain"
    assert last_traceback([(b"1-0", {b"exc_string": base64.b64encode(zlib.compress(b"new"))})], old) == "new"
    assert last_traceback([(b"1-0", {b"exc_string": b"abc"})], old) == "abc"
    assert last_traceback(None, {}) == ""


def test_invalid_times_and_counts_are_none() -> None:
    when = parse_time(b"2026-01-02T03:04:05.000006Z")
    assert when is not None
    assert when.isoformat() == "2026-01-02T03:04:05.000006+00:00"
    assert parse_time(b"2026-01-02T03:04:05Z") is not None
    assert parse_time(None) is parse_time(b"soon") is parse_time(b"\xff") is None
    assert parse_count(b"3") == 3
    assert parse_count(None) is parse_count(b"-1") is parse_count(b"9" * 99) is None


def test_meta_is_indented_json_or_none() -> None:
    assert json.loads(indent_meta(b'{"trace_id": "t"}') or "") == {"trace_id": "t"}
    assert indent_meta(b"{}") is indent_meta(None) is indent_meta(b"\x80\x05") is None


@given(st.binary(max_size=300))
def test_no_bytes_raise_an_error(data: bytes) -> None:
    for stored in (data, zlib.compress(data)):
        indent_payload(stored)
        indent_meta(stored)
        parse_time(stored)
        parse_count(stored)
        function_name({"data": stored, "description": data})
        last_traceback([(b"1-0", {b"exc_string": stored})], {"exc_info": stored})
        last_traceback([(b"1-0", {b"exc_string": base64.b64encode(stored)})], {})
