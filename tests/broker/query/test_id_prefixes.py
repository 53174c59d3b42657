"""Ids as people type them: odd ones as qctl shows them."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.broker.query import id_prefixes
from qctl.broker.redis import keys
from qctl.safe import escape_line

ODD = ["zero\u200bwidth", "tab\tid", "\x1b[31mred", "line\nbreak", "\U000e0041tag", "\x85next"]


@pytest.mark.parametrize("odd", ODD)
def test_an_id_with_escaped_characters_is_that_of_its_job(connection: Redis, odd: str) -> None:
    connection.hset(keys.job(odd), "status", "queued")
    assert escape_line(odd) != odd
    assert id_prefixes.complete(connection, [escape_line(odd), "other"]) == [odd, "other"]


def test_an_id_that_looks_escaped_is_its_own(connection: Redis) -> None:
    for id_ in (r"a\tb", "a\tb"):
        connection.hset(keys.job(id_), "status", "queued")
    assert id_prefixes.complete(connection, [r"a\tb", r"c\td", r"c:\temp"]) == [r"a\tb", r"c\td", r"c:\temp"]
