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

from qctl.broker import inspection
from support.stock import Bomb


def bomb_of_zeros() -> bytes:
    """Some 65 kB that inflate to 64 MB."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()


def test_a_bomb_is_inflated_up_to_the_limit() -> None:
    data = bomb_of_zeros()
    inflated, whole = inspection.inflate(data)
    assert (len(inflated), whole) == (inspection.MOST, False)
    assert inspection.pretty(data) == (None, len(data))
    assert inspection.function({"data": data, "description": b"app.send(1)"}) == "app.send"
    packed = [(b"1-0", {b"exc_string": base64.b64encode(data)})]
    assert len(inspection.traceback(packed, {})) == inspection.MOST


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "went off")
    data = pickle.dumps(("app.send", None, (bomb,), {}))
    for stored in (data, zlib.compress(data)):
        assert inspection.function({"data": stored, "description": b"app.send(<Bomb>)"}) == "app.send"
        assert inspection.pretty(stored) == (None, len(data))
        assert inspection.meta(stored) is None
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
    assert inspection.function(fields) == function


def test_deep_nesting_makes_no_mountain_of_indentation() -> None:
    deep = "[" * 800 + ",".join("1" * 50_000) + "]" * 800
    assert inspection.pretty(deep.encode()) == (deep, len(deep))
    assert inspection.pretty(b"[" * 100_000 + b"]" * 100_000)[0] is None


def test_the_traceback_comes_from_the_results_or_else_the_hash() -> None:
    old = {"exc_info": zlib.compress(b"old")}
    assert inspection.traceback(None, old) == "old"
    assert inspection.traceback([], {"exc_info": b"plain"}) == "plain"
    assert inspection.traceback([(b"1-0", {b"exc_string": base64.b64encode(zlib.compress(b"new"))})], old) == "new"
    assert inspection.traceback([(b"1-0", {b"exc_string": b"abc"})], old) == "abc"
    assert inspection.traceback(None, {}) == ""


def test_times_and_counts() -> None:
    when = inspection.when(b"2026-01-02T03:04:05.000006Z")
    assert when is not None
    assert when.isoformat() == "2026-01-02T03:04:05.000006+00:00"
    assert inspection.when(b"2026-01-02T03:04:05Z") is not None
    assert inspection.when(None) is inspection.when(b"soon") is inspection.when(b"\xff") is None
    assert inspection.whole_number(b"3") == 3
    assert inspection.whole_number(None) is inspection.whole_number(b"-1") is inspection.whole_number(b"9" * 99) is None


def test_meta() -> None:
    assert json.loads(inspection.meta(b'{"trace_id": "t"}') or "") == {"trace_id": "t"}
    assert inspection.meta(b"{}") is inspection.meta(None) is inspection.meta(b"\x80\x05") is None


@given(st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    for stored in (data, zlib.compress(data)):
        inspection.pretty(stored)
        inspection.meta(stored)
        inspection.when(stored)
        inspection.whole_number(stored)
        inspection.function({"data": stored, "description": data})
        inspection.traceback([(b"1-0", {b"exc_string": stored})], {"exc_info": stored})
        inspection.traceback([(b"1-0", {b"exc_string": base64.b64encode(stored)})], {})
