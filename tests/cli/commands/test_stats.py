"""`qctl stats`: queues, lanes, jobs by name, and periodic refresh."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from redis import Redis

from cli.conftest import Ran
from cli.fake import FakeOps, stats_of
from cli.test_terminal import Terminal
from qctl.errors import RedisUnreachableError
from qctl.histogram import Histogram
from qctl.models import Names, NameStats, QueueStats
from qctl.settings import Settings
from support import stock

Qctl = Callable[..., Ran]

LANES = stats_of(
    QueueStats("email", waiting=2, in_rate=1.0, taken_rate=3.0, waits=Histogram({0: 1}), memory=2000, oldest_age=9.0),
    QueueStats("email.high", waiting=1, in_rate=1.0, taken_rate=1.0, recent_failed=1, recent_finished=1, memory=100),
    QueueStats("report", waiting=5, in_rate=2.0, taken_rate=1.0, memory=None),
)


def rows(qctl: Qctl, *line: str) -> dict[str, dict[str, object]]:
    document = qctl("stats", *line, "--json", ops=FakeOps(stats__read=LANES)).json
    return {queue["name"]: queue for queue in document["queues"]}


def test_lanes_are_folded_without_the_option(qctl: Qctl) -> None:
    folded, unfolded = rows(qctl), rows(qctl, "--lanes")
    assert {name: queue["waiting"] for name, queue in folded.items()} == {"email": 3, "report": 5}
    assert folded["email"]["lanes"] == ["email", "email.high"]
    assert folded["report"]["lanes"] == []
    assert set(unfolded) == {"email", "email.high", "report"}


def test_named_lane_is_shown_alone(qctl: Qctl) -> None:
    assert set(rows(qctl, "email.high")) == {"email.high"}
    assert set(rows(qctl, "email*")) == {"email"}
    assert set(rows(qctl, "email.high", "report")) == {"email.high", "report"}
    assert set(rows(qctl, "email*", "--lanes")) == {"email", "email.high"}


def test_folded_queue_combines_its_lanes(qctl: Qctl) -> None:
    queues = rows(qctl)
    email, report = queues["email"], queues["report"]
    assert email["eta_seconds"] == 1.5
    assert (email["error_rate"], email["recent_failed"], email["memory_bytes"]) == (0.5, 1, 2100)
    assert email["wait"] == {"p50_seconds": 0.975, "p95_seconds": 0.975, "p99_seconds": 0.975, "count": 1}
    assert email["run"] == {"p50_seconds": None, "p95_seconds": None, "p99_seconds": None, "count": 0}
    assert (report["eta_seconds"], report["memory_bytes"]) == (None, None)


def test_growing_queue_never_becomes_empty(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    table = qctl("stats", "-o", "table", ops=FakeOps(stats__read=LANES)).out.splitlines()
    assert re.search(r"^report .* never ", table[2])
    assert "WAIT 50/95/99%" in table[0]


def test_names_lists_jobs_by_name(qctl: Qctl) -> None:
    ops = FakeOps()
    found = qctl("stats", "email", "--names", "--since", "2h", "--json", ops=ops).json
    assert ops.calls_of("stats__names") == [((["email"], 7200.0), {})]
    assert found["schema"] == "qctl.stats.names/1"
    (job,) = found["jobs"]
    assert (job["name"], job["waiting"], job["finished"], job["failed"], job["error_rate"]) == (
        *("welcome-email", 4, 30, 10, 0.25),
    )


def test_estimate_is_marked(qctl: Qctl) -> None:
    names = Names(LANES.at, 3600.0, [NameStats("big", "a", 1_000_000)], 500, 1_000_000)
    ran = qctl("stats", "--names", "-o", "table", ops=FakeOps(stats__names=names))
    assert "estimated from 500 of 1000000" in ran.out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("--since", "1h"), "--since needs --names"),
        (("--names", "--since", "1"), "--since: '1' has no unit"),
        (("--watch", "2"), "--watch: '2' has no unit"),
        (("--watch", "1ms"), "--watch: '1ms' is shorter than 0.1s"),
    ],
)
def test_malformed_option_exits_2(line: tuple[str, ...], message: str, qctl: Qctl) -> None:
    ran = qctl("stats", *line)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


# --- --watch ------------------------------------------------------------------------------------------------


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Simulate Ctrl-C during the third wait. Returns the length (s) of each wait."""
    lengths: list[float] = []

    def wait(seconds: float) -> None:
        lengths.append(seconds)
        if len(lengths) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("qctl.cli.watch.sleep", wait)
    return lengths


def test_watch_without_a_terminal_appends(qctl: Qctl, waits: list[float]) -> None:
    ran = qctl("stats", "--watch", "2s", "-o", "name")
    assert (ran.code, ran.out) == (130, "email\nsensor-data\n" * 3)
    assert all(1 < seconds <= 2 for seconds in waits)


def test_watch_continues_after_redis_was_away(qctl: Qctl, waits: list[float]) -> None:
    answers = iter([LANES, RedisUnreachableError("Redis at x does not answer"), LANES])

    def read() -> object:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    ran = qctl("stats", "--watch", "2s", "-o", "name", ops=FakeOps(stats__read=read))
    assert (ran.code, ran.out) == (130, "email\nreport\n" * 2)
    assert "Redis at x does not answer" in ran.err


def test_watch_fails_if_redis_never_answered(qctl: Qctl) -> None:
    ran = qctl("stats", "--watch", "2s", ops=FakeOps(stats__read=RedisUnreachableError("away")))
    assert (ran.code, ran.out) == (4, "")


def test_watch_refreshes_in_place_and_restores_the_screen(settings: Settings, connection: Redis) -> None:
    stock.enqueue(connection, "sensor-data", "one")
    terminal = Terminal("stats", "--watch", "100ms", REDIS_URL=settings.redis_target)
    terminal.read_until("total")
    while terminal.shown.count("\x1b[H") < 3:
        terminal.read_more()
    terminal.type("\x03")
    assert terminal.end() == 130
    before, _, after = terminal.shown.partition("\x1b[?1049h")
    assert "QUEUE" not in before
    assert "sensor-data" in after
    assert after.rindex("\x1b[?1049l") > after.rindex("sensor-data")
    assert "\x1b[?25h" in after
    assert "interrupted" in after.rpartition("\x1b[?1049l")[2]
    assert "Traceback" not in terminal.shown


def test_watch_on_a_dumb_terminal_prints_no_escapes(settings: Settings, connection: Redis) -> None:
    stock.enqueue(connection, "sensor-data", "one")
    terminal = Terminal("stats", "--watch", "100ms", REDIS_URL=settings.redis_target, TERM="dumb")
    terminal.read_until("total")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "\x1b" not in terminal.shown
