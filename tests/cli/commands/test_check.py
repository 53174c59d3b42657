"""`qctl check`: one line with performance data, and the exit codes of monitoring plug-ins."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from cli.conftest import Ran
from cli.fake import FakeOps
from qctl.errors import NotFoundError, QctlError, RedisUnreachableError, RefusedError
from qctl.models import Check, CheckedMetric, CheckedValue, Level, QueueCheck, Threshold, Thresholds

Qctl = Callable[..., Ran]

LINE = re.compile(r"QCTL (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+(?: \| .+)?\n")
DATA = re.compile(r"'(?:[^'=|]|'')+'=(?:U|-?[0-9.]+(?:s|%)?);[0-9.:]*;[0-9.:]*;0")


def reading(metric: CheckedMetric, value: float | None, limit: Threshold, queue: str = "email") -> CheckedValue:
    return CheckedValue(queue, metric, value, limit, Level.UNKNOWN if value is None else limit.level_of(value))


def ops_with(*queues: QueueCheck) -> FakeOps:
    return FakeOps(checks__run=Check.of(queues))


def queue(name: str, *readings: CheckedValue, **more: str) -> QueueCheck:
    level = Level.CRITICAL if "error" in more else max((r.level for r in readings), default=Level.OK)
    return QueueCheck(name, level, readings, **more)


AGE, DEPTH, DEAD = Threshold(60, 300), Threshold(1000, 5000), Threshold(1, 50)
WORKERS, ERRORS = Threshold(None, 1, is_minimum=True), Threshold(0.05, 0.2)


def test_check_passes_thresholds_and_queues(qctl: Qctl) -> None:
    ops = FakeOps()
    options = "--max-age 60s:300s --max-depth 1000:5000 --max-dead 1:50 --min-workers 1 --max-errors 5%:20%"
    ran = qctl("check", "-Q", "email", "-Q", "report*", *options.split(), ops=ops)
    assert ran.code == 0
    limits = Thresholds(age=AGE, depth=DEPTH, dead=DEAD, errors=ERRORS, workers=WORKERS)
    assert ops.calls_of("checks__run") == [((limits, ["email", "report*"]), {})]


@pytest.mark.parametrize(
    ("checked", "code", "line"),
    [
        (
            queue("email", reading("age", 4, AGE), reading("depth", 3, DEPTH)),
            0,
            "QCTL OK - email: all within thresholds | 'email age'=4s;60;300;0 'email depth'=3;1000;5000;0",
        ),
        (
            queue("email", reading("dead", 3, DEAD)),
            1,
            "QCTL WARNING - email: 3 dead letters (more than 1) | 'email dead'=3;1;50;0",
        ),
        (
            queue("email", reading("age", 360.5, AGE), reading("workers", 0, WORKERS), paused="email is paused by me"),
            2,
            "QCTL CRITICAL - email: oldest job waits 6m (more than 5m), 0 workers (fewer than 1) "
            "(email is paused by me) | 'email age'=360.5s;60;300;0 'email workers'=0;;1:;0",
        ),
        (
            queue("email", reading("errors", 0.125, ERRORS)),
            1,
            "QCTL WARNING - email: 12% of runs fail (more than 5.0%) | 'email errors'=12.5%;5;20;0",
        ),
        (
            queue("email", reading("age", None, AGE)),
            3,
            "QCTL UNKNOWN - email: age of the oldest job is unknown | 'email age'=U;60;300;0",
        ),
        (queue("email", error="its key holds text"), 2, "QCTL CRITICAL - email: cannot be read: its key holds text"),
        (queue("email"), 0, "QCTL OK - email: as healthy as usual"),
    ],
)
def test_check_prints_one_line_and_exits_with_the_level(checked: QueueCheck, code: int, line: str, qctl: Qctl) -> None:
    ran = qctl("check", ops=ops_with(checked))
    assert (ran.code, ran.out, ran.err) == (code, line + "\n", "")
    assert LINE.fullmatch(ran.out)


def test_many_queues_are_one_line(qctl: Qctl) -> None:
    bad = [queue(f"q{n}", reading("dead", 60, DEAD, f"q{n}")) for n in range(60)]
    ran = qctl("check", ops=ops_with(queue("good", reading("dead", 0, DEAD, "good")), *bad))
    assert (ran.code, ran.out.count("\n")) == (2, 1)
    assert "; and 55 more queues | " in ran.out
    assert len(DATA.findall(ran.out)) == 50
    assert "good" not in ran.out


@pytest.mark.parametrize("name", ["a|b", "a'b", "a=b", "a\nb", "\x1b[31mred", "ü\u202e"])
def test_hostile_names_break_neither_text_nor_data(name: str, qctl: Qctl) -> None:
    ran = qctl("check", ops=ops_with(queue(name, reading("dead", 60, DEAD, name))))
    assert LINE.fullmatch(ran.out)
    text, _, data = ran.out.rstrip("\n").partition(" | ")
    assert DATA.fullmatch(data)
    assert not re.search("[\x00-\x1f\u202e]", text + data)


@pytest.mark.parametrize(
    ("option", "value", "part"),
    [
        ("--max-age", "60", "'60' has no unit"),
        ("--max-age", "5m:1m", "'5m:1m' has a warning value above"),
        ("--max-depth", "many", "'many' is not a whole number"),
        ("--max-dead", "1:2:3", "'1:2:3' has more than two values"),
        ("--max-errors", "5", "'5' is not a percentage"),
        ("--min-workers", "1:2", "'1:2' has a warning value below"),
    ],
)
def test_malformed_threshold_is_unknown(option: str, value: str, part: str, qctl: Qctl) -> None:
    ran = qctl("check", option, value)
    assert ran.code == 3
    assert ran.out.startswith(f"QCTL UNKNOWN - {option}: ")
    assert part in ran.out


@pytest.mark.parametrize(
    "line", [("check", "--foo"), ("check", "email"), ("check", "--max-age"), ("--no-color", "check", "--max-age")]
)
def test_malformed_command_line_is_unknown(line: tuple[str, ...], qctl: Qctl) -> None:
    """Exit code 2 would mean CRITICAL."""
    assert qctl(*line).code == 3


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (RedisUnreachableError("Redis at x does not answer"), 2, "QCTL CRITICAL - Redis at x does not answer\n"),
        (
            NotFoundError("there is no queue emial", ("email",), "did you mean 'email'?"),
            3,
            "QCTL UNKNOWN - there is no queue emial; did you mean 'email'?\n",
        ),
        (RefusedError("Redis does not let this user"), 3, "QCTL UNKNOWN - Redis does not let this user\n"),
        (QctlError("a | b"), 3, "QCTL UNKNOWN - a / b\n"),
    ],
)
def test_errors_are_reported_as_a_level(error: QctlError, code: int, line: str, qctl: Qctl) -> None:
    ran = qctl("check", ops=FakeOps(checks__run=error))
    assert (ran.code, ran.out, ran.err) == (code, line, "")


def test_internal_error_is_unknown(qctl: Qctl) -> None:
    def fault(*_: object) -> Check:
        raise KeyError("x")

    ran = qctl("check", ops=FakeOps(checks__run=fault))
    assert (ran.code, ran.out) == (3, "QCTL UNKNOWN - internal error: KeyError: 'x'\n")


def test_json_has_values_and_levels(qctl: Qctl) -> None:
    ran = qctl("check", "--json", ops=ops_with(queue("email", reading("errors", 0.125, ERRORS))))
    assert (ran.code, ran.json["level"]) == (1, "WARNING")
    (email,) = ran.json["queues"]
    assert (email["errors_value"], email["errors_level"], email["age_value"]) == (0.125, "WARNING", None)
