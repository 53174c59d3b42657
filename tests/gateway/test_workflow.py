"""Test the workflow of a client of the original system: users, tokens, jobs, statistics."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from qctl.broker.redis import keys
from support.gateway import BIN, Gateway
from support.process import Program
from support.servers import RedisServer
from support.waiting import eventually

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
"""Format of times in JavaScript."""


@pytest.fixture
def worker(tmp_path: Path, redis_server: RedisServer) -> Program:
    """A worker of the jobs that users create, not started."""
    tests = Path(__file__).parents[1]
    env = {
        "REDIS_URL": redis_server.url,
        "QCTL_HOME": str(tmp_path),
        "QCTL_JOBS_MODULES": "support.declared",
        "PYTHONPATH": str(tests),
        "LOG_FORMAT": "text",
    }
    return Program("worker", [str(BIN / "qctl-worker"), "tests"], tmp_path, env, says="takes jobs from")


def jobs_of(gateway: Gateway, token: str, path: str = "/job") -> list[dict[str, Any]]:
    answer = gateway.request("GET", path, token=token)
    assert answer.status == 200
    assert answer.json["success"] is True
    jobs: list[dict[str, Any]] = answer.json["jobs"]
    return jobs


def statuses(gateway: Gateway, token: str) -> dict[str, str]:
    return {job["name"]: job["status"] for job in jobs_of(gateway, token)}


@pytest.mark.parametrize("below", ["", "/api"])
def test_user_logs_in_and_creates_jobs(gateway: Gateway, below: str) -> None:
    who = {"email": f"{secrets.token_hex(8)}@example.com", "password": "demo-of-123-jobs"}
    created = gateway.request("POST", f"{below}/user/create", {"username": "demo", **who})
    assert created.status == 201
    assert created.json.keys() == {"_id", "username", "email", "con", "mon"}
    assert TIME.fullmatch(created.json["con"])
    logged_in = gateway.request("POST", f"{below}/login", who)
    assert (logged_in.status, logged_in.json.keys()) == (200, {"success", "jwt"})
    token = logged_in.json["jwt"]
    for n in (1, 2, 3):
        answer = gateway.request("POST", f"{below}/job/create", {"name": f"Job {n}"}, token)
        assert answer.status == 201
        job = answer.json["job"]
        fields = {name: job[name] for name in ("name", "ownerId", "status", "retryCount")}
        assert fields == {"name": f"Job {n}", "ownerId": created.json["_id"], "status": "pending", "retryCount": 0}
        assert job.keys() - fields.keys() == {"_id", "con", "mon"}
        assert answer.json["success"] is True
    jobs = jobs_of(gateway, token, f"{below}/job")
    assert {job["name"] for job in jobs} == {"Job 1", "Job 2", "Job 3"}
    assert all(TIME.fullmatch(job[name]) for job in jobs for name in ("con", "mon"))
    assert len(jobs_of(gateway, token, f"{below}/job?status=pending")) == 3
    assert jobs_of(gateway, token, f"{below}/job?status=completed") == []
    assert len(jobs_of(gateway, token, f"{below}/job?limit=2")) == 2
    stats = gateway.request("GET", f"{below}/job/stats", token=token).json
    assert stats == {"success": True, "stats": {"pending": 3, "running": 0, "completed": 0, "failed": 0, "total": 3}}
    assert abs(gateway.request("GET", f"{below}/sync").json - time.time() * 1000) < 60_000


def test_owner_sees_jobs_run_finish_and_fail(gateway: Gateway, worker: Program, connection: Redis) -> None:
    ada, bob = gateway.user(), gateway.user()
    for name, data in (("Good", None), ("Slow", {"seconds": 60}), ("Canceled", None)):
        body = {"name": name, "data": data}
        assert (
            gateway.request("POST", "/job/create", {k: v for k, v in body.items() if v is not None}, ada).status == 201
        )
    bad = gateway.request("POST", "/job/create", {"name": "Fail"}, bob).json["job"]["_id"]
    connection.hset(keys.job(bad), mapping={"retry_intervals": "[1]", "retries_left": 1})
    for job in jobs_of(gateway, ada):
        if job["name"] == "Canceled":
            connection.lrem(keys.queue("tests"), 0, job["_id"])
            connection.hset(keys.job(job["_id"]), "status", "canceled")
        if job["name"] == "Slow":  # to the end of the queue
            connection.lrem(keys.queue("tests"), 0, job["_id"])
            connection.rpush(keys.queue("tests"), job["_id"])
    with worker:
        eventually(lambda: statuses(gateway, ada).get("Slow") == "running", what="the slow one")
        assert statuses(gateway, ada) == {"Good": "completed", "Slow": "running", "Canceled": "failed"}
        (waiting,) = jobs_of(gateway, bob)
        assert (waiting["status"], waiting["retryCount"]) == ("pending", 1)
    connection.hset(keys.job(bad), "status", "failed")
    assert [job["status"] for job in jobs_of(gateway, bob, "/job?status=dlq")] == ["dlq"]
    stats = gateway.request("GET", "/job/stats", token=bob).json["stats"]
    assert stats == {"pending": 0, "running": 0, "completed": 0, "failed": 1, "total": 1}
    assert gateway.request("GET", "/job/stats", token=ada).json["stats"]["total"] == 3


def test_catalog_job_gets_its_data(make_gateway: Any, connection: Redis) -> None:
    gateway = make_gateway(QCTL_GATEWAY_JOBS="no*")
    token = gateway.user()
    note = {"name": "notify", "data": {"receiverId": "ada", "text": "hello"}}
    job = gateway.request("POST", "/job/create", note, token, X_Trace_Id="my-trace").json["job"]
    assert connection.lrange(keys.queue("notification"), 0, -1) == [job["_id"].encode()]
    assert b'"trace_id": "my-trace"' in (connection.hget(keys.job(job["_id"]), "meta") or b"")
    assert connection.hget(keys.job(job["_id"]), "description") == b"notify"
    for body, status, words in (
        ({"name": "notify"}, 400, "receiverId"),
        ({"name": "My Job"}, 404, "job 'My Job' is not in the catalog"),
        ({"name": "write-readings"}, 404, "is not in the catalog"),
        ({"name": "welcome-email", "data": {}}, 403, "users may not create"),
    ):
        answer = gateway.request("POST", "/job/create", body, token)
        assert (answer.status, answer.json["success"]) == (status, False)
        assert words in answer.json["error"]


def test_metrics_cover_all_users(gateway: Gateway) -> None:
    token = gateway.user()
    for n in range(6):
        gateway.request("POST", "/job/create", {"name": f"Job {n}"}, token)
    assert gateway.request("GET", "/metrics").status == 401
    answer = eventually(lambda: gateway.request("GET", "/metrics", token=token)).json
    assert answer["metrics"] == {
        "jobs:total": 5,
        "jobs:pending": 5,
        "jobs:running": 0,
        "jobs:active": 5,
        "jobs:submitted": 5,
        "jobs:completed": 0,
        "jobs:failed": 0,
        "jobs:retries": 0,
        "jobs:dlq": 0,
        "jobs:success_rate": 0,
        "jobs:failure_rate": 0,
        "rate_limit:hits": 1,
    }
    scraped = gateway.request("GET", "/prometheus/metrics")
    assert scraped.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = scraped.body.decode().splitlines()
    for prefix in ("queuecraft", "qctl"):
        assert f"{prefix}_jobs_pending 5.0" in lines
        assert f"{prefix}_jobs_completed_total 0.0" in lines
        assert f"{prefix}_rate_limit_hits_total 1.0" in lines
