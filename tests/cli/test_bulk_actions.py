"""Bulk actions: job selection, confirmation, report and exit code."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest

from cli import fake_jobs
from cli.conftest import Ran
from cli.fake import FakeOps
from qctl.cli import job_selection
from qctl.errors import JobFailedError, NotFoundError, WaitTimeoutError
from qctl.models import BulkResult, ChosenJobs, Jobs, Outcome, Scan, Selection, Selector

Qctl = Callable[..., Ran]


class PipedStdin(list[str]):
    """Lines of a stdin that is no terminal."""

    def isatty(self) -> bool:
        return False


def done(*ids: str) -> BulkResult:
    """Return a result in which these jobs of queue email succeeded."""
    return BulkResult.of([Outcome(id_, "email", True) for id_ in ids])


# --- job selection ------------------------------------------------------------------------------------------


def test_jobs_named_by_id_need_no_confirmation(qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("retry", "a", "b", "a", ops=ops)
    assert (ran.code, ran.out) == (0, "2 jobs of email enqueued again\n")
    assert ops.calls_of("jobs__choose") == [(("retry", Selector(ids=("a", "b"))), {})]


SELECTORS = {
    "--queue e*": Selector(queue="e*"),
    "--state failed,canceled": Selector(states=("failed", "canceled")),
    "--state dead --state canceled": Selector(states=("failed", "canceled", "quarantined")),
    "--job send": Selector(job="send"),
    "--error timeout": Selector(error="timeout"),
    "--fingerprint 0d9c5c1fb0a7": Selector(fingerprint="0d9c5c1fb0a7"),
    "--older-than 1h30m": Selector(older_than=5400),
    "--owner ada": Selector(owner="ada"),
    "--argument a@b.c": Selector(argument="a@b.c"),
    "--all --limit 5": Selector(limit=5),
    "--all --scan-limit 7": Selector(scan=7),
    "--all --scan-limit 0": Selector(),
}
VERBS = ("retry", "job cancel", "job delete", "dlq discard", "job move --to other")


@pytest.mark.parametrize("line", SELECTORS)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_accepts_the_same_filters(verb: str, line: str, qctl: Qctl) -> None:
    ops = FakeOps()
    assert qctl(*verb.split(), *line.split(), "--yes", ops=ops).code == 0
    (((_, selector), _),) = ops.calls_of("jobs__choose")
    assert selector == SELECTORS[line]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "no jobs selected; give job ids"),
        ("--limit 5", "no jobs selected"),
        ("a --all", "job ids cannot be combined with --all or filters"),
        ("a --queue email", "job ids cannot be combined with --all or filters"),
        ("a --limit 1", "job ids cannot be combined with --all or filters"),
        ("--state quued", "--state: unknown state 'quued'; did you mean 'queued'?"),
        ("--state failed,", "--state: unknown state ''"),
        ("--where stat=failed", "--where, character 1: unknown field 'stat'; did you mean 'state'?"),
        ("--where state=quued", "--where: unknown state 'quued'; did you mean 'queued'?"),
        ("--since yesterday", "--since: 'yesterday' is not a duration"),
        ("--until 2026-13-01", "--until: '2026-13-01' is not a time"),
        ("--older-than 5", "--older-than: '5' has no unit"),
        ("--fingerprint xyz", "--fingerprint: 'xyz' is not 12 hexadecimal digits"),
        ("--all --limit 0", "Invalid value for '--limit'"),
        ("--all --rate fast", "--rate: 'fast' is not a rate; examples: 10/s"),
        ("--all --rate 10/w", "--rate: '10/w' is not a rate"),
        ("--all --rate 0/s", "--rate: '0/s' is out of range"),
        ("--error= --yes", "--error is empty"),
    ],
)
@pytest.mark.parametrize("verb", VERBS)
def test_malformed_filter_is_quoted_and_exits_2(verb: str, line: str, said: str, qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl(*verb.split(), *line.split(), ops=ops)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert {called for called, *_ in ops.calls} <= {"queues__require", "audit__note"}


def test_ids_come_from_stdin(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", PipedStdin(["a\n", "\n", " b c \n", "a\n"]))
    ops = FakeOps()
    assert qctl("retry", "-", "x", "--yes", ops=ops).code == 0
    assert ops.calls_of("jobs__choose")[0][0][1] == Selector(ids=("a", "b c", "x"))


def test_printed_ids_are_read_as_they_were_printed(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [
        " lead",
        "trail ",
        "tab\tid",
        "n 1",
        "zero\u200bwidth",
        '"quoted"',
        "{",
        "-",
        "line\nfeed",
        "byte\udcff",
        "user:7",
    ]
    rows = [replace(fake_jobs.ROW, id=id_) for id_ in ids]
    for form in ("name", "jsonl"):
        printed = qctl("job", "list", "-o", form, ops=FakeOps(jobs__list=Jobs(rows, len(ids), len(ids), len(ids)))).out
        assert len(printed.splitlines()) == len(ids)
        monkeypatch.setattr("sys.stdin", PipedStdin(printed.splitlines(keepends=True)))
        assert job_selection.read_ids(["-"]) == ids


def test_ids_may_be_separated_by_nul(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(" lead\0line\nfeed\0trail "))
    assert job_selection.read_ids(["-"]) == [" lead", "line\nfeed", "trail "]


@pytest.mark.parametrize("verb", VERBS)
def test_empty_stdin_selects_no_jobs(verb: str, qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", PipedStdin())
    ops = FakeOps()
    ran = qctl(*verb.split(), "-", "--yes", ops=ops)
    assert (ran.code, ran.err) == (0, "No job ids on stdin.\n")
    assert not ops.calls_of("jobs__choose")


def test_closed_stdin_selects_no_jobs(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert qctl("retry", "-", "--yes").err == "No job ids on stdin.\n"


# --- confirmation -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["--all", "--queue e*", "--all --queue e* --limit 1", "-"])
@pytest.mark.parametrize("verb", VERBS)
def test_bulk_action_without_a_terminal_needs_yes(
    verb: str, line: str, qctl: Qctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", PipedStdin(["a\n", "b\n"]))
    ops = FakeOps()
    ran = qctl(*verb.split(), *line.split(), ops=ops)
    assert (ran.code, ran.out) == (6, "")
    assert ran.err.endswith("add --yes\n")
    assert {called for called, *_ in ops.calls} <= {"queues__require", "jobs__choose", "audit__note"}


@pytest.mark.parametrize("verb", ["job delete", "dlq discard"])
def test_purge_needs_the_verb_as_confirmation(verb: str, qctl: Qctl) -> None:
    word = verb.split()[1]
    ops = FakeOps()
    for line in (("a", "--purge"), ("a", "--purge", "--yes"), ("a", "--purge", "--confirm", "yes")):
        assert qctl(*verb.split(), *line, ops=ops).code == 6
    assert not ops.calls_of("jobs__delete")
    assert qctl(*verb.split(), "a", "--confirm", word).code == 2
    ran = qctl(*verb.split(), "a", "--purge", "--confirm", word, ops=ops)
    assert ran.out.endswith("permanently deleted\n")
    assert ops.calls_of("jobs__delete")[0][1]["purge"] is True


def test_no_matching_jobs_need_no_confirmation(qctl: Qctl) -> None:
    ran = qctl("retry", "--all", ops=FakeOps(jobs__choose=Selection([])))
    assert (ran.code, ran.out) == (0, "No job matches.\n")


# --- reports ------------------------------------------------------------------------------------------------

MISSING = Outcome("gone", "", False, "there is no such job")
STUCK = Outcome("stuck", "email", False, "its data is gone")


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (BulkResult(), 0),
        (done("a"), 0),
        (BulkResult.of([MISSING]), 3),
        (BulkResult.of([STUCK]), 1),
        (BulkResult.of([MISSING, STUCK]), 1),
        (BulkResult.of([*done("a").outcomes, MISSING]), 5),
        (BulkResult.of([*done("a").outcomes, STUCK]), 5),
        (replace(done("a"), halted=JobFailedError("job a did not do well")), 8),
        (replace(done("a"), halted=WaitTimeoutError("job a is queued")), 7),
    ],
)
def test_exit_code_of_a_bulk_action(result: BulkResult, code: int, qctl: Qctl) -> None:
    ran = qctl("retry", "x", ops=FakeOps(jobs__retry=result))
    assert ran.code == code
    assert all(f"{outcome.id}: {outcome.detail}" in ran.out for outcome in result.outcomes if not outcome.done)
    assert ("enqueued again" in ran.out) == bool(result.outcomes)
    assert ran.err == (f"qctl: {result.halted.message}\n" if result.halted else "")


def test_first_failures_are_listed_and_the_rest_counted(qctl: Qctl) -> None:
    result = BulkResult.of([replace(STUCK, id=f"job-{n}") for n in range(25)])
    out = qctl("retry", "--all", "--yes", ops=FakeOps(jobs__retry=result)).out
    assert out.startswith("0 of 25 jobs enqueued again\n")
    assert out.endswith("  and 5 more; list more with --json\n")


@pytest.mark.parametrize("verb", VERBS)
def test_dry_run_lists_jobs_and_changes_nothing(verb: str, qctl: Qctl) -> None:
    ops = FakeOps(jobs__choose=Selection([ChosenJobs("email", "failed", [b"a"])], [MISSING]))
    ran = qctl(*verb.split(), "a", "gone", "--dry-run", ops=ops)
    assert ran.code == 5
    assert "1 job would be " in ran.out.replace("dead letter", "job")
    assert "\n  a  email  failed\n  gone: there is no such job\n" in ran.out
    document = qctl(*verb.split(), "a", "--dry-run", "--json", ops=ops).json
    assert (document["done"], document["would"], document["failed"], document["dry_run"]) == (0, 1, 1, True)
    assert {called for called, *_ in ops.calls} <= {"queues__require", "jobs__choose"}


@pytest.mark.parametrize(
    ("line", "undo"),
    [
        ("job cancel a", "qctl retry a"),
        ("job cancel --queue email --yes", "qctl retry job-1 job-2"),
        ("job delete a", "qctl trash restore 20261122-044512-x7f2"),
        ("dlq discard a", "qctl trash restore 20261122-044512-x7f2"),
        ("job move a --to other", "qctl job move a --to email"),
    ],
)
def test_undo_command_is_printed(line: str, undo: str, qctl: Qctl) -> None:
    gone = replace(done("a"), batch="20261122-044512-x7f2")
    ops = FakeOps(jobs__delete=gone)
    assert f"  undo: {undo}\n" in qctl(*line.split(), ops=ops).out
    assert qctl(*line.split(), "--json", ops=ops).json["undo"] == [undo]


def test_undo_of_many_canceled_jobs_selects_by_state(qctl: Qctl) -> None:
    ops = FakeOps(jobs__cancel=done(*(f"job-{n}" for n in range(9))))
    out = qctl("job", "cancel", "--all", "--yes", ops=ops).out
    assert "undo: qctl retry --state canceled --queue email\n" in out


def test_incomplete_search_is_reported(qctl: Qctl) -> None:
    partly = Selection([ChosenJobs("email", "failed", [b"a"])], scan=Scan(50_000, 700_000))
    ran = qctl("retry", "--error", "x", "--yes", ops=FakeOps(jobs__choose=partly))
    assert ran.err.startswith("Searched 50,000 of 700,000 jobs; there may be more matches.")


def test_retry_passes_rate_and_canary(qctl: Qctl) -> None:
    ops = FakeOps()
    line = ("--all", "--yes", "--rate", "600/m", "--canary", "2", "--canary-timeout", "5s")
    assert qctl("retry", *line, ops=ops).code == 0
    assert ops.calls_of("jobs__retry")[0][1] == {"rate": 10.0, "first": 2, "timeout": 5.0}
    assert qctl("retry", "--all", "--canary", "1", "--dry-run").code == 2


def test_unchanged_jobs_are_listed_and_are_no_failure(qctl: Qctl) -> None:
    unchanged = Outcome("a", "email", True, "it already waits", "queued")
    nothing = FakeOps(jobs__retry=BulkResult(already=1, outcomes=[unchanged]))
    ran = qctl("retry", "a", ops=nothing)
    assert (ran.code, ran.out) == (0, "  a: it already waits\n")
    assert qctl("retry", "a", "--json", ops=nothing).json["already"] == 1
    lost = Outcome("b", "", False, "there is no such job")
    assert qctl("retry", "a", "b", ops=FakeOps(jobs__retry=BulkResult(0, 1, [lost, unchanged], already=1))).code == 5
    planned = Selection([], already=[unchanged])
    assert qctl("retry", "a", "--dry-run", ops=FakeOps(jobs__choose=planned)).out.endswith("  a: it already waits\n")


def test_long_invalid_id_is_truncated(qctl: Qctl) -> None:
    hostile_id = "\x1b" + "x" * 300_000
    lost = Outcome(hostile_id, "", False, "there is no such job")
    ran = qctl("retry", "a", ops=FakeOps(jobs__retry=BulkResult(0, 1, [lost])))
    assert ran.code == 3
    assert "  \\x1bxxx" in ran.out
    assert len(ran.out) < 300


@pytest.mark.parametrize("words", [("job", "move", "a", "--to", "emial"), ("queue", "move", "email", "emial", "--yes")])
def test_move_to_an_unknown_queue_needs_create(words: tuple[str, ...], qctl: Qctl) -> None:
    def require(queue: str) -> None:
        if queue == "emial":
            raise NotFoundError("queue 'emial' not found", ("email",), "did you mean 'email'?")

    ops = FakeOps(queues__require=require)
    ran = qctl(*words, ops=ops)
    assert (ran.code, ops.calls_of("jobs__move")) == (3, [])
    assert ran.err == "qctl: queue 'emial' not found; did you mean 'email'? (create it with --create)\n"
