"""Completion of the monitor's command line."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.cli.line_completion import Completer
from support.servers import RedisServer


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("st", "stats"),
        ("job en", "job enqueue"),
        ("job enqueue wel", "job enqueue welcome-email"),
        ("stats --o", "stats --output"),
        ("stats -o j", "stats -o json"),
        ("job list --state qu", "job list --state queued"),
        ("job list --queue email --st", "job list --queue email --state"),
        ("moni", None),
        ("stats ", None),
        ("", None),
        ("nothing like it", None),
        ("pause em", None),
    ],
)
def test_grammar_words_are_completed(typed: str, completed: str | None) -> None:
    assert Completer("redis://127.0.0.1:1/0")(typed) == completed


def test_names_from_redis_are_completed_except_unsafe_ones(redis_server: RedisServer, connection: Redis) -> None:
    connection.sadd("rq:queues", "rq:queue:apples", "rq:queue:bad name", "rq:queue:worse\x1b[31m")
    complete = Completer(redis_server.url)
    assert complete("pause ap") == "pause apples"
    assert complete("job list --queue ap") == "job list --queue apples"
    assert complete("pause ba") is None
    assert complete("pause wo") is None
