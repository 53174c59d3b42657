"""QueueCraft's clients against the profile: its page's calls, its scripts, and its collection of requests."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from originals.conftest import MakeOriginal
from qctl.errors import UsageError
from qctl.gateway.accounts import Accounts
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings import Settings
from support.gateway import SECRET, Client
from support.live import LiveClient
from support.originals import BIN, Original
from support.servers import RedisServer
from support.waiting import eventually

ADMIN = {"username": "admin", "email": "admin@example.com", "password": "admin123"}
"""The user of the original's documents and scripts."""

PAGE_STATUSES = {"pending", "running", "completed", "dlq"}
"""Statuses that the original's page has a badge for."""


@pytest.fixture
def site(make_original: MakeOriginal, redis_server: RedisServer) -> Iterator[Original]:
    """QueueCraft's documented settings, with SQLite for MongoDB and a job that takes no time."""
    addresses = {"REDIS_URL": redis_server.url, "MONGODB_URI": ""}
    original = make_original(
        "queuecraft", addresses, QCTL_SIMULATED_SECONDS="0", QCTL_JOB_WORKERS="1", QCTL_GATEWAY_SECRET=SECRET
    )
    original.start()
    yield original
    assert original.stop() == 0


@pytest.fixture
def http(site: Original) -> Client:
    """A client of the site, whose user is `ADMIN`."""
    assert site.http.request("POST", "/user/create", ADMIN).status == 201
    return site.http


def log_in(http: Client) -> str:
    token: str = http.request("POST", "/login", {name: ADMIN[name] for name in ("email", "password")}).json["jwt"]
    return token


def jobs(http: Client, token: str, query: str = "") -> list[dict[str, Any]]:
    answer = http.request("GET", f"/job{query}", token=token)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json["jobs"]
    return found


def create(http: Client, token: str, name: str) -> dict[str, Any]:
    answer = http.request("POST", "/job/create", {"name": name}, token)
    assert answer.status == 201, answer.body
    job: dict[str, Any] = answer.json["job"]
    return job


