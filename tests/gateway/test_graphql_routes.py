"""Test GraphQL: operations, permissions and errors of other routes, and hostile documents."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query
from redis import Redis
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.serializers import JSONSerializer
from starlette.exceptions import HTTPException

from qctl.broker.bookkeeping import pools
from qctl.broker.redis import job_fields, keys
from qctl.gateway import graphql_routes
from qctl.models import Pool, PoolSize
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.sinks.sqlite import READINGS, SqliteSink
from support.gateway import Gateway, Response

KEY = "the-admin-key-of-all-these-tests-of-2026"
NOTE = {"receiverId": "ada", "text": "hello"}


@pytest.fixture
def ask(shared_gateway: Gateway) -> Any:
    def ask(query: str, *, key: str | None = None, token: str | None = None, **variables: Any) -> Response:
        headers = {} if key is None else {"X_Admin_Key": key}
        body = {"query": query, "variables": variables}
        return shared_gateway.request("POST", "/graphql", body, token, X_Trace_Id="trace-g", **headers)

    return ask


@pytest.fixture
def operator(ask: Any) -> Any:
    return partial(ask, key=KEY)


def kill(connection: Redis, job_id: str, error: bytes) -> None:
    """Make a dead letter of a waiting job of `notification`."""
    connection.lrem(keys.queue("notification"), 0, job_id)
    connection.hset(keys.job(job_id), mapping={"status": "failed", "exc_info": error})
    connection.zadd(keys.failed("notification"), {job_id: 9e9})


def test_queues_jobs_and_dead_letters_can_be_queried(operator: Any, service: QueueService, connection: Redis) -> None:
    ids = service.enqueue_many("notify", [NOTE] * 3)
    kill(connection, ids[0], b"Traceback\nValueError: \x1b[2Jbad")
    found = operator(
        """
        query ($queue: String!, $states: [JobState!]) {
          queues(names: [$queue]) { name waiting failed paused }
          jobs(queue: $queue, states: $states, job: "notify", limit: 2) {
            matching
            jobs { id queue state function since }
          }
          deadLetters { total causes { count function exception message queues } }
        }
        """,
        queue="notification",
        states=["QUEUED"],
    )
    assert found.status == 200
    data = found.json["data"]
    assert data["queues"] == [{"name": "notification", "waiting": 2, "failed": 1, "paused": False}]
    assert data["jobs"]["matching"] == 2
    assert [(job["id"], job["state"], job["function"]) for job in data["jobs"]["jobs"]] == [
        (ids[1], "QUEUED", "qctl.jobs.notification.notify"),
        (ids[2], "QUEUED", "qctl.jobs.notification.notify"),
    ]
    assert data["jobs"]["jobs"][0]["since"].endswith("Z")
    assert data["deadLetters"]["total"] == 1
    (cause,) = data["deadLetters"]["causes"]
    assert (cause["count"], cause["exception"], cause["queues"]) == (1, "ValueError", ["notification"])
    assert b"\\u001b" not in found.body


def test_jobs_are_selected_by_a_condition_and_a_time(operator: Any, service: QueueService, connection: Redis) -> None:
    ids = service.enqueue_many("notify", [NOTE] * 2)
    kill(connection, ids[0], b"Traceback\nValueError: bad")
    query = "query ($w: String, $s: DateTime) { jobs(where: $w, since: $s) { jobs { id } } }"

    def found(**variables: str) -> list[str]:
        return [job["id"] for job in operator(query, **variables).json["data"]["jobs"]["jobs"]]

    assert found(w='state=failed and error~"valueerror"') == [ids[0]]
    assert found(w="not state=failed and age<1h") == [ids[1]]
    assert found(w="queue=notification", s="2999-01-01T00:00:00Z") == []
    refused = operator(query, w="state=failed or")
    assert refused.status == 400
    assert "where, character" in refused.body.decode()


def test_deployments_are_marked_and_causes_acknowledged(
    operator: Any, service: QueueService, connection: Redis
) -> None:
    assert operator('mutation { mark(text: "v1.4") { text by } }').json["data"]["mark"]["text"] == "v1.4"
    kill(connection, service.enqueue("notify", NOTE), b"Traceback\nValueError: bad")
    causes = "{ deadLetters { causes { fingerprint sinceMark note { text acknowledged } } } marks { text } }"
    data = operator(causes).json["data"]
    assert data["marks"] == [{"text": "v1.4"}]
    (cause,) = data["deadLetters"]["causes"]
    assert cause["note"] is None
    line = 'mutation ($c: String!) { acknowledge(fingerprint: $c, text: "known") { acknowledged } }'
    assert operator(line, c=cause["fingerprint"]).json["data"] == {"acknowledge": {"acknowledged": True}}
    (cause,) = operator(causes).json["data"]["deadLetters"]["causes"]
    assert cause["note"] == {"text": "known", "acknowledged": True}
    assert operator('mutation { mark(text: "a\\nb") { text } }').status == 400


def test_limits_can_be_set_listed_and_lifted(operator: Any, ask: Any, service: QueueService) -> None:
    service.enqueue("notify", NOTE)
    line = "{ scope name rate perSeconds concurrency reached }"
    made = operator(f'mutation {{ setLimit(scope: QUEUE, name: "notification", rate: 5, concurrency: 0) {line} }}')
    expected = {
        "scope": "QUEUE",
        "name": "notification",
        "rate": 5,
        "perSeconds": 60.0,
        "concurrency": 0,
        "reached": True,
    }
    assert made.json["data"]["setLimit"] == expected
    assert operator(f"{{ limits {line} }}").json["data"]["limits"] == [expected]
    lift = 'mutation { clearLimit(scope: QUEUE, name: "notification") }'
    assert [operator(lift).json["data"]["clearLimit"] for _ in range(2)] == [True, False]
    assert operator('mutation { setLimit(scope: JOB, name: "nothing", rate: 1) { name } }').status == 404
    assert operator('mutation { setLimit(scope: QUEUE, name: "notification") { name } }').status == 400
    assert ask("{ limits { name } }").status == 401
    assert ask(lift).status == 401


def test_pools_are_listed(operator: Any, ask: Any, connection: Redis) -> None:
    size = PoolSize(1, 4)
    now = datetime.now(timezone.utc)
    pool = Pool("worker-email", "a\x1b", 1, ("email",), size, size, 2, 1, now, reason="2 wait")
    pools.report(connection, pool)
    found = operator("{ pools { name host queues size running bounds requested reason } }").json["data"]["pools"]
    assert found == [
        {
            "name": "worker-email",
            "host": "a\\x1b",
            "queues": ["email"],
            "size": 2,
            "running": 1,
            "bounds": "1..4",
            "requested": None,
            "reason": "2 wait",
        }
    ]
    assert ask("{ pools { name } }").status == 401


def test_finished_jobs_run_again_as_copies_once(
    operator: Any, ask: Any, service: QueueService, connection: Redis
) -> None:
    job_id = service.enqueue("notify", NOTE)
    job = Job.fetch(job_id, connection, serializer=JSONSerializer)
    Queue(job.origin, connection=connection).remove(job)
    job.set_status(JobStatus.FINISHED)
    connection.zadd(keys.finished(job.origin), {job_id: 9e12})
    line = f'mutation {{ replay(ids: ["{job_id}"]) {{ done already }} }}'
    assert operator(line).json["data"]["replay"] == {"done": 1, "already": 0}
    assert operator(line).json["data"]["replay"] == {"done": 0, "already": 1}
    assert connection.llen(keys.queue(job.origin)) == 1
    assert operator("mutation { replay { done } }").status == 400
    assert ask(line).status == 401


def test_flows_can_be_queried_canceled_and_retried(operator: Any, ask: Any, connection: Redis) -> None:
    queue = Queue("mail", connection=connection, serializer=JSONSerializer)
    queue.enqueue("app.send", job_id="parent")
    queue.enqueue("app.send", job_id="child", depends_on="parent")
    flow = operator('{ flow(id: "child") { kind total ended failed whole jobs { id state dependsOn } } }').json["data"]
    assert flow["flow"] == {
        "kind": "job",
        "total": 2,
        "ended": 0,
        "failed": 0,
        "whole": True,
        "jobs": [
            {"id": "child", "state": "deferred", "dependsOn": ["parent"]},
            {"id": "parent", "state": "queued", "dependsOn": []},
        ],
    }
    canceled = operator('mutation { cancelFlow(id: "parent") { done failed } }').json["data"]
    assert canceled == {"cancelFlow": {"done": 2, "failed": 0}}
    assert operator('mutation { retryFlow(id: "parent") { done } }').json["data"] == {"retryFlow": {"done": 2}}
    assert [flow["id"] for flow in operator("{ flows { id } }").json["data"]["flows"]] == ["parent"]
    assert operator('{ flow(id: "nowhere") { id } }').status == 404
    assert ask('mutation { cancelFlow(id: "parent") { done } }').status == 401
    assert ask("{ flows { id } }").status == 401


def test_memory_can_be_queried_by_operators(operator: Any, ask: Any, service: QueueService) -> None:
    service.enqueue_many("notify", [NOTE] * 3)
    query = (
        "{ memory { keys measured bytes errorBytes uses { use bytes } jobs { name jobs } largest { key bytes job } } }"
    )
    memory = operator(query).json["data"]["memory"]
    assert memory["jobs"] == [{"name": "notify", "jobs": 3}]
    assert memory["measured"] == memory["keys"]
    assert memory["errorBytes"] == 0
    assert ask(query).status == 401


def test_logs_of_a_job_can_be_queried(operator: Any, service: QueueService, connection: Redis) -> None:
    job_id = service.enqueue("notify", NOTE)
    log = {"run": "x", "worker": "w", "total": 1, "lines": [[1_795_000_000_000, "warning", "token=secret \x1b[0m"]]}
    connection.hset(keys.job(job_id), f"{job_fields.LOG_PREFIX}2026-11-30T00:00:00.000000Z", json.dumps(log))
    answer = operator("query ($id: ID!) { jobLogs(id: $id) { attempt level text } }", id=job_id)
    assert answer.json["data"]["jobLogs"] == [{"attempt": 1, "level": "warning", "text": "token=*** \\x1b[0m"}]


def test_readings_can_be_filtered_by_device_topic_and_time(operator: Any, shared_gateway: Gateway) -> None:
    sink = SqliteSink(Path(shared_gateway.folder) / "qctl.db", READINGS)
    sink.open()
    second = 10**9
    sink.write(
        [
            {"topic": "t/a", "device": "a", "ts_ns": second, "fields": {"on": True}, "received_ns": 5 * second},
            {"topic": "t/b", "device": "b\x07", "ts_ns": 2 * second, "fields": {"c": 1.5}, "received_ns": 5 * second},
        ]
    )
    sink.close()
    every = operator("{ readings { device timeNs receivedAt fields } }").json["data"]["readings"]
    assert every == [
        {"device": "b\\x07", "timeNs": "2000000000", "receivedAt": "1970-01-01T00:00:05.000Z", "fields": {"c": 1.5}},
        {"device": "a", "timeNs": "1000000000", "receivedAt": "1970-01-01T00:00:05.000Z", "fields": {"on": True}},
    ]
    of_one = operator('{ readings(device: "a", since: "1970-01-01T00:00:01Z") { device } }').json["data"]["readings"]
    assert of_one == [{"device": "a"}]
    assert operator('{ readings(topic: "t/b", until: "1970-01-01T00:00:02") { device } }').json["data"] == {
        "readings": []
    }


def test_mutations_are_audited_with_their_trace_id(
    operator: Any, ops: Ops, service: QueueService, connection: Redis
) -> None:
    paused = operator(
        'mutation { pause(queue: "email", reason: "a move", seconds: 60) { changed pause { by until } } }'
    )
    assert paused.json["data"]["pause"]["changed"] is True
    assert paused.json["data"]["pause"]["pause"]["by"] == "admin-key@gateway"
    assert operator('mutation { resume(queue: "email") { changed } }').json["data"] == {"resume": {"changed": True}}
    first, second = service.enqueue_many("notify", [NOTE] * 2)
    for job_id in (first, second):
        kill(connection, job_id, b"ValueError: bad")
    one = operator("mutation ($ids: [ID!]) { retry(ids: $ids) { done failed already } }", ids=[first])
    assert one.json["data"]["retry"] == {"done": 1, "failed": 0, "already": 0}
    assert operator('mutation { retry(queue: "notification") { done } }').json["data"]["retry"]["done"] == 1
    acts = ops.audit.list()
    assert [act.line for act in acts] == [
        "qctl pause email --reason 'a move' --for 60s",
        "qctl resume email",
        f"qctl dlq retry {first}",
        "qctl dlq retry --queue notification --all",
    ]
    assert {(act.actor, act.via, act.outcome, act.trace) for act in acts} == {
        ("admin-key@gateway", "gateway", "done", "trace-g")
    }


@pytest.mark.parametrize(
    "query",
    [
        "{ jobs { total } }",
        "{ deadLetters { total } }",
        "{ readings { device } }",
        'mutation { pause(queue: "email", seconds: -1) { changed } }',
        'mutation { resume(queue: "email") { changed } }',
        "mutation { retry { done } }",
    ],
)
def test_jobs_and_mutations_need_an_operator(ask: Any, shared_gateway: Gateway, ops: Ops, query: str) -> None:
    nobody = ask(query)
    assert (nobody.status, nobody.json["success"], nobody.json["error"]) == (401, False, "Admin key or token required")
    assert ask(query, key="another").status == 401
    assert ask(query, token="no.token.at-all").status == 401
    user = ask(query, token=shared_gateway.user())
    assert (user.status, user.json["errors"][0]["message"]) == (403, "Admins only")
    assert ask("{ queues { name } }").status == 200
    assert {act.outcome for act in ops.audit.list()} == {"refused"}


def test_errors_have_the_texts_of_other_routes(operator: Any, ops: Ops) -> None:
    missing = operator('mutation { pause(queue: "emial") { changed } }')
    assert (missing.status, missing.json["error"]) == (404, "queue 'emial' not found")
    assert missing.json["errors"] == [
        {"message": "queue 'emial' not found", "path": ["pause"], "extensions": {"status": 404}}
    ]
    wrong = operator('mutation { pause(queue: "email", reason: "\\u001b[2J") { changed } }')
    assert (wrong.status, wrong.json["error"]) == (400, "Invalid request")
    assert operator("mutation { retry { done } }").json["error"] == "one of ids, queue or fingerprint is required"
    assert operator("{ jobs(limit: 100000) { total } }").status == 400
    half = operator('{ jobs(queue: "nosuch") { total } queues(names: ["email"]) { name } }')
    assert half.status == 200
    assert half.json["data"] == {"jobs": None, "queues": [{"name": "email"}]}
    assert half.json["errors"][0]["extensions"] == {"status": 404}
    assert [act.outcome for act in ops.audit.list()] == ["not found"]


def nested(depth: int) -> str:
    return "{ __schema { types " + "{ fields { type " * depth + "{ name }" + " } }" * depth + " } }"


HOSTILE = {
    "long": "{ " + "queues { name } " * 200 + "}",
    "many aliases": "{ " + " ".join(f"a{n}: queues {{ name }}" for n in range(20)) + " }",
    "aliases in a fragment": "{ ...f } fragment f on Query { "
    + " ".join(f"a{n}: queues {{ name }}" for n in range(20))
    + " }",
    "fragments of fragments": "{ ...f0 } "
    + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(40))
    + " fragment f40 on Query { queues { name } }",
    "a circle of fragments": "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
    "an unknown fragment": "{ ...nosuch }",
    "deep fields": "{ queues " + "{ pause " * 8 + "{ by }" + " }" * 8 + " }",
    "deep introspection": nested(12),
    "brackets": "{ queues(names: " + "[" * 250 + "]" * 250 + ") { name } }",
    "braces": "{ a " * 290,
    "nothing": "",
    "two": "{ queues { name } } { queues { name } }",
    "two with names": 'query A { queues { name } } mutation B { resume(queue: "email") { changed } }',
    "a subscription": "subscription { queues { name } }",
    "a schema": "type Query { a: Int }",
    "directives": "{ queues " + "@skip(if: false) " * 60 + "{ name } }",
}


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE)
def test_hostile_document_is_refused(operator: Any, query: str) -> None:
    refused = operator(query)
    assert (refused.status, refused.json["success"], refused.json["error"]) == (400, False, "Invalid request")
    assert len(refused.body) < 5000


def test_only_single_documents_are_accepted(shared_gateway: Gateway) -> None:
    assert shared_gateway.request("POST", "/graphql", [{"query": "{ queues { name } }"}]).status == 400
    assert shared_gateway.request("GET", "/graphql?query=%7Bqueues%7Bname%7D%7D").status == 200
    assert shared_gateway.request("POST", "/api/graphql", {"query": "{ queues { name } }"}).status == 200


def test_introspection_works(ask: Any) -> None:
    found = ask(get_introspection_query())
    assert found.status == 200
    assert {"Query", "Mutation", "Queue", "JobState"} <= {
        kind["name"] for kind in found.json["data"]["__schema"]["types"]
    }


def test_missing_extra_is_501_with_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "strawberry", None)
    for part in ("schema", "limits", "types"):
        monkeypatch.delitem(sys.modules, f"qctl.gateway.graphql_{part}", raising=False)
    answer = graphql_routes.graphql(
        graphql_routes.GraphQLRequest(query="{ queues { name } }"), HTTPException(401), None
    )  # type: ignore[arg-type]
    assert answer.status_code == 501
    assert b"pip install 'qctl[graphql]'" in bytes(answer.body)
