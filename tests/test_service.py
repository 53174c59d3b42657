"""Test QueueService: the methods of the original systems, every option, and errors before anything is enqueued."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from qctl import catalog
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.catalog import declared
from qctl.catalog.arguments import Argument
from qctl.catalog.specs import JobSpec
from qctl.errors import (
    BackpressureError,
    JobFailedError,
    NotFoundError,
    RateLimitedError,
    RedisUnreachableError,
    UsageError,
    WaitTimeoutError,
)
from qctl.service import QueueService
from qctl.settings import Settings
from support.process import free_port
from support.proxy import Proxy
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS


@pytest.fixture
def service(settings: Settings) -> Iterator[QueueService]:
    """A service on an empty Redis."""
    with QueueService(settings) as queue_service:
        yield queue_service


@pytest.fixture
def worker(connection: Redis, settings: Settings, service: QueueService, monkeypatch: pytest.MonkeyPatch) -> QctlWorker:
    """A worker of `tests`, where the jobs `give` and `fail` are declared."""
    table = {name: JobSpec(name, f"support.jobs.{name}", "tests", taken) for name, taken in TESTS.items()}
    monkeypatch.setattr(declared, "JOBS", table)
    return QctlWorker(["tests"], connection, settings, "inline")


TESTS = {"give": (Argument("value", "any"),), "fail": ()}


def job(connection: Redis, id_: str) -> Job:
    return Job.fetch(id_, connection=connection, serializer=JSONSerializer)


ITEMS = [{"sku": "A-1", "quantity": 3}]

CALLS: list[tuple[str, dict[str, Any], str, str]] = [
    ("add_welcome_email", {"userEmail": "a@b.c", "userName": "A"}, "welcome-email", "email"),
    ("add_password_reset", {"userEmail": "a@b.c", "resetUrl": "https://x/y"}, "password-reset", "email"),
    ("add_low_stock_alert", {"userEmail": "a@b.c", "items": ITEMS}, "low-stock-alert", "email.high"),
    ("add_report_ready", {"userEmail": "a@b.c", "reportType": "sales-analysis"}, "report-ready", "email"),
    (
        "add_inventory_sync",
        {"businessId": 123, "externalSystem": "supplier-api", "syncType": "full"},
        "sync-external",
        "inventory",
    ),
    (
        "add_report_generation",
        {
            "businessId": 123,
            "reportType": "sales-analysis",
            "filters": {"startDate": "2024-01-01", "endDate": "2024-01-31"},
            "userEmail": "a@b.c",
        },
        "generate-report",
        "report",
    ),
    ("add_inventory_import", {"businessId": 1, "file": "a.csv"}, "process-inventory-import", "file"),
    ("add_inventory_export", {"businessId": 1, "format": "json"}, "process-inventory-export", "file"),
    ("send_message", {"senderId": 1, "receiverId": "b", "text": "hello"}, "process-message", "message.high"),
    ("notify", {"receiverId": 1, "text": "hello"}, "notify", "notification"),
    (
        "set_notification_preference",
        {"receiverId": 1, "by": "email", "target": "a@b.c"},
        "set-notification-preference",
        "notification.high",
    ),
]


@pytest.mark.parametrize(("call", "data", "name", "queue"), CALLS, ids=[call[0] for call in CALLS])
def test_each_method_of_the_original_systems_enqueues_its_job(
    service: QueueService, connection: Redis, call: str, data: dict[str, Any], name: str, queue: str
) -> None:
    id_ = getattr(service, call)(**data, owner="ada")
    made = job(connection, id_)
    assert connection.lrange(keys.queue(queue), 0, -1) == [id_.encode()]
    assert made.func_name == catalog.JOBS[name].handler
    assert (made.args, made.kwargs) == ([], data)
    assert made.retry_intervals == [2, 4, 8]
    assert made.timeout == catalog.JOBS[name].timeout
    assert made.meta["owner"] == "ada"
    assert made.description == name


def test_bulk_update_is_split_into_jobs_of_a_hundred_items(service: QueueService, connection: Redis) -> None:
    items = [{"sku": f"A-{n}", "quantity": n} for n in range(250)]
    ids = service.add_bulk_update(businessId=1, items=items, unique="import 7")
    made = [job(connection, id_).kwargs["items"] for id_ in ids]
    assert [len(part) for part in made] == [100, 100, 50]
    assert [item for part in made for item in part] == items
    assert service.add_bulk_update(businessId=1, items=items, unique="import 7") == ids
    assert connection.llen(keys.queue("inventory")) == 3
    assert service.add_bulk_update(businessId=1, items=[]) == []


def test_options_set_lane_id_retries_and_trace(service: QueueService, connection: Redis) -> None:
    id_ = service.enqueue(
        "notify",
        {"receiverId": 1, "text": "x"},
        priority=10,
        attempts=5,
        backoff=0.5,
        job_id="my-id",
        trace_id="t/1",
    )
    made = job(connection, id_)
    assert id_ == "my-id"
    assert made.origin == "notification.low"
    assert made.retry_intervals == [1, 1, 2, 4, 8]
    assert made.meta["trace_id"] == "t/1"
    assert job(connection, service.enqueue("stock-check", attempts=0)).retries_left is None


def test_durations_have_named_units(service: QueueService, connection: Redis) -> None:
    before = datetime.now(timezone.utc).timestamp()
    id_ = service.enqueue("stock-check", delay="1m30s", backoff="4s")
    assert job(connection, id_).retry_intervals == [4, 8, 16]
    (due,) = [score for _, score in connection.zrange(keys.scheduled("inventory"), 0, -1, withscores=True)]
    assert 89 <= due - before <= 89 + PATIENCE_SECONDS


@pytest.mark.parametrize("priority", range(1, 11))
def test_each_priority_has_a_lane(service: QueueService, connection: Redis, priority: int) -> None:
    lane = ".high" if priority < 4 else "" if priority < 8 else ".low"
    assert job(connection, service.enqueue("stock-check", priority=priority)).origin == f"inventory{lane}"


@pytest.mark.parametrize("backoff", [4000, {"type": "exponential", "delay": 4000}, {"delay": 4000}, "4s"])
def test_methods_of_the_original_count_in_milliseconds(service: QueueService, connection: Redis, backoff: Any) -> None:
    options = {"delay": 90_000, "backoff": backoff, "attempts": 3, "priority": 2}
    retention = {"removeOnComplete": 100, "removeOnFail": False}
    before = datetime.now(timezone.utc).timestamp()
    id_ = service.add_inventory_sync(businessId=1, externalSystem="supplier-api", **options, **retention)
    made = job(connection, id_)
    assert (made.retry_intervals, made.origin) == ([4, 8, 16], "inventory.high")
    ((_, due),) = connection.zrange(keys.scheduled("inventory.high"), 0, -1, withscores=True)
    assert 89 <= due - before <= 89 + PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"backoff": {"type": "fixed", "delay": 3000}}, "backoff type 'fixed' is unknown; allowed: exponential"),
        ({"backoff": {"type": "exponential"}}, "allowed: a number, a duration"),
        ({"backoff": {"delay": "soon"}}, "backoff: 'soon' is not a duration"),
        ({"backoff": {"delay": None, "jitter": 1}}, "allowed: a number, a duration"),
        ({"removeOnComplete": -1}, "removeOnComplete is -1"),
        ({"removeOnFail": "50"}, "removeOnFail is '50'"),
        ({"delay": True}, "delay is not between"),
    ],
)
def test_an_option_of_the_original_without_a_meaning_is_refused(
    service: QueueService, connection: Redis, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        service.add_welcome_email(userEmail="ada@example.com", userName="Ada", **options)
    assert connection.dbsize() == 0


def test_every_job_gets_its_own_trace_id(service: QueueService, connection: Redis) -> None:
    traces = {job(connection, service.enqueue("stock-check")).meta["trace_id"] for _ in range(3)}
    assert len(traces) == 3


def test_each_created_job_writes_one_log_line(service: QueueService, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "qctl.service"):
        for _ in range(2):
            created = service.enqueue("stock-check", unique="today", trace_id="t-1", owner="ada")
    [line] = caplog.records
    context = {name: getattr(line, name) for name in ("event", "jobId", "traceId", "userId")}
    assert context == {"event": "submit", "jobId": created, "traceId": "t-1", "userId": "ada"}


def test_job_enqueued_by_a_job_inherits_its_trace_id(
    connection: Redis, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(QCTL_JOBS_MODULES="support.declared")
    monkeypatch.setenv("REDIS_URL", str(settings.redis_url))
    with QueueService(settings) as service:
        service.enqueue("enqueue-another", {"receiverId": "ada"}, trace_id="the-trace", job_id="first")
    QctlWorker(["tests"], connection, settings, "inline").work(burst=True)
    [second] = connection.lrange(keys.queue("notification"), 0, -1)
    assert job(connection, second.decode()).meta["trace_id"] == "the-trace"
    first = job(connection, "first")
    assert first.meta["progress"] == {"done": 2, "total": 2, "note": "rows"}
    assert first.latest_result().return_value == "first"


def test_delayed_job_is_scheduled(service: QueueService, connection: Redis) -> None:
    service.enqueue("stock-check", delay=60)
    service.enqueue("stock-check", at=datetime.now(timezone.utc) + timedelta(hours=1))
    assert connection.zcard(keys.scheduled("inventory")) == 2
    assert connection.llen(keys.queue("inventory")) == 0


def test_unique_key_creates_one_job_per_name(service: QueueService, connection: Redis) -> None:
    first = service.enqueue("stock-check", unique="2024-01-01 ✓")
    assert service.enqueue("stock-check", unique="2024-01-01 ✓") == first
    assert service.enqueue("stock-check", unique="2024-01-02") != first
    assert service.enqueue("cleanup-exports", unique="2024-01-01 ✓") != first
    assert connection.llen(keys.queue("inventory")) == 2


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"delay": -1}, "delay is not between 0 and"),
        ({"delay": float("nan")}, "delay is not between 0 and"),
        ({"delay": "5"}, "delay: '5' has no unit"),
        ({"backoff": "5 parsecs"}, "backoff: '5 parsecs' has a unit other than"),
        ({"at": datetime(2030, 1, 1)}, "at is not a datetime with a time zone"),
        ({"at": datetime(2030, 1, 1, tzinfo=timezone.utc), "delay": 5}, "cannot be combined"),
        ({"priority": 0}, "priority is not between 1 and 10"),
        ({"priority": 11}, "priority is not between 1 and 10"),
        ({"priority": True}, "priority is not between 1 and 10"),
        ({"attempts": 1.5}, "attempts is not between 0 and 20"),
        ({"attempts": True}, "attempts is not between 0 and 20"),
        ({"backoff": 1e9}, "backoff is not between"),
        ({"job_id": "a b"}, "job_id is not letters"),
        ({"job_id": "a\n"}, "job_id is not letters"),
        ({"job_id": "a", "unique": "b"}, "cannot be combined"),
        ({"unique": ""}, "unique is not text"),
        ({"trace_id": "a\x1b[31m"}, "trace_id is not printable"),
        ({"owner": "a\r\nb"}, "owner is not one line"),
    ],
)
def test_invalid_option_is_refused(
    service: QueueService, connection: Redis, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        service.enqueue("stock-check", **options)
    assert connection.dbsize() == 0


def test_unknown_option_is_a_type_error(service: QueueService) -> None:
    with pytest.raises(TypeError, match="unknown option: prio"):
        service.enqueue("stock-check", prio=1)  # type: ignore[call-arg]


def test_invalid_arguments_are_refused(service: QueueService, connection: Redis) -> None:
    with pytest.raises(UsageError, match="businessId is required; syncType is not one of full, incremental"):
        service.enqueue("sync-external", {"externalSystem": "x", "syncType": "both"})
    with pytest.raises(UsageError, match="not JSON compliant"):
        service.enqueue("notify", {"receiverId": 1, "text": "x", "data": {"x": float("inf")}})
    assert connection.dbsize() == 0


@pytest.mark.parametrize("name", ["no-such", "write-readings", "os.system", ""])
def test_unknown_and_batch_jobs_are_not_found(service: QueueService, name: str) -> None:
    with pytest.raises(NotFoundError, match="is not in the catalog"):
        service.enqueue(name, {})


def test_owner_limit_is_enforced(make_settings: Callable[..., Settings], connection: Redis) -> None:
    with QueueService(make_settings(QCTL_OWNER_ACTIVE="2")) as service:
        service.enqueue("stock-check", owner="ada")
        service.enqueue("cleanup-exports", owner="ada")
        with pytest.raises(RateLimitedError, match="Maximum 2 active jobs allowed"):
            service.enqueue("stock-check", owner="ada")
        service.enqueue("stock-check", owner="bob")
        service.enqueue("stock-check")


def test_lost_replies_create_nothing_twice(own_redis: RedisServer) -> None:
    with Proxy(own_redis.port) as proxy, QueueService(proxy.redis_url) as service:
        service.enqueue("stock-check")
        proxy.lose_replies(1)
        one = service.notify(receiverId=1, text="hello")
        proxy.lose_replies(2)
        many = service.add_bulk_update(businessId=1, items=[{"sku": str(n), "quantity": n} for n in range(250)])
        assert proxy.lost == 3
    with own_redis.connect() as direct:
        assert direct.lrange(keys.queue("notification"), 0, -1) == [one.encode()]
        assert direct.lrange(keys.queue("inventory"), 1, -1) == [id_.encode() for id_ in many]


def test_unreachable_redis_raises_after_the_retries() -> None:
    with (
        QueueService(f"redis://127.0.0.1:{free_port()}", retry_seconds=0.2) as service,
        pytest.raises(RedisUnreachableError),
    ):
        service.enqueue("stock-check")


def test_full_redis_raises_backpressure(own_redis: RedisServer) -> None:
    with own_redis.connect() as client, QueueService(own_redis.url) as service:
        service.enqueue("stock-check")
        client.config_set("maxmemory", 1)
        with pytest.raises(BackpressureError):
            service.enqueue("stock-check")


def test_created_event_names_owner_and_actor(service: QueueService, connection: Redis) -> None:
    id_ = service.enqueue("stock-check", owner="ada")
    [created] = events.newest(connection, 5)
    assert created.fields["job"] == id_
    assert (created.fields["owner"], created.fields["actor"]) == ("ada", events.actor())
    assert json.loads(connection.hget(keys.job(id_), "meta"))["job"] == "stock-check"


def test_status_follows_a_job_to_its_end(service: QueueService, worker: QctlWorker) -> None:
    waits = service.enqueue("give", {"value": 1})
    assert service.status(waits).state == "queued"
    later = service.enqueue("give", {"value": 1}, delay=60, owner="ada", trace_id="t")
    shown = service.status(later)
    assert (shown.state, shown.owner, shown.trace) == ("scheduled", "ada", "t")
    worker.work(burst=True)
    assert service.status(waits).state == "finished"
    with pytest.raises(NotFoundError, match="job 'nothing' not found"):
        service.status("nothing")


def test_cancel_stops_waiting_and_scheduled_jobs_only(
    service: QueueService, worker: QctlWorker, connection: Redis
) -> None:
    waits, other = service.enqueue("give", {"value": 1}), service.enqueue("give", {"value": 2})
    later = service.enqueue("give", {"value": 3}, delay=60)
    assert service.cancel(waits)
    assert service.cancel(later)
    assert not service.cancel(waits), "it was canceled before"
    worker.work(burst=True)
    assert not service.cancel(other), "it has finished"
    assert service.status(waits).state == service.status(later).state == "canceled"
    assert [event.event for event in events.newest(connection, 99)].count("started") == 1
    with pytest.raises(NotFoundError):
        service.cancel("nothing")


def test_result_waits_for_the_return_value(service: QueueService, worker: QctlWorker) -> None:
    well, badly = service.enqueue("give", {"value": {"a": [1]}}), service.enqueue("fail", attempts=0)
    with pytest.raises(WaitTimeoutError, match="is still queued after 0 s"):
        service.result(well)
    worker.work(burst=True)
    assert service.result(well, timeout=5) == {"a": [1]}
    with pytest.raises(JobFailedError, match="is failed"):
        service.result(badly, timeout=5)
    with pytest.raises(NotFoundError):
        service.result("nothing")
