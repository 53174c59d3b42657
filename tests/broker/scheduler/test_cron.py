"""Each due time of a schedule has one run: with many schedulers, after downtime, and with corrupt data in Redis."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.scheduler import schedules
from qctl.broker.scheduler.cron import NEVER_DUE, CronScheduler
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import NotFoundError, RefusedError, SettingsError, UsageError
from qctl.models import CatchUp, Schedule
from qctl.settings import Settings
from support.servers import RedisServer

Add = Callable[..., Schedule]

HOUR = 3600


class FakeClock:
    """A clock that stands still until it is set."""

    def __init__(self, text: str) -> None:
        self.seconds = int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp())

    def __call__(self) -> int:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """Clock of every CronScheduler."""
    fake = FakeClock("2026-05-05T09:50:00")
    make = CronScheduler.__init__
    monkeypatch.setattr(CronScheduler, "__init__", lambda self, connection: make(self, connection, fake))
    return fake


@pytest.fixture
def add(connection: Redis, settings: Settings) -> Add:
    """Function that adds a schedule of stock-check: `add("name", cron="...")`."""

    def make(name: str = "mine", job: str = "stock-check", data: Any = None, **options: Any) -> Schedule:
        return schedules.add(connection, settings, name, job, data, actor="me", **options)

    return make


def waiting(connection: Redis, queue: str = "inventory") -> list[str]:
    return [raw.decode() for raw in connection.lrange(keys.queue(queue), 0, -1)]


def job(connection: Redis, id_: str) -> Job:
    return Job.fetch(id_, connection=connection, serializer=JSONSerializer)


def names(connection: Redis) -> list[str]:
    return [event.event for event in events.newest(connection, 99)]


# --- one run for each due time ---------------------------------------------------------------------------------


def test_due_time_creates_one_job(connection: Redis, clock: FakeClock, add: Add) -> None:
    add(cron="0 * * * *", data={"businessId": 7})
    cron = CronScheduler(connection)
    assert cron.enqueue_jobs() == []
    clock.seconds += 600
    assert cron.enqueue_jobs() == ["cron-mine-20260505T100000Z"]
    assert cron.enqueue_jobs() == []
    made = job(connection, "cron-mine-20260505T100000Z")
    assert waiting(connection) == [made.id]
    assert (made.func_name, made.kwargs) == ("qctl.jobs.inventory.stock_check", {"businessId": 7})
    assert (made.retries_left, made.retry_intervals, made.timeout) == (3, [2, 4, 8], 180)
    created = events.newest(connection, 1)[0]
    assert (created.event, created.fields["actor"]) == ("created", "schedule mine")
    assert created.fields["trace"] == made.meta["trace_id"]
    shown = schedules.get_schedule(connection, "mine")
    assert shown.next_at == datetime(2026, 5, 5, 11, tzinfo=timezone.utc)
    assert shown.last_due == datetime(2026, 5, 5, 10, tzinfo=timezone.utc)
    assert (shown.last_job, shown.runs) == (made.id, 1)


def test_worker_runs_created_job(
    connection: Redis, clock: FakeClock, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(QCTL_JOBS_MODULES="support.declared")
    monkeypatch.setenv("REDIS_URL", str(settings.redis_url))
    schedules.add(connection, settings, "mine", "enqueue-another", {"receiverId": "a"}, every=60, actor="me")
    clock.seconds += 60
    [id_] = CronScheduler(connection).enqueue_jobs()
    QctlWorker(["tests"], connection, settings, "inline").work(burst=True)
    assert job(connection, id_).latest_result().return_value == id_


def test_many_schedulers_create_each_job_once(redis_server: RedisServer, clock: FakeClock, add: Add) -> None:
    for n in range(30):
        add(f"mine-{n}", every=60, catch_up="all")
    clients = [redis_server.connect() for _ in range(4)]
    clock.seconds += 300
    crons = [CronScheduler(client) for client in clients]

    def work(cron: CronScheduler) -> None:
        for _ in range(10):
            cron.enqueue_jobs()

    threads = [threading.Thread(target=work, args=(cron,)) for cron in crons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = waiting(clients[0])
    assert len(made) == len(set(made)) == 30 * 5
    for client in clients:
        client.close()


def test_outdated_read_of_a_scheduler_creates_nothing(
    connection: Redis, clock: FakeClock, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One scheduler reads the due time and sleeps; another creates the job; the first wakes up."""
    add(cron="0 * * * *")
    clock.seconds += 600
    sleeper = CronScheduler(connection)
    read_values = CronScheduler._values

    def late(self: CronScheduler, *args: Any) -> Any:
        monkeypatch.setattr(CronScheduler, "_values", read_values)
        assert len(CronScheduler(connection).enqueue_jobs()) == 1
        connection.lpop(keys.queue("inventory"))
        connection.delete(keys.job("cron-mine-20260505T100000Z"))
        return read_values(self, *args)

    monkeypatch.setattr(CronScheduler, "_values", late)
    assert sleeper.enqueue_jobs() == []
    assert waiting(connection) == []


