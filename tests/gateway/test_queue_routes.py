"""Test queues over HTTP: public statistics, and operations of operators with their audit log."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings import Settings
from qctl.store.users import SqliteUsers, new_user
from support.gateway import Gateway, Response

KEY = "the-admin-key-of-all-these-tests-of-2026"
NOTE = {"receiverId": "ada", "text": "hello"}


@pytest.fixture
def anybody(shared_gateway: Gateway) -> Any:
    return shared_gateway.request


@pytest.fixture
def operator(shared_gateway: Gateway) -> Any:
    return partial(shared_gateway.request, X_Admin_Key=KEY)


def kill(connection: Redis, job_id: str) -> None:
    """Make a dead letter of a waiting job of `notification`."""
    connection.lrem(keys.queue("notification"), 0, job_id)
    connection.hset(keys.job(job_id), "status", "failed")
    connection.zadd(keys.failed("notification"), {job_id: 9e9})


def create_admin(gateway: Gateway) -> tuple[str, str]:
    """The token and the id of a new admin of a gateway."""
    users = SqliteUsers(Settings.load({"QCTL_HOME": str(gateway.folder)}))
    user = new_user(f"{secrets.token_hex(8)}@example.com", "Ada", "$none", "admin")
    assert users.add(user)
    return gateway.token(user.id, "admin"), user.id


def waiting(answer: Response) -> int:
    return int(answer.json["stats"]["notification"]["waiting"])


def test_queue_can_be_paused_resumed_and_cleared(operator: Any, anybody: Any, service: QueueService, ops: Ops) -> None:
    service.enqueue_many("notify", [NOTE] * 3)
    stats = anybody("GET", "/api/queues/stats").json
    assert stats["success"]
    assert stats["stats"]["notification"]["waiting"] == 3
    assert stats["totals"] == {"pending": 3, "running": 0, "completed": 0, "failed": 0, "total": 3}

    paused = operator("POST", "/api/queues/pause/notification", {"reason": "a move", "seconds": 60}).json
    assert (paused["success"], paused["changed"], paused["running"]) == (True, True, [])
    paused_stats = anybody("GET", "/api/queues/stats").json["stats"]["notification"]
    assert paused_stats["paused"]
    assert (paused_stats["pause"]["reason"], paused_stats["pause"]["by"]) == ("a move", "admin-key@gateway")
    assert paused_stats["pause"]["until"] > paused_stats["pause"]["at"]

    assert operator("POST", "/api/queues/resume/notification").json["changed"] is True
    assert operator("POST", "/api/queues/resume/notification").json["changed"] is False
    assert not anybody("GET", "/api/queues/stats").json["stats"]["notification"]["paused"]

    cleared = operator("POST", "/api/queues/clear/notification").json
    assert cleared["removed"] == 3
    assert waiting(anybody("GET", "/api/queues/stats")) == 0
    assert ops.trash.restore(cleared["batch"]).restored == 3


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/queues/clear/notification"),
        ("POST", "/api/queues/pause/notification"),
        ("POST", "/api/queues/resume/notification"),
        ("DELETE", "/api/messages/queue/notification/failed"),
        ("POST", "/api/messages/queue/notification/retry"),
    ],
)
def test_changes_need_an_operator(anybody: Any, shared_gateway: Gateway, ops: Ops, method: str, path: str) -> None:
    refused = anybody(method, path)
    assert (refused.status, refused.json["success"]) == (401, False)
    assert anybody(method, path, X_Admin_Key="another").status == 401
    assert anybody(method, path, X_Admin_Key="").status == 401
    assert anybody(method, path, token=shared_gateway.token("u1")).status == 403
    assert anybody(method, path, token=shared_gateway.token("u2", "admin")).status == 403, "no user has this id"
    refused = ops.audit.list()
    assert {act.outcome for act in refused} == {"refused"}
    assert [act.actor for act in refused] == ["127.0.0.1@gateway", "u1@gateway", "u2@gateway"]
    token, admin = create_admin(shared_gateway)
    assert anybody(method, path, token=token).status == 200
    act = ops.audit.list()[-1]
    assert (act.actor, act.via, act.outcome) == (f"{admin}@gateway", "gateway", "done")


def test_successes_and_refusals_are_audited_with_their_trace_id(operator: Any, ops: Ops) -> None:
    operator("POST", "/api/queues/pause/email", {"reason": "it's late"}, X_Trace_Id="trace-1")
    missing = operator("POST", "/api/queues/clear/emial", X_Trace_Id="trace-2")
    assert (missing.status, missing.json["error"]) == (404, "queue 'emial' not found")
    done, refused = ops.audit.list()
    assert (done.actor, done.command, done.outcome) == ("admin-key@gateway", "qctl pause", "done")
    assert (done.trace, refused.trace) == ("trace-1", "trace-2")
    assert done.line == """qctl pause email --reason 'it'"'"'s late'"""
    assert (refused.command, refused.outcome) == ("qctl clear", "not found")
    assert [event.fields["actor"] for event in ops.events.list() if event.event == "paused"] == ["admin-key@gateway"]


def test_invalid_pause_is_refused_before_anything_is_written(operator: Any, ops: Ops) -> None:
    assert operator("POST", "/api/queues/pause/email", {"seconds": -1}).status == 400
    assert operator("POST", "/api/queues/pause/email", {"reason": "\x1b[2J"}).status == 400
    assert ops.audit.list() == []


def test_chat_queues_are_measured_retried_and_cleared(
    operator: Any, anybody: Any, service: QueueService, ops: Ops, connection: Redis
) -> None:
    dead = service.enqueue_many("notify", [NOTE] * 2)
    service.enqueue("notify", NOTE, priority=1)
    for job_id in dead:
        kill(connection, job_id)
    stats = anybody("GET", "/api/messages/queue/stats").json["stats"]
    assert stats.keys() == {"message", "notification", "email"}
    assert (stats["notification"]["waiting"], stats["notification"]["failed"]) == (1, 2)

    measured = anybody("GET", "/api/messages/queue/metrics").json["metrics"]["notification"]
    assert (measured["depth"], measured["failed"]) == (1, 2)
    assert measured["waitTime"].keys() == measured["processingTime"].keys() == {"p50", "p95", "p99"}

    assert operator("POST", "/api/messages/queue/notification/retry").json["done"] == 2
    assert waiting(anybody("GET", "/api/messages/queue/stats")) == 3

    kill(connection, dead[0])
    gone = operator("DELETE", "/api/messages/queue/notification/failed").json
    assert gone["done"] == 1
    assert ops.trash.restore(gone["batch"]).restored == 1
    assert operator("POST", "/api/messages/queue/nosuch/retry").status == 404


def test_health_lists_reasons_without_the_address_of_redis(
    anybody: Any, service: QueueService, settings: Settings
) -> None:
    service.enqueue("notify", NOTE)
    found = anybody("GET", "/api/messages/queue/health")
    assert found.status == 200
    assert (found.json["success"], found.json["status"], found.json["checks"]["workers"]) == (
        True,
        "degraded",
        "degraded",
    )
    assert "1 job waits in queue notification, and no worker listens to it" in found.json["reasons"]
    assert settings.redis_target not in found.body.decode()


def test_health_of_the_chat_leaves_out_other_queues(anybody: Any, ops: Ops, service: QueueService) -> None:
    service.enqueue("stock-check")
    service.enqueue("notify", NOTE, priority=1)
    assert any("inventory" in reason for reason in ops.health.check().reasons)
    reasons = anybody("GET", "/api/messages/queue/health").json["reasons"]
    assert any("notification.high" in reason for reason in reasons)
    assert not any("inventory" in reason for reason in reasons)


def test_names_from_redis_are_escaped(anybody: Any, connection: Redis) -> None:
    connection.sadd(keys.QUEUES, keys.queue("\x1b[31m"), b"rq:queue:\xff")
    found = anybody("GET", "/api/queues/stats")
    assert found.status == 200
    assert len(found.json["stats"]) > 2
    assert "\\u001b" not in found.body.decode()
    assert "email" in anybody("GET", "/admin/queues/info").json["queues"]
