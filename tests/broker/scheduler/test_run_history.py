"""The last runs of a schedule are remembered with their outcomes, longer than their jobs."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from redis import Redis

from qctl.broker.redis import keys, schedule_keys
from qctl.broker.scheduler import edit_schedule, run_history, schedules
from qctl.broker.scheduler.cron import NEVER_DUE, CronScheduler
from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import Schedule, ScheduleRun
from qctl.settings import Settings

START = int(datetime(2026, 5, 5, 10, tzinfo=timezone.utc).timestamp())
HOUR = 3600


class Clock:
    """A clock that stands still until it is set."""

    seconds = START - 600

    def __call__(self) -> int:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    make = CronScheduler.__init__
    monkeypatch.setattr(CronScheduler, "__init__", lambda self, connection: make(self, connection, fake))
    return fake


def add(connection: Redis, settings: Settings, **options: object) -> Schedule:
    return schedules.add(
        connection,
        settings,
        "mine",
        "stock-check",
        **{"cron": "0 * * * *", **options},
        actor="me",  # type: ignore[arg-type]
    )


def runs(connection: Redis) -> tuple[ScheduleRun, ...]:
    return run_history.read(connection, ["mine"])["mine"]


def run_at(connection: Redis, clock: Clock, due: int) -> str:
    """Let the schedule be due. Returns the id of its job."""
    clock.seconds = due + 1
    return CronScheduler(connection).enqueue_jobs()[-1]


def end(connection: Redis, job: str, status: str, started: int, ended: int) -> None:
    """Write what a worker writes at the end of a run."""
    times = {
        name: f"{datetime.fromtimestamp(at, timezone.utc):%Y-%m-%dT%H:%M:%S.%fZ}"
        for name, at in (("started_at", started), ("ended_at", ended))
    }
    connection.hset(keys.job(job), mapping={"status": status, **times})


def test_a_run_has_the_state_of_its_job(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings)
    job = run_at(connection, clock, START)
    (run,) = runs(connection)
    assert (run.due_at.timestamp(), run.outcome, run.job, run.seconds) == (START, "waiting", job, None)
    connection.hset(keys.job(job), "status", "started")
    assert runs(connection)[0].outcome == "running"
    end(connection, job, "finished", START + 2, START + 44)
    assert [(run.outcome, run.seconds) for run in runs(connection)] == [("finished", 42.0)]


def test_the_outcome_outlives_the_job(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings)
    first, second = run_at(connection, clock, START), run_at(connection, clock, START + HOUR)
    end(connection, first, "failed", START, START + 5)
    run_history.copy_outcomes(connection)
    connection.delete(keys.job(first), keys.job(second))
    assert [(run.outcome, run.seconds) for run in runs(connection)] == [("failed", 5.0), ("unknown", None)]


def test_a_failed_run_that_was_retried_has_its_new_outcome(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings)
    job = run_at(connection, clock, START)
    end(connection, job, "failed", START, START + 5)
    run_history.copy_outcomes(connection)
    end(connection, job, "finished", START + 60, START + 61)
    run_history.copy_outcomes(connection)
    connection.delete(keys.job(job))
    assert [(run.outcome, run.seconds) for run in runs(connection)] == [("finished", 1.0)]


def test_missed_dropped_and_skipped_runs_are_marked(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings, catch_up="one", overlap="skip")
    run_at(connection, clock, START + 3 * HOUR)
    clock.seconds = START + 4 * HOUR + 1
    assert CronScheduler(connection).enqueue_jobs() == []
    schedules.skip(connection, "mine", actor="me")
    found = [(run.outcome, run.count, run.job != "") for run in runs(connection)]
    assert found == [("missed", 3, False), ("waiting", 1, True), ("dropped", 1, False), ("skipped", 1, False)]


def test_a_run_that_starts_before_the_last_has_ended_overlaps(
    connection: Redis, settings: Settings, clock: Clock
) -> None:
    add(connection, settings)
    jobs = [run_at(connection, clock, START + n * HOUR) for n in range(3)]
    end(connection, jobs[0], "finished", START, START + HOUR + 5)
    end(connection, jobs[1], "finished", START + HOUR, START + HOUR + 9)
    end(connection, jobs[2], "finished", START + 2 * HOUR, START + 2 * HOUR + 9)
    assert [run.overlaps for run in runs(connection)] == [False, True, False]


def test_only_the_newest_runs_are_kept(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings)
    for number in range(run_history.MAX_RUNS + 3):
        run_at(connection, clock, START + number * HOUR)
    found = runs(connection)
    assert len(found) == connection.hlen(schedule_keys.runs("mine")) == run_history.MAX_RUNS
    assert found[0].due_at.timestamp() == START + 3 * HOUR


def test_runs_that_operators_ask_for_are_remembered(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings)
    now = schedules.run(connection, "mine", actor="me")
    (past,) = schedules.backfill(connection, "mine", [START - HOUR], actor="me")
    assert {run.job for run in runs(connection)} == {now, past}


def test_a_removed_schedule_has_no_history(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings)
    run_at(connection, clock, START)
    schedules.remove(connection, "mine", actor="me")
    run_history.note(connection, "mine", {"late": START})
    assert runs(connection) == ()


@pytest.mark.parametrize("value", ["", "x", "1 2 3 4 5", "99999999999999999999", "-1 finished", "5 boom a b", "\x00"])
def test_a_corrupt_entry_is_shown_as_far_as_it_can_be(connection: Redis, settings: Settings, value: str) -> None:
    add(connection, settings)
    connection.hset(schedule_keys.runs("mine"), mapping={"job-1": value, "missed:x": value})
    assert {run.outcome for run in runs(connection)} <= {"missed", "unknown"} | {"finished"}
    run_history.copy_outcomes(connection)


# --- edited schedules ------------------------------------------------------------------------------------------


def edit(connection: Redis, settings: Settings, **changes: object) -> Schedule:
    return edit_schedule.edit(connection, settings, "mine", **changes, actor="me")  # type: ignore[arg-type]


def test_an_edit_keeps_what_it_does_not_name(connection: Redis, settings: Settings, clock: Clock) -> None:
    before = add(connection, settings, repeat=3, overlap="one", data={"businessId": 7})
    run_at(connection, clock, START)
    after = edit(connection, settings, catch_up="all")
    assert (after.catch_up, after.overlap, after.left, after.cron) == ("all", "one", 2, before.cron)
    assert (after.runs, after.next_at) == (1, datetime.fromtimestamp(START + HOUR, timezone.utc))
    assert after.payload == before.payload


def test_other_times_give_another_next_run(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings)
    after = edit(connection, settings, cron="30 * * * *")
    assert after.next_at == datetime.fromtimestamp(START + HOUR // 2, timezone.utc)
    after = edit(connection, settings, every=90)
    assert (after.cron, after.every) == (None, 90)


def test_a_paused_schedule_stays_paused(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings)
    schedules.pause(connection, "mine", actor="them")
    after = edit(connection, settings, cron="30 * * * *")
    assert after.paused_by == "them"
    assert connection.zscore(keys.SCHEDULES, "mine") == NEVER_DUE


def test_arguments_and_the_number_of_runs_are_replaced(connection: Redis, settings: Settings, clock: Clock) -> None:
    add(connection, settings, repeat=3, data={"businessId": 7})
    after = edit(connection, settings, data={"businessId": 8}, repeat=0)
    assert after.left is None
    assert '"businessId": 8' in (after.payload or "")


@pytest.mark.parametrize("changes", [{"cron": "boom"}, {"every": 0}, {"zone": "Mars"}, {"data": {"nothing": 1}}])
def test_an_invalid_edit_changes_nothing(
    connection: Redis, settings: Settings, clock: Clock, changes: dict[str, object]
) -> None:
    before = add(connection, settings)
    with pytest.raises(UsageError):
        edit(connection, settings, **changes)
    assert schedules.get_schedule(connection, "mine") == before


def test_a_schedule_of_the_settings_and_an_unknown_one_are_refused(connection: Redis, settings: Settings) -> None:
    with pytest.raises(NotFoundError):
        edit(connection, settings, every=9)
    entries = schedules.entries_from_settings(settings)
    schedules.sync_settings(connection, entries)
    name = next(name for name, entry in entries.items() if entry)
    with pytest.raises(RefusedError, match="comes from the settings"):
        edit_schedule.edit(connection, settings, name, every=9, actor="me")
