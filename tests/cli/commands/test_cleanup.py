"""`qctl cleanup`: one line or none, and exit codes for cron."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cli.conftest import Ran
from cli.fake import FakeOps
from qctl.errors import NotFoundError, RefusedError
from qctl.models import Cleanup, CleanupResult
from qctl.ops.cleanup import ALL_KINDS

Qctl = Callable[..., Ran]


def ops(*removed: CleanupResult, dry_run: bool = False) -> FakeOps:
    return FakeOps(cleanup__run=Cleanup(removed, 0.4, dry_run))


def test_cleanup_passes_its_defaults(qctl: Qctl) -> None:
    fake = FakeOps()
    for line in ("finished", "failed", "all", "failed --older-than 30d --keep 0 -Q email --dry-run"):
        qctl("cleanup", *line.split(), ops=fake)
    kinds, options = zip(*fake.calls_of("cleanup__run"), strict=True)
    assert [kind for (kind,) in kinds] == [["finished"], ["failed"], list(ALL_KINDS), ["failed"]]
    defaults = {"older_than": None, "queues": (), "dry_run": False}
    assert options[:3] == ({**defaults, "keep": 100}, {**defaults, "keep": 50}, {**defaults, "keep": None})
    assert options[3] == {"older_than": 30 * 86_400.0, "keep": 0, "queues": ["email"], "dry_run": True}


def test_cleanup_without_deletions_prints_nothing(qctl: Qctl) -> None:
    ran = qctl("cleanup", "all", ops=ops(CleanupResult("finished", 0), CleanupResult("trash", 0)))
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_cleanup_prints_one_line(qctl: Qctl) -> None:
    fake = ops(
        CleanupResult("finished", 1),
        CleanupResult("failed", 3, batch="b-1"),
        CleanupResult("exports", 2, 2400),
        CleanupResult("trash", 0),
    )
    ran = qctl("cleanup", "all", ops=fake)
    assert ran.code == 0
    assert ran.out == (
        "deleted 1 finished job, 3 dead letters, 2 exports (2.4 KB) in 400ms; undo: qctl trash restore b-1\n"
    )


def test_dry_run_prints_what_would_be_deleted(qctl: Qctl) -> None:
    some = qctl("cleanup", "finished", "--dry-run", ops=ops(CleanupResult("finished", 12), dry_run=True))
    nothing = qctl("cleanup", "finished", "--dry-run", ops=ops(CleanupResult("finished", 0), dry_run=True))
    assert some.out == "would delete 12 finished jobs\n"
    assert nothing.out == "nothing to delete\n"


def test_partial_failure_is_reported_and_exits_5(qctl: Qctl) -> None:
    partial = ops(CleanupResult("finished", 12), CleanupResult("reports", 0, problem="'x' cannot be read"))
    ran = qctl("cleanup", "all", ops=partial)
    assert (ran.code, ran.err) == (5, "qctl: reports: 'x' cannot be read\n")
    assert ran.out.startswith("deleted 12 finished jobs")
    assert qctl("cleanup", "reports", ops=ops(CleanupResult("reports", 0, problem="no"))).code == 1


@pytest.mark.parametrize(
    ("error", "code"), [(RefusedError("another cleanup is running"), 6), (NotFoundError("queue 'x' not found"), 3)]
)
def test_refused_cleanup_exits_with_the_code_of_its_error(error: Exception, code: int, qctl: Qctl) -> None:
    ran = qctl("cleanup", "finished", ops=FakeOps(cleanup__run=error))
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.endswith(f"qctl: {error}\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("--older-than", "24"), "--older-than: '24' has no unit"),
        (("--older-than", ""), "--older-than is empty"),
        (("--keep", "-1"), "Invalid value for '--keep'"),
    ],
)
def test_malformed_option_exits_2(line: tuple[str, ...], message: str, qctl: Qctl) -> None:
    ran = qctl("cleanup", "finished", *line)
    assert (ran.code, ran.out) == (2, "")
    assert message in ran.err


def test_json_is_always_printed(qctl: Qctl) -> None:
    document = qctl("cleanup", "trash", "--json", ops=ops(CleanupResult("trash", 0))).json
    assert (document["removed"], document["kinds"][0]["kind"]) == (0, "trash")


def test_read_only_permits_only_dry_runs(qctl: Qctl) -> None:
    assert qctl("cleanup", "all", "--read-only").code == 6
    assert qctl("cleanup", "all", "--dry-run", "--read-only").code == 0
