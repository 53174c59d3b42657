"""Reading a job's hash: nothing is unpickled, nothing inflated without a limit."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qctl.broker.redis import untrusted_fields
from support.stock import Bomb


def bomb_of_zeros() -> bytes:
    """Some 65 kB that inflate to 64 MB."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()


def test_a_bomb_is_inflated_up_to_the_limit() -> None:
    data = bomb_of_zeros()
    inflated, whole = untrusted_fields.inflate(data)
    assert (len(inflated), whole) == (untrusted_fields.MOST, False)
    assert untrusted_fields.pretty(data) == (None, len(data))
    assert untrusted_fields.function({"data": data, "description": b"app.send(1)"}) == "app.send"
    packed = [(b"1-0", {b"exc_string": base64.b64encode(data)})]
    assert len(untrusted_fields.traceback(packed, {})) == untrusted_fields.MOST


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "went off")
    data = pickle.dumps(("app.send", None, (bomb,), {}))
    for stored in (data, zlib.compress(data)):
        assert untrusted_fields.function({"data": stored, "description": b"app.send(<Bomb>)"}) == "app.send"
        assert untrusted_fields.pretty(stored) == (None, len(data))
        assert untrusted_fields.meta(stored) is None
    assert not bomb.went_off
    assert bomb.proves_itself()


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
def test_the_function_of_a_payload(payload: str, function: str) -> None:
    fields = {"data": zlib.compress(payload.encode()), "description": b"described(1, 2)"}
    assert untrusted_fields.function(fields) == function


def test_deep_nesting_makes_no_mountain_of_indentation() -> None:
    deep = "[" * 800 + ",".join("1" * 50_000) + "]" * 800
    assert untrusted_fields.pretty(deep.encode()) == (deep, len(deep))
    assert untrusted_fields.pretty(b"[" * 100_000 + b"]" * 100_000)[0] is None


def test_the_traceback_comes_from_the_results_or_else_the_hash() -> None:
    old = {"exc_info": zlib.compress(b"old")}
    assert untrusted_fields.traceback(None, old) == "old"
    assert untrusted_fields.traceback([], {"exc_info": b"plain"}) == "plain"
    assert (
        untrusted_fields.traceback([(b"1-0", {b"exc_string": base64.b64encode(zlib.compress(b"new"))})], old) == "new"
    )
    assert untrusted_fields.traceback([(b"1-0", {b"exc_string": b"abc"})], old) == "abc"
    assert untrusted_fields.traceback(None, {}) == ""


def test_times_and_counts() -> None:
    when = untrusted_fields.when(b"2026-01-02T03:04:05.000006Z")
    assert when is not None
    assert when.isoformat() == "2026-01-02T03:04:05.000006+00:00"
    assert untrusted_fields.when(b"2026-01-02T03:04:05Z") is not None
    assert untrusted_fields.when(None) is untrusted_fields.when(b"soon") is untrusted_fields.when(b"\xff") is None
    assert untrusted_fields.whole_number(b"3") == 3
    assert (
        untrusted_fields.whole_number(None)
        is untrusted_fields.whole_number(b"-1")
        is untrusted_fields.whole_number(b"9" * 99)
        is None
    )


def test_meta() -> None:
    assert json.loads(untrusted_fields.meta(b'{"trace_id": "t"}') or "") == {"trace_id": "t"}
    assert untrusted_fields.meta(b"{}") is untrusted_fields.meta(None) is untrusted_fields.meta(b"\x80\x05") is None


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    for stored in (data, zlib.compress(data)):
        untrusted_fields.pretty(stored)
        untrusted_fields.meta(stored)
        untrusted_fields.when(stored)
        untrusted_fields.whole_number(stored)
        untrusted_fields.function({"data": stored, "description": data})
        untrusted_fields.traceback([(b"1-0", {b"exc_string": stored})], {"exc_info": stored})
        untrusted_fields.traceback([(b"1-0", {b"exc_string": base64.b64encode(stored)})], {})
