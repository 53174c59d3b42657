"""Test plain RQ jobs by the dotted path of a function: written as the workers of the queue read them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.serializers import DefaultSerializer, JSONSerializer

from qctl.broker.redis import keys
from qctl.errors import UsageError
from qctl.ops import Ops
from support import stock


@pytest.mark.parametrize(("json", "serializer"), [(True, JSONSerializer), (False, DefaultSerializer)])
def test_stock_worker_runs_a_plain_job_of_its_serializer(
    json: bool, serializer: type[JSONSerializer], ops: Ops, connection: Redis
) -> None:
    stock.enqueue(connection, "mail", "other", json=json)
    enqueued = ops.jobs.enqueue_function("support.jobs.give", [[1, "två"]], queue="mail")
    assert (enqueued.pickled, enqueued.workers) == (not json, 0)
    connection.lrem(keys.queue("mail"), 0, "other")
    queue = Queue("mail", connection=connection, serializer=serializer)
    SimpleWorker([queue], connection=connection, serializer=serializer).work(burst=True)
    job = Job.fetch(enqueued.id, connection=connection, serializer=serializer)
    assert (job.get_status(), job.return_value()) == (JobStatus.FINISHED, [1, "två"])


def test_empty_queue_of_a_stock_worker_gets_pickles_and_any_other_gets_json(ops: Ops, connection: Redis) -> None:
    assert not ops.jobs.enqueue_function("tasks.add", [1, 2], queue="nobody").pickled
    stock.register_worker(connection, "stock-1", "mail")
    assert ops.jobs.enqueue_function("tasks.add", [1, 2], queue="mail").pickled


def test_pickles_of_the_queue_are_not_loaded(ops: Ops, connection: Redis, tmp_path: object) -> None:
    bomb = stock.Bomb(tmp_path / "bomb")  # type: ignore[operator]
    stock.enqueue(connection, "mail", "a", bomb)
    assert ops.jobs.enqueue_function("tasks.add", [1, 2], queue="mail").pickled
    assert not bomb.went_off
    assert bomb.proves_itself()


def test_plain_job_of_a_later_time_is_scheduled(ops: Ops, connection: Redis) -> None:
    at = datetime.now(timezone.utc) + timedelta(hours=1)
    enqueued = ops.jobs.enqueue_function("tasks.add", [1], queue="mail", at=at)
    assert connection.zscore(keys.scheduled("mail"), enqueued.id) == pytest.approx(at.timestamp(), abs=1)


def test_plain_job_leaves_an_event(ops: Ops) -> None:
    enqueued = ops.jobs.enqueue_function("tasks.add")
    assert [(event.event, event.fields["job"]) for event in ops.events.list()] == [("created", enqueued.id)]


@pytest.mark.parametrize("function", ["", "os", "tasks.add; x", "tasks..add", "tasks.add()", "../tasks.add"])
def test_what_is_no_dotted_path_is_refused(function: str, ops: Ops, connection: Redis) -> None:
    with pytest.raises(UsageError, match="dotted path"):
        ops.jobs.enqueue_function(function)
    assert connection.dbsize() == 0


def test_arguments_that_no_screen_can_show_are_refused(ops: Ops) -> None:
    with pytest.raises(UsageError, match=r"more than 1048576 \(QCTL_MAX_JOB_BYTES\)"):
        ops.jobs.enqueue_function("tasks.add", ["x" * (1 << 20)])


def test_types_name_arguments_and_workers(ops: Ops, connection: Redis) -> None:
    stock.register_worker(connection, "w1", "email.high", "email")
    types = {each.name: each for each in ops.jobs.types()}
    welcome = types["welcome-email"]
    assert (welcome.queue, welcome.workers) == ("email", 1)
    assert "userEmail: text" in welcome.arguments
    assert types["generate-report"].workers == 0