def test_existing_run_is_not_created_again(connection: Redis, clock: FakeClock, add: Add) -> None:
    add(cron="0 * * * *")
    clock.seconds += 600
    CronScheduler(connection).enqueue_jobs()
    connection.zadd(keys.SCHEDULES, {"mine": clock.seconds})  # as after a restored backup
    CronScheduler(connection).enqueue_jobs()
    assert waiting(connection) == ["cron-mine-20260505T100000Z"]


def test_schedule_ends_after_its_repeats(connection: Redis, clock: FakeClock, add: Add) -> None:
    add(every=60, repeat=3, catch_up="all")
    assert schedules.next_times(schedules.get_schedule(connection, "mine"), 9)[-1].minute == 53
    clock.seconds += 60
    CronScheduler(connection).enqueue_jobs()
    assert schedules.get_schedule(connection, "mine").left == 2
    clock.seconds += HOUR
    CronScheduler(connection).enqueue_jobs()
    assert len(waiting(connection)) == 3
    assert schedules.list_all(connection) == []


# --- after downtime ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "runs", "skipped"),
    [("skip", [], "4"), ("one", ["1045"], "3"), ("all", ["1000", "1015", "1030", "1045"], None)],
)
def test_catch_up_after_an_hour_without_scheduler(
    connection: Redis, clock: FakeClock, add: Add, policy: CatchUp, runs: list[str], skipped: str | None
) -> None:
    add(cron="*/15 * * * *", catch_up=policy)
    clock.seconds += HOUR  # from 9:50 to 10:50
    CronScheduler(connection).enqueue_jobs()
    assert waiting(connection) == [f"cron-mine-20260505T{time}00Z" for time in runs]
    assert schedules.get_schedule(connection, "mine").next_at == datetime(2026, 5, 5, 11, tzinfo=timezone.utc)
    counts = [event.fields["count"] for event in events.newest(connection, 9) if event.event == "skipped"]
    assert counts == ([skipped] if skipped else [])
    clock.seconds += 600
    CronScheduler(connection).enqueue_jobs()
    assert len(waiting(connection)) == len(runs) + 1


def test_daylight_saving_time(connection: Redis, clock: FakeClock, add: Add) -> None:
    """A run at a fixed hour happens once in both nights; hourly runs continue in steps of real time."""
    berlin = ZoneInfo("Europe/Berlin")
    for night, hours in (("2026-03-28", 23), ("2026-10-24", 25)):
        begin = datetime.fromisoformat(night).replace(hour=12, tzinfo=berlin)
        clock.seconds = int(begin.timestamp())
        add("nightly", cron="30 2 * * *", zone="Europe/Berlin")
        add("hourly", "cleanup-exports", cron="0 * * * *", zone="Europe/Berlin")
        cron = CronScheduler(connection)
        for _ in range(hours * 4):
            clock.seconds += 900
            cron.enqueue_jobs()
        assert clock.seconds == int(begin.replace(day=begin.day + 1).timestamp()), "noon of the next day"
        assert len(waiting(connection)) == 1
        assert len(waiting(connection, "file.low")) == hours
        connection.flushdb()


def test_clock_set_back_repeats_no_run(connection: Redis, clock: FakeClock, add: Add) -> None:
    add(cron="*/15 * * * *")
    cron, made = CronScheduler(connection), []
    for step in (600, -HOUR, 900, 900, 900, 900, 900, -7200, 7200, 900):
        clock.seconds += step
        made += cron.enqueue_jobs()
    assert made == sorted(set(made))
    assert made == waiting(connection)
    assert [id_[-7:-3] for id_ in made] == ["1000", "1015", "1030"]


# --- corrupt data ---------------------------------------------------------------------------------------