def wait_for(http: Client, token: str, job_id: str, status: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        return next((job for job in jobs(http, token) if job["_id"] == job_id and job["status"] == status), None)

    return eventually(found, what=f"{job_id} {status}") or {}


FOREIGN_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOiIxIn0.c2lnbmF0dXJl"
"""A token that another site signed, without `Bearer`: the collection carries one."""

COLLECTION: tuple[tuple[str, str, str, dict[str, str] | None, dict[str, str], int], ...] = (
    ("healthCheck", "GET", "/sync", None, {}, 200),
    ("login", "POST", "/login", {"username": "admin", "password": "admin123"}, {}, 400),
    ("createUser", "POST", "/user/create", {**ADMIN, "email": "word@email.com"}, {}, 201),
    ("job", "GET", "/job", None, {}, 401),
    ("create jobs", "POST", "/job/create", {"name": "job4"}, {"Authorization": FOREIGN_TOKEN}, 401),
)
"""The requests of QueueCraft's Postman collection in order, by the names it gives them, with the status of the answer.
It asserts nothing itself; its login lacks the email address, and its token is not of the site that it asks."""


def test_its_collection_of_requests(http: Client) -> None:
    for name, method, path, body, headers, status in COLLECTION:
        answer = http.request(method, path, body, **headers)
        assert answer.status == status, (name, answer.body)
        if status >= 400:
            assert answer.json["traceId"] == answer.headers["X-Trace-Id"], name
    assert isinstance(http.request("GET", "/sync").json, int)


def test_its_collection_works_with_the_tokens_of_the_site(http: Client) -> None:
    word = http.request("POST", "/login", {"email": ADMIN["email"], "password": ADMIN["password"]}).json["jwt"]
    made = http.request("POST", "/job/create", {"name": "job4"}, Authorization=word)
    assert made.status == 201
    assert {"_id", "name", "ownerId", "status", "retryCount", "con"} <= made.json["job"].keys()
    assert http.request("GET", "/job", Authorization=word).status == 200


def test_its_observability_script(http: Client) -> None:
    """Login, three jobs with trace ids, metrics, six jobs more than the limit allows: traceId in the refusals."""
    token = log_in(http)
    for n in (1, 2, 3):
        made = http.request("POST", "/job/create", {"name": f"Demo Job {n}"}, token, X_Trace_Id=f"demo-trace-job-{n}")
        assert (made.status, made.headers["X-Trace-Id"]) == (201, f"demo-trace-job-{n}")
        wait_for(http, token, made.json["job"]["_id"], "completed")
    metrics = http.request("GET", "/metrics", token=token).json["metrics"]
    names = {"total", "pending", "running", "completed", "failed", "success_rate", "failure_rate", "retries", "dlq"}
    assert {f"jobs:{name}" for name in names} | {"rate_limit:hits"} <= metrics.keys()
    assert all(isinstance(value, int) for name, value in metrics.items() if not name.endswith("rate"))
    answers = [
        http.request("POST", "/job/create", {"name": f"Rate Limit Test {n}"}, token, X_Trace_Id=f"rate-limit-test-{n}")
        for n in range(1, 9)
    ]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    for answer in refused:
        assert answer.json["traceId"] == answer.headers["X-Trace-Id"]
        assert answer.json["traceId"].startswith("rate-limit-test-")
        assert "Rate limit exceeded" in answer.json["error"]


def test_its_prometheus_script(http: Client) -> None:
    token = log_in(http)
    wait_for(http, token, create(http, token, "My Job")["_id"], "completed")

    def text(query: str = "") -> str:
        answer = http.request("GET", f"/prometheus/metrics{query}")
        assert answer.status == 200
        return answer.body.decode()

    eventually(lambda: "queuecraft_jobs_completed_total 1.0" in text(), what="the job's count")
    for name in ("total", "pending", "running", "completed_total", "failed_total", "success_rate", "dlq"):
        assert re.search(rf"^queuecraft_jobs_{name} ", text(), re.MULTILINE), name
    assert "queuecraft_rate_limit_hits_total " in text()
    for name, kind in (("total", "counter"), ("submitted_total", "counter"), ("pending", "gauge"), ("dlq", "gauge")):
        assert f"# TYPE queuecraft_jobs_{name} {kind}" in text()
    assert "queuecraft_jobs_total 1.0" in text()
    labelled = text("?environment=test&instance=api-1")
    assert 'queuecraft_jobs_total{environment="test",instance="api-1"} 1.0' in labelled
    assert http.request("GET", "/prometheus/metrics?environment=%0a").status == 400
    health = http.request("GET", "/prometheus/health")
    assert (health.status, health.json["status"], health.json["service"]) == (200, "healthy", "queuecraft")


def test_a_wrong_password_is_shown_and_no_401(http: Client) -> None:
    """The page leaves its login form on 401, and shows `message` for any other error."""
    answer = http.request("POST", "/login", {"email": ADMIN["email"], "password": "wrong"})
    assert answer.status == 403
    assert answer.failure == {
        "success": False,
        "error": "Invalid email or password",
        "message": "Invalid email or password",
    }


def test_jobs_are_found_by_every_field(http: Client) -> None:
    token = log_in(http)
    first, second = (create(http, token, name) for name in ("One", "Two"))
    for job in (first, second):
        wait_for(http, token, job["_id"], "completed")
    listed = {job["_id"]: job for job in jobs(http, token)}
    one = listed[first["_id"]]
    for name in ("_id", "name", "con", "mon"):
        assert jobs(http, token, f"?{name}={one[name]}") == [one], name
    assert len(jobs(http, token, f"?ownerId={one['ownerId']}&retryCount=0&status=completed")) == 2
    for query in ("?status=nope", "?status=failed", "?ownerId=somebody", "?retryCount=7", "?name=One&status=dlq"):
        assert jobs(http, token, query) == [], query
    assert http.request("GET", f"/job?name={'x' * 201}", token=token).status == 400


def test_a_failing_job_becomes_a_dead_letter(http: Client, site: Original) -> None:
    token = log_in(http)
    job = create(http, token, "This will fail")
    dead = wait_for(http, token, job["_id"], "dlq")
    assert dead["retryCount"] == 3
    assert http.request("GET", "/job/stats", token=token).json["stats"]["failed"] == 1
    discard = [str(BIN / "qctl"), "dlq", "discard", job["_id"], "--yes"]
    assert subprocess.run(discard, cwd=site.folder, env=site.env, check=False, capture_output=True).returncode == 0
    gone = wait_for(http, token, job["_id"], "dlq")
    assert gone["mon"] > dead["mon"]


def test_a_canceled_job_has_a_status_that_the_page_knows(
    http: Client, site: Original, redis_server: RedisServer, tmp_path: Path
) -> None:
    token = log_in(http)
    with LiveClient(tmp_path, site.http.url, token) as live:
        pause = [str(BIN / "qctl"), "pause", "simulation", "--create"]
        assert subprocess.run(pause, cwd=site.folder, env=site.env, check=False, capture_output=True).returncode == 0
        job = create(http, token, "My Job")
        with QueueService(Settings.load({}, {"REDIS_URL": redis_server.url})) as service:
            assert service.cancel(job["_id"])
        canceled = wait_for(http, token, job["_id"], "dlq")
        assert canceled["mon"] > job["mon"]
        eventually(lambda: "pending>dlq" in live.events_of(job["_id"]), what="the event")
        (change,) = (event["content"] for event in live.records_of("event") if event["name"] == "job:status:updated")
        assert change["newStatus"] in PAGE_STATUSES
        assert change["job"]["mon"] > job["mon"]


def test_a_trailing_slash_is_ignored(http: Client) -> None:
    token = log_in(http)
    assert http.request("GET", "/job/", token=token).status == 200
    assert http.request("POST", "/job/create/", {"name": "My Job"}, token).status == 201
    assert http.request("GET", "/api/job/?status=nope", token=token).json["jobs"] == []
    assert http.request("GET", "/sync/").status == 200
    assert http.request("GET", "/no/such/").status == 404


def test_operators_reset_metrics(http: Client, site: Original) -> None:
    token = log_in(http)
    wait_for(http, token, create(http, token, "My Job")["_id"], "completed")

    def completed() -> int:
        value: int = http.request("GET", "/metrics", token=token).json["metrics"]["jobs:completed"]
        return value

    eventually(lambda: completed() == 1, what="the count")
    assert http.request("POST", "/metrics/reset", token=token).status == 403
    assert http.request("POST", "/metrics/reset").status == 401
    promote = [str(BIN / "qctl"), "user", "promote", ADMIN["email"]]
    assert subprocess.run(promote, cwd=site.folder, env=site.env, check=False, capture_output=True).returncode == 0
    answer = http.request("POST", "/metrics/reset", token=log_in(http))
    assert (answer.status, answer.json) == (200, {"success": True, "message": "Metrics reset"})
    token = log_in(http)
    assert completed() == 0


def test_weak_passwords_are_for_loopback_alone(make_settings: Any) -> None:
    profile = {"QCTL_PROFILE": "queuecraft"}
    assert make_settings(**profile).allows_weak_passwords
    for more in ({"QCTL_GATEWAY_HOST": "0.0.0.0"}, {"QCTL_TRUSTED_PROXIES": "127.0.0.1"}, {"QCTL_WEAK_PASSWORDS": "0"}):  # noqa: S104
        settings = make_settings(**profile, **more)
        assert not settings.allows_weak_passwords
        ops = Ops(settings)
        accounts = Accounts(settings, None, ops)  # type: ignore[arg-type]  # no token is issued
        with pytest.raises(UsageError, match="must have 12 to 256"):
            anyio.run(accounts.create, "admin", "admin@example.com", "admin123")
        accounts.close()
        ops.close()
    assert not make_settings().allows_weak_passwords
