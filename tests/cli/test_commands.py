"""Commands on queues, dead letters, trash and health: their calls of `Ops`, output and exit codes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from cli.conftest import Ran
from cli.fake import BATCH, LETTER, RUNNING, FakeOps, pause_of, stats_of
from cli.fake_jobs import DETAIL, NOW
from qctl.errors import NotFoundError, RedisUnreachableError, RefusedError, WaitTimeoutError
from qctl.models import (
    ClearResult,
    DeadLetterDetail,
    DeadLetters,
    Finding,
    Health,
    PauseResult,
    QueueStats,
    ResumeResult,
    Selector,
    TrashChoice,
)

Qctl = Callable[..., Ran]

UNKNOWN = NotFoundError("queue 'emial' not found", ("email",), "did you mean 'email'?")


# --- stats --------------------------------------------------------------------------------------------------


def test_stats_prints_totals_under_the_table(qctl: Qctl) -> None:
    ran = qctl("stats", "-o", "table")
    assert ran.out.splitlines()[-1] == "pending 4   running 1   completed 352   failed 2   total 359"


def test_stats_json_has_the_five_totals(qctl: Qctl) -> None:
    document = qctl("stats", "--json").json
    totals = {name: document[name] for name in ("pending", "running", "completed", "failed", "total")}
    assert totals == {"pending": 4, "running": 1, "completed": 352, "failed": 2, "total": 359}
    assert document["queues"][0]["paused"].keys() == {"by", "since", "until", "reason"}
    assert document["queues"][1]["paused"] is None
    assert document["queues"][1].keys() == {
        *("name", "waiting", "running", "scheduled", "deferred", "dead", "finished", "oldest_age_seconds"),
        *("in_rate", "out_rate", "paused", "workers", "error"),
        *("taken_rate", "eta_seconds", "recent_finished", "recent_failed", "error_rate", "memory_bytes", "lanes"),
        *("wait", "run", "abandoned", "ghosts", "limit", "dead_rate"),
    }


def test_stats_totals_cover_the_selected_queues(qctl: Qctl) -> None:
    document = qctl("stats", "sensor*", "--json").json
    assert [queue["name"] for queue in document["queues"]] == ["sensor-data"]
    assert (document["pending"], document["total"]) == (0, 341)


def test_stats_of_an_unknown_queue_exits_3(qctl: Qctl) -> None:
    ran = qctl("stats", "emial")
    assert (ran.code, ran.out) == (3, "")
    assert "did you mean 'email'?" in ran.err
    assert qctl("stats", "x*", "-o", "table").err == "No matching queues.\n"


def test_stats_without_queues_explains_itself(qctl: Qctl) -> None:
    ran = qctl("stats", "-o", "table", ops=FakeOps(stats__read=stats_of()))
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("No queues: ")


# --- pause and resume ---------------------------------------------------------------------------------------


def test_pause_passes_its_options(qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("pause", "a", "b", "a", "--reason", "deploy", "--for", "30m", "--timeout", "5s", "--force", ops=ops)
    options = {"reason": "deploy", "seconds": 1800, "force": True, "timeout": 5, "allow_unknown": False}
    assert ops.calls_of("queues__pause") == [(("a",), options), (("b",), options)]
    assert ran.code == 0
    assert "a paused until " in ran.out
    assert "qctl resume b" in ran.out


def test_pause_lists_running_jobs(qctl: Qctl) -> None:
    ops = FakeOps(queues__pause=lambda name, **_: pause_of(name, running=RUNNING, waited=2.0))
    out = qctl("pause", "email", ops=ops).out
    assert "still running: 7 jobs: job-0, job-1, job-2, job-3, job-4 and 2 more" in out
    assert "took 2s" in out


def test_pausing_a_paused_queue_is_reported(qctl: Qctl) -> None:
    ran = qctl("pause", "email", ops=FakeOps(queues__pause=pause_of("email", changed=False)))
    assert ran.code == 0
    assert re.match(r"email was already paused \S+ by ops@host: deploy, until ", ran.out)


def test_pause_names_workers_that_ignore_it(qctl: Qctl) -> None:
    result = pause_of("email", deaf_workers=["w1"], listening=3)
    ran = qctl("pause", "email", "--force", ops=FakeOps(queues__pause=result))
    assert ran.err == "email: paused for 2 of 3 workers; these go on: w1\n"


@pytest.mark.parametrize(
    ("error", "code"), [(UNKNOWN, 3), (RefusedError("w1 would go on"), 6), (WaitTimeoutError("one may still start"), 7)]
)
def test_failed_pause_exits_with_the_code_of_its_error(error: Exception, code: int, qctl: Qctl) -> None:
    ran = qctl("pause", "emial", ops=FakeOps(queues__pause=error))
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(f"qctl: {error}")


def test_pause_continues_after_a_failure(qctl: Qctl) -> None:
    def pause(name: str, **_: object) -> PauseResult:
        if name == "emial":
            raise UNKNOWN
        return pause_of(name)

    ran = qctl("pause", "emial", "report", ops=FakeOps(queues__pause=pause))
    assert ran.code == 5
    assert "report paused" in ran.out
    assert ran.err == (
        "qctl: queue 'emial' not found; did you mean 'email'?\nTo pause a queue before its first job, add --create.\n"
    )
    results = qctl("pause", "emial", "report", "--json", ops=FakeOps(queues__pause=pause)).json["results"]
    assert {row["queue"]: row["error"] for row in results} == {"report": None, "emial": "queue 'emial' not found"}


def test_pause_stops_if_redis_does_not_answer(qctl: Qctl) -> None:
    ops = FakeOps(queues__pause=RedisUnreachableError("Redis does not answer"))
    ran = qctl("pause", "a", "b", ops=ops)
    assert (ran.code, ran.err) == (4, "qctl: Redis does not answer\n")
    assert len(ops.calls) == 1


def test_pause_create_accepts_an_unknown_queue(qctl: Qctl) -> None:
    ops = FakeOps()
    qctl("pause", "to-come", "--create", ops=ops)
    assert ops.calls_of("queues__pause")[0][1]["allow_unknown"] is True


def test_resume_reports_each_queue(qctl: Qctl) -> None:
    ops = FakeOps(queues__resume=lambda name: ResumeResult(name, name == "email"))
    ran = qctl("resume", "email", "report", ops=ops)
    assert (ran.code, ran.out) == (0, "email resumed\nreport was not paused\n")


# --- clear and trash ----------------------------------------------------------------------------------------


def test_clear_prints_its_undo_command(qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("clear", "email", "--confirm", "email", ops=ops)
    assert ops.calls_of("queues__clear") == [(("email",), {"purge": False, "dependents": "keep"})]
    assert ran.out == ("email: 4 jobs moved to the trash\n  undo: qctl trash restore 20261122-044512-x7f2\n")


def test_clear_purge_deletes_permanently(qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("clear", "email", "--purge", "--confirm", "email", ops=ops)
    assert ops.calls_of("queues__clear") == [(("email",), {"purge": True, "dependents": "keep"})]
    assert ran.out == "email: 4 jobs permanently deleted\n"


@pytest.mark.parametrize("more", [(), ("--confirm", "emial"), ("--confirm", "")])
def test_clear_is_refused_without_confirmation(more: tuple[str, ...], qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("clear", "email", *more, ops=ops)
    assert (ran.code, ran.out) == (6, "")
    assert "nothing was changed" in ran.err
    assert not ops.calls_of("queues__clear")
    if not more:
        assert ran.err.endswith("add --confirm email\n")


def test_clear_dry_run_only_counts(qctl: Qctl) -> None:
    ops = FakeOps()
    assert qctl("clear", "email", "--dry-run", ops=ops).out == "email: 4 waiting jobs would be moved to the trash\n"
    assert qctl("clear", "email", "--dry-run", "--json", ops=ops).json["dry_run"] is True
    assert not ops.calls_of("queues__clear")


def test_clear_of_an_empty_queue_asks_no_confirmation(qctl: Qctl) -> None:
    ran = qctl("clear", "email", ops=FakeOps(queues__waiting=0))
    assert (ran.code, ran.out) == (0, "email: no waiting jobs\n")


def test_clear_of_an_unknown_queue_exits_3(qctl: Qctl) -> None:
    ran = qctl("clear", "emial", "--confirm", "emial", ops=FakeOps(queues__require=UNKNOWN))
    assert ran.code == 3


def test_clear_of_a_queue_that_became_empty(qctl: Qctl) -> None:
    ops = FakeOps(queues__clear=lambda name, purge, **_: ClearResult(name, 0, None, purge))
    assert qctl("clear", "email", "--confirm", "email", ops=ops).out == "email: no waiting jobs\n"


@pytest.mark.parametrize("line", [("--yes",), ("20261122-044512-x7f2",)])
def test_trash_restore_reports_the_batch(line: tuple[str, ...], qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("trash", "restore", *line, ops=ops)
    assert ops.calls_of("trash__choose") == [((None if line == ("--yes",) else line[0],), {})]
    assert ops.calls_of("trash__restore") == [((TrashChoice([BATCH]),), {})]
    assert (ran.out, ran.err) == ("email: 4 jobs restored from trash batch 20261122-044512-x7f2\n", "")


def test_trash_restore_without_a_batch_lists_what_it_would_restore_and_asks(qctl: Qctl) -> None:
    ops = FakeOps(trash__choose=TrashChoice([BATCH], [replace(BATCH, id="20261122-044400-a2b3", count=1)]))
    ran = qctl("trash", "restore", ops=ops)
    first, second, refusal = ran.err.splitlines()
    assert re.fullmatch(r"20261122-044512-x7f2  4 jobs of email, removed by clear of ops@host, .+ ago, .+", first)
    assert second.startswith("20261122-044400-a2b3  1 job of email, removed by clear of ops@host, ")
    assert (ran.code, refusal) == (
        6,
        "qctl: this asks for confirmation, but there is no terminal; nothing was changed; add --yes",
    )
    assert not ops.calls_of("trash__restore")


@pytest.mark.parametrize(
    ("line", "batch"),
    [
        (("--confirm", "trash"), None),
        (("20261122-044512-x7f2", "--confirm", "20261122-044512-x7f2"), "20261122-044512-x7f2"),
    ],
)
def test_trash_empty_deletes_after_confirmation(line: tuple[str, ...], batch: str | None, qctl: Qctl) -> None:
    ops = FakeOps()
    ran = qctl("trash", "empty", *line, ops=ops)
    assert (ran.code, ran.out) == (0, "4 jobs permanently deleted\n")
    assert ops.calls_of("trash__empty") == [((batch,), {})]


@pytest.mark.parametrize(
    ("line", "code"),
    [((), 6), (("--confirm", "yes"), 6), (("20261122-044512-x7f2", "--confirm", "trash"), 6), (("nosuch",), 3)],
)
def test_trash_empty_is_refused_without_confirmation(line: tuple[str, ...], code: int, qctl: Qctl) -> None:
    ops = FakeOps()
    assert qctl("trash", "empty", *line, ops=ops).code == code
    assert not ops.calls_of("trash__empty")


def test_emptying_an_empty_trash_asks_no_confirmation(qctl: Qctl) -> None:
    ran = qctl("trash", "empty", ops=FakeOps(trash__list=[]))
    assert (ran.code, ran.out) == (0, "The trash is empty.\n")


# --- dead letters -------------------------------------------------------------------------------------------


def test_dlq_list_prints_the_next_offset(qctl: Qctl) -> None:
    ops = FakeOps(dead_letters__list=DeadLetters([LETTER], 12))
    ran = qctl("dlq", "list", "--queue", "e*", "--limit", "1", "--offset", "3", "-o", "table", ops=ops)
    assert ops.calls_of("dead_letters__list") == [((Selector(queue="e*", scan=50_000),), {"limit": 1, "offset": 3})]
    assert "4 to 4 of 12; more with --offset 4" in ran.out


def test_dlq_redacts_secrets_without_reveal(qctl: Qctl) -> None:
    letter = replace(LETTER, error="cannot open redis://u:hunter2@h/0")
    detail = DeadLetterDetail(letter, None, None, "password=hunter2", '{"token": "hunter2"}', 20, "f('hunter2')", "{}")
    ops = FakeOps(dead_letters__show=detail, dead_letters__list=DeadLetters([letter], 1))
    assert "hunter2" not in qctl("dlq", "list", "--json", ops=ops).out
    shown = qctl("dlq", "show", "job-1", ops=ops).out
    assert '{"token": "***"}' in shown
    assert "redis://u:***@h/0" in shown
    assert qctl("dlq", "show", "job-1", "--reveal", ops=ops).out.count("hunter2") == 3


def test_hostile_id_is_quoted_in_the_next_command(qctl: Qctl) -> None:
    detail = DeadLetterDetail(replace(LETTER, id="x; reboot"), None, None, "", None, 1234, "app.send('a@b.c')")
    ops = FakeOps(dead_letters__show=detail)
    assert "run again: qctl retry 'x; reboot'" in qctl("dlq", "show", "x", ops=ops).out


def test_dlq_show_does_not_unpickle(qctl: Qctl) -> None:
    detail = DeadLetterDetail(LETTER, None, None, "", None, 1234, "app.send('a@b.c')")
    out = qctl("dlq", "show", "job-1", ops=FakeOps(dead_letters__show=detail)).out
    assert "payload, 1.2 KB\nnot JSON, and never unpickled; description: app.send('a@b.c')\n" in out
    assert "traceback\nnone recorded\n" in out


# --- health -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("degraded", 1), ("down", 4)])
def test_health_exits_with_its_status(status: str, code: int, qctl: Qctl) -> None:
    findings = [Finding("redis", "ok", "fine"), Finding("memory", status, "memory is low", "add memory")]  # type: ignore[arg-type]
    ops = FakeOps(health__check=Health(status, findings))  # type: ignore[arg-type]
    ran = qctl("health", "-o", "table", ops=ops)
    assert ran.code == code
    assert ran.out.endswith(f"status: {status}\n")
    assert ("memory is low (fix: add memory)" in ran.out) == (status != "ok")
    document = qctl("health", "--json", ops=ops).json
    assert document["status"] == status
    assert document["reasons"] == ([] if status == "ok" else ["memory is low"])


def test_health_lists_the_worst_first_and_folds_what_is_well(qctl: Qctl) -> None:
    findings = [
        Finding("redis", "ok", "Redis answers"),
        Finding("paused", "ok", "mail is paused", grade="notice"),
        Finding("queues", "degraded", "a cannot be read", since=NOW),
        Finding("errors", "degraded", "jobs fail", "qctl dlq groups", subject="mail", grade="error"),
        Finding("memory", "ok", "Redis uses 1%"),
    ]
    ops = FakeOps(health__check=Health("degraded", findings))
    lines = qctl("health", "-o", "table", ops=ops).out.splitlines()
    assert [line.split()[0] for line in lines[1:5]] == ["error", "warning", "notice", "ok"]
    assert lines[4].split(maxsplit=3)[1:] == ["2", "checks", "redis, memory"]
    assert "Redis uses 1%" in qctl("health", "--all", "-o", "table", ops=ops).out
    rows = qctl("health", "--json", ops=ops).json["findings"]
    assert [row["severity"] for row in rows] == ["ok", "notice", "warning", "error", "ok"]
    assert (rows[3]["subject"], rows[2]["since"]) == (
        "mail",
        NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


def test_ping_prints_version_target_and_time(qctl: Qctl) -> None:
    assert qctl("ping").out == "Redis 7.0.15 at redis://localhost:6379/0 answered in 0.4 ms\n"
    document = qctl("ping", "--json").json
    assert (document["ts_ms"], document["rtt_seconds"]) == (1_795_000_000_000, 0.0004)


def test_job_show_lists_retries_only_before_the_end(qctl: Qctl) -> None:
    scheduled = FakeOps(jobs__show=replace(DETAIL, status="scheduled", state="scheduled"))
    assert "1 left, after 2s, 4s" in qctl("job", "show", "job-1", ops=scheduled).out
    assert " left" not in qctl("job", "show", "job-1").out


def test_worker_list_shows_the_job_with_its_id_and_time_out(qctl: Qctl) -> None:
    out = qctl("worker", "list", "-o", "table").out
    for text in ("JOB ID", "TIME-OUT", "app.send", "job-9"):
        assert text in out
    assert "obeys" in qctl("worker", "show", "w1").out


def test_stats_marks_a_queue_without_workers(qctl: Qctl) -> None:
    out = qctl("stats", "-o", "table", ops=FakeOps(stats__read=stats_of(QueueStats("q", waiting=1)))).out
    assert "no worker" in out
