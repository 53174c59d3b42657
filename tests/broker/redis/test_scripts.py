"""Names of KEYS and ARGV: declared in a script's head, bound at the call, local variables in Lua."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from redis import Redis

from qctl.broker.redis.script_signature import Signature

HEAD = """-- Try the names.
-- KEYS
--   first STRING with a note
--   lists... LIST one or more
-- ARGV
--   word: with a note
--     that goes on
--   numbers...
-- KEYS rows[n]
--   place STRING
-- ARGV rows[n]
--   left
--   right
-- Returns what it was given
-- Atomic: it writes nothing
local given = {first, #lists, lists[1], word, numbers[1] + numbers[2], rows_count}
for n = 1, rows_count do
    local row = rows_at(n)
    given[#given + 1] = row.place .. row.left .. row.right
end
return given
"""


class Row(NamedTuple):
    place: str
    left: str
    right: int


@pytest.fixture
def run(connection: Redis) -> Callable[..., Any]:
    """Runs HEAD with these values."""
    signature = Signature()
    signature.add(HEAD)

    def run(**values: Any) -> Any:
        keys, args = signature.pack(values)
        return connection.eval(signature.prelude(with_types=False) + HEAD, len(keys), *keys, *args)

    return run


def values(**changes: Any) -> dict[str, Any]:
    return {
        "first": "a",
        "lists": ["b", "c"],
        "word": "d",
        "numbers": [1, 2],
        "rows": [Row("e", "f", 3), Row("g", "h", 4)],
        **changes,
    }


def test_values_arrive_under_their_names(run: Callable[..., Any]) -> None:
    assert run(**values()) == [b"a", 2, b"b", b"d", 3, 2, b"ef3", b"gh4"]


def test_lists_and_rows_may_be_empty(run: Callable[..., Any]) -> None:
    assert run(**values(lists=["b"], rows=[])) == [b"a", 1, b"b", b"d", 3, 0]


def test_list_may_be_longer_than_luas_stack(connection: Redis) -> None:
    head = "-- KEYS\n--   key STRING\n-- ARGV\n--   numbers...\n-- Returns how many there are, and the last\n"
    signature = Signature()
    signature.add(head)
    for count in (0, 1, 4000, 4001, 20_000):
        keys, args = signature.pack({"key": "k", "numbers": range(1, count + 1)})
        body = signature.prelude(with_types=False) + head + "return {#numbers, numbers[#numbers]}"
        expected = [count, *([str(count).encode()] if count else [])]
        assert connection.eval(body, len(keys), *keys, *args) == expected


def test_a_missing_name_is_refused(run: Callable[..., Any]) -> None:
    given = values()
    del given["word"]
    with pytest.raises(TypeError, match="word is missing"):
        run(**given)


def test_an_unknown_name_is_refused(run: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="unknown: wrod"):
        run(**values(wrod="d"))


def test_rows_with_other_fields_are_refused(run: Callable[..., Any]) -> None:
    class Swapped(NamedTuple):
        place: str
        right: str
        left: str

    with pytest.raises(TypeError, match="place, left, right"):
        run(**values(rows=[Swapped("e", "f", "g")]))


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("-- KEYS\n--   job HASH\n-- ARGV\n--   job\n", "two values"),
        ("-- KEYS\n--   job\n", "a key has a type"),
        ("-- ARGV\n--   end\n", "a word of Lua"),
    ],
)
def test_a_head_that_declares_nonsense_is_refused(head: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Signature().add(head)


def test_two_parts_of_a_script_may_share_a_name_of_one_type() -> None:
    signature = Signature()
    signature.add("-- KEYS\n--   claims HASH\n-- ARGV\n--   job_id\n")
    signature.add("-- KEYS\n--   job HASH\n--   claims HASH\n")
    assert signature.pack({"claims": "c", "job": "j", "job_id": "1"}) == (["c", "j"], ["1"])
    with pytest.raises(ValueError, match="claims is declared as HASH and as LIST"):
        signature.add("-- KEYS\n--   claims LIST\n")