def test_unreadable_schedule_does_not_block_others(connection: Redis, clock: FakeClock, add: Add) -> None:
    for name in ("json", "rule", "queue", "gone", "zone"):
        add(name, cron="0 * * * *")
    connection.hset(keys.schedule("json"), "meta", b"\xff{")
    connection.hset(keys.schedule("rule"), "meta", '{"cron_string": "0 0 30 2 *"}')
    connection.hset(keys.schedule("queue"), "origin", "")
    connection.hset(keys.schedule("zone"), "meta", '{"cron_string": "0 * * * *", "timezone": "../etc/passwd"}')
    connection.delete(keys.schedule("gone"))
    add("good", cron="0 * * * *")
    clock.seconds += 600
    assert len(CronScheduler(connection).enqueue_jobs()) == 1
    shown = {schedule.name: schedule for schedule in schedules.list_all(connection)}
    assert shown.keys() == {"json", "rule", "queue", "zone", "good"}
    assert "never due" in (shown["rule"].problem or "")
    assert all(shown[name].problem and shown[name].next_at is None for name in ("json", "rule", "queue", "zone"))
    assert "discarded" in names(connection)


def test_queue_key_of_wrong_type_does_not_block_others(
    connection: Redis, clock: FakeClock, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qctl.broker.scheduler.cron.REFUSED_RETRY_SECONDS", 0.0)
    add("bad", cron="0 * * * *")
    add("good", "cleanup-exports", cron="0 * * * *")
    connection.set(keys.queue("inventory"), "text")
    clock.seconds += 600
    cron = CronScheduler(connection)
    assert cron.enqueue_jobs() == ["cron-good-20260505T100000Z"]
    connection.delete(keys.queue("inventory"))
    assert cron.enqueue_jobs() == ["cron-bad-20260505T100000Z"], "no run is lost"


def test_pickled_payload_is_not_loaded(connection: Redis, clock: FakeClock, add: Add) -> None:
    add(cron="0 * * * *")
    connection.hset(keys.schedule("mine"), "data", b"\x80\x04\x95")
    clock.seconds += 600
    assert CronScheduler(connection).enqueue_jobs() == []
    assert "cannot be read" in (schedules.get_schedule(connection, "mine").problem or "")


# --- operations ------------------------------------------------------------------------------------


def test_pause_and_resume(connection: Redis, clock: FakeClock, add: Add) -> None:
    add(cron="0 * * * *", catch_up="all")
    assert schedules.pause(connection, "mine", actor="ada").paused_by == "ada"
    clock.seconds += 3 * HOUR
    assert CronScheduler(connection).enqueue_jobs() == []
    assert connection.zscore(keys.SCHEDULES, "mine") == NEVER_DUE
    resumed = schedules.resume(connection, "mine", actor="ada")
    assert resumed.paused_by is None
    assert resumed.next_at == datetime(2026, 5, 5, 13, tzinfo=timezone.utc)
    assert schedules.resume(connection, "mine", actor="ada") == resumed


def test_run_creates_a_job_now(connection: Redis, add: Add) -> None:
    added = add(cron="0 * * * *", job_options={"priority": 1, "attempts": 1, "backoff": 5})
    id_ = schedules.run(connection, "mine", actor="ada")
    assert waiting(connection, "inventory.high") == [id_]
    assert job(connection, id_).retry_intervals == [5]
    assert schedules.get_schedule(connection, "mine").next_at == added.next_at
    assert events.newest(connection, 1)[0].fields["actor"] == "ada"


def test_remove_deletes_the_schedule(connection: Redis, add: Add) -> None:
    add(every=60)
    schedules.remove(connection, "mine", actor="ada")
    assert schedules.list_all(connection) == []
    assert not connection.exists(keys.schedule("mine"))
    for operation in (schedules.remove, schedules.pause, schedules.resume, schedules.run):
        with pytest.raises(NotFoundError, match="schedule 'mine' not found"):
            operation(connection, "mine", actor="ada")


def test_existing_name_is_refused_without_replacing(connection: Redis, add: Add) -> None:
    add(every=60)
    with pytest.raises(RefusedError, match="schedule 'mine' exists"):
        add(every=90)
    assert add(every=90, replacing=True).every == 90


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "a b", "every": 60}, "is not made of"),
        ({"every": 60, "catch_up": "some"}, "is not skip, one or all"),
        ({"every": 60, "repeat": 0}, "repeat 0 is not between"),
        ({"every": 60, "data": {"odd": 1}}, "unknown argument 'odd'"),
        ({"every": 60, "job_options": {"delay": 5}}, "a schedule has no option delay"),
        ({"every": 60, "job_options": {"priority": 11}}, "priority is not"),
        ({"cron": "0 0 30 2 *"}, "never due"),
        ({"cron": "0 3 * * *", "zone": "Mars"}, "time zone"),
        ({}, "either a cron rule or an interval"),
    ],
)
def test_invalid_schedule_is_refused(connection: Redis, add: Add, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        add(**options)
    assert connection.dbsize() == 0


def test_job_outside_the_catalog_is_refused(add: Add) -> None:
    for name in ("no-such", "write-readings"):
        with pytest.raises(NotFoundError):
            add(job=name, every=60)


def test_schedule_of_stock_rq_scheduler_is_listed_and_unchanged(connection: Redis, clock: FakeClock) -> None:
    stock = Scheduler("other", connection=connection)
    theirs = stock.schedule(datetime(2020, 1, 1), "app.tasks.send", args=["x"], interval=60)
    before = connection.hgetall(theirs.key)
    [shown] = schedules.list_all(connection)
    assert (shown.name, shown.queue, shown.source) == (theirs.id, "other", "rq-scheduler")
    assert shown.job == "app.tasks.send"
    assert CronScheduler(connection).enqueue_jobs() == []
    assert connection.hgetall(theirs.key) == before


# --- schedules of the settings ------------------------------------------------------------------------------------


def test_settings_create_schedules(connection: Redis, make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(QCTL_TIMEZONE="Europe/Berlin")
    schedules.sync_settings(connection, schedules.entries_from_settings(settings))
    shown = {schedule.name: schedule for schedule in schedules.list_all(connection)}
    assert {name: schedule.cron for name, schedule in shown.items()} == {
        "stock-check": "*/15 * * * *",
        "cleanup-reports": "0 3 * * *",
        "cleanup-exports": "30 3 * * *",
        "cleanup-images": "0 4 * * *",
    }
    assert {schedule.timezone for schedule in shown.values()} == {"Europe/Berlin"}
    assert shown["cleanup-reports"].queue == "report.low"
    assert {schedule.source for schedule in shown.values()} == {"settings"}


def test_changed_settings_change_schedules(
    connection: Redis, make_settings: Callable[..., Settings], clock: FakeClock
) -> None:
    schedules.sync_settings(connection, schedules.entries_from_settings(make_settings()))
    schedules.pause(connection, "cleanup-exports", actor="ada")
    clock.seconds += HOUR
    CronScheduler(connection).enqueue_jobs()
    before = schedules.get_schedule(connection, "stock-check")
    schedules.sync_settings(connection, schedules.entries_from_settings(make_settings()))
    assert schedules.get_schedule(connection, "stock-check") == before, "an unchanged schedule keeps its state"
    with pytest.raises(RefusedError, match="comes from the settings") as caught:
        schedules.remove(connection, "stock-check", actor="ada")
    assert caught.value.hint == "set QCTL_SCHEDULE_STOCK_CHECK=off, or run qctl schedule pause stock-check"
    changed = make_settings(
        QCTL_SCHEDULE_STOCK_CHECK="5 * * * *",
        QCTL_SCHEDULE_CLEANUP_REPORTS="OFF",
        QCTL_SCHEDULE_CLEANUP_EXPORTS="0 5 * * *",
    )
    schedules.sync_settings(connection, schedules.entries_from_settings(changed))
    shown = {schedule.name: schedule for schedule in schedules.list_all(connection)}
    assert shown.keys() == {"stock-check", "cleanup-exports", "cleanup-images"}
    assert (shown["stock-check"].cron, shown["stock-check"].runs) == ("5 * * * *", before.runs)
    assert (shown["cleanup-exports"].cron, shown["cleanup-exports"].paused_by) == ("0 5 * * *", "ada")


def test_operators_schedule_takes_precedence_over_settings(connection: Redis, settings: Settings, add: Add) -> None:
    add("stock-check", every=60)
    schedules.sync_settings(connection, schedules.entries_from_settings(settings))
    assert schedules.get_schedule(connection, "stock-check").every == 60


def test_invalid_rule_in_settings_is_refused(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match=r"QCTL_SCHEDULE_CLEANUP_EXPORTS: .* never due"):
        schedules.entries_from_settings(make_settings(QCTL_SCHEDULE_CLEANUP_EXPORTS="0 0 31 4 *"))
