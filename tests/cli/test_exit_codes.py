"""Exit codes, which scripts rely on."""

from __future__ import annotations

import pytest

from qctl import errors
from qctl.cli.exit_codes import ExitCode, exit_code_for, exit_code_of_many
from qctl.errors import NotFoundError, QctlError, RefusedError


def test_exit_codes_are_stable() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "FAILED": 1,
        "USAGE": 2,
        "NOT_FOUND": 3,
        "UNREACHABLE": 4,
        "PARTIAL": 5,
        "REFUSED": 6,
        "TIMED_OUT": 7,
        "JOB_FAILED": 8,
        "INTERRUPTED": 130,
        "STDOUT_CLOSED": 141,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.SettingsError("NAME", "x"), 2),
        (errors.NotFoundError("x"), 3),
        (errors.RedisUnreachableError("x"), 4),
        (errors.PartialError("x"), 5),
        (errors.RefusedError("x"), 6),
        (errors.WaitTimeoutError("x"), 7),
        (errors.JobFailedError("x"), 8),
        (errors.BackpressureError("x"), 1),
        (ValueError("x"), 1),
    ],
)
def test_exit_code_of_each_error(error: Exception, code: int) -> None:
    assert exit_code_for(error) == code


@pytest.mark.parametrize(
    ("failures", "done", "code"),
    [
        ([], 0, 0),
        ([], 2, 0),
        ([NotFoundError("x")], 0, 3),
        ([NotFoundError("x"), NotFoundError("y")], 0, 3),
        ([NotFoundError("x"), RefusedError("y")], 0, 5),
        ([NotFoundError("x")], 1, 5),
    ],
)
def test_exit_code_of_many_errors(failures: list[QctlError], done: int, code: int) -> None:
    assert exit_code_of_many(failures, done) == code
