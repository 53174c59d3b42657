"""Jobs over HTTP: the whole catalog is requested by a stranger, a user and an admin, and users act for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from qctl import catalog
from qctl.broker.query import job_detail
from qctl.catalog.arguments import Argument
from qctl.catalog.specs import Access
from qctl.errors import UsageError
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.store.users import open_user_store
from support.gateway import PASSWORD, Gateway

EXPECTED: dict[str, Access | None] = {
    "simulate": None,  # as a declared job: for users only if QCTL_GATEWAY_JOBS names it
    "process-message": "user",
    "notify": "user",
    "set-notification-preference": "user",
    **dict.fromkeys(
        (
            *(
                "welcome-email",
                "password-reset",
                "low-stock-alert",
                "report-ready",
                "alert-email",
                "notification-email",
            ),
            *("generate-report", "cleanup-reports"),
            *(
                "cleanup-reports",
                "process-inventory-import",
                "process-inventory-export",
                "cleanup-exports",
                "cleanup-images",
            ),
        ),
        "operator",
    ),
    **dict.fromkeys(("sync-external", "bulk-update", "stock-check"), "member"),
    **dict.fromkeys(("write-readings", "ingest-reading", "write-messages", "ingest-message"), "internal"),
}
"""Roles that may request each job of the catalog: decided here, apart from the catalog."""

FREE = {("process-message", "receiverId"), ("notify", "receiverId")}
"""Arguments of jobs for users that name another person on purpose: the receiver."""

NO_LIMITS = {"QCTL_OWNER_PER_MINUTE": "0", "QCTL_OWNER_ACTIVE": "0", "QCTL_JOBS_MODULES": "support.declared"}

ADMIN = "admin@example.com"


def sample(argument: Argument) -> Any:
    """A valid value for an argument of a job."""
    if argument.choices:
        return argument.choices[0]
    values = {"text": "x", "whole": 1, "number": 1, "flag": True, "object": {}, "list": [], "id": "x", "any": 1}
    return values[argument.kind]


@pytest.fixture
def admin(make_gateway: Callable[..., Gateway], ops: Ops) -> tuple[Gateway, str]:
    """A gateway without limits of jobs, and the token of an admin."""
    gateway = make_gateway(**NO_LIMITS)
    ops.users.create(ADMIN, "admin", PASSWORD, role="admin")
    return gateway, gateway.request("POST", "/login", {"email": ADMIN, "password": PASSWORD}).json["jwt"]


def test_every_job_has_an_answer_for_stranger_user_and_admin(admin: tuple[Gateway, str]) -> None:
    gateway, admin_token = admin
    assert catalog.JOBS.keys() == EXPECTED.keys(), "say in EXPECTED who may request a new job"
    assert {name: spec.access for name, spec in catalog.JOBS.items()} == EXPECTED
    user_token = gateway.user()
    allowed = {"user": {"user"}, "admin": {"user", "member", "operator", None}}
    for name, spec in catalog.JOBS.items():
        data = {a.name: sample(a) for a in spec.arguments if a.required and a.caller in (None, "business")}
        body = {"name": name, "data": data}
        assert gateway.request("POST", "/job/create", body).status == 401, name
        for role, token in (("user", user_token), ("admin", admin_token)):
            answer = gateway.request("POST", "/job/create", body, token)
            refused = 404 if spec.batch else 403
            expected = 201 if EXPECTED[name] in allowed[role] else refused
            assert answer.status == expected, (name, role, answer.json)


def test_what_names_a_person_is_the_caller_or_free_on_purpose() -> None:
    people = {"senderId", "receiverId", "userId", "userEmail", "businessId"}
    for name, access in EXPECTED.items():
        for argument in catalog.JOBS[name].arguments if access == "user" else ():
            if argument.name in people and (name, argument.name) not in FREE:
                assert argument.caller is not None, (name, argument.name)


@pytest.mark.parametrize(
    ("job", "data"),
    [
        ("process-message", {"senderId": "victim", "receiverId": "ada", "text": "x"}),
        ("process-message", {"receiverId": "ada", "image": "imports/of-another.csv"}),
        ("process-message", {"receiverId": "ada", "file": {"id": "of-another", "name": "x", "size": 1}}),
        ("notify", {"receiverId": "ada", "text": "x", "data": {"senderId": "victim"}}),
        ("set-notification-preference", {"receiverId": "victim", "by": "app"}),
        ("set-notification-preference", {"by": "email", "target": "victim@example.com"}),
        ("password-reset", {"userEmail": "victim@example.com", "resetUrl": "https://evil.example"}),
        ("bulk-update", {"businessId": "victim", "items": [{"sku": "lamp", "quantity": 0}]}),
        ("cleanup-exports", {"olderThan": 0}),
        ("ingest-message", {"event_json": "{}", "received_ns": 1}),
    ],
)
def test_a_user_acts_for_nobody_else(
    make_gateway: Callable[..., Gateway], connection: Redis, job: str, data: dict[str, Any]
) -> None:
    gateway = make_gateway(**NO_LIMITS, QCTL_GATEWAY_JOBS="*,password-reset,bulk-update,cleanup-*,ingest-message")
    answer = gateway.request("POST", "/job/create", {"name": job, "data": data}, gateway.user())
    assert answer.status == 403, answer.json
    assert connection.keys("rq:job:*") == []


def test_the_caller_is_filled_in(make_gateway: Callable[..., Gateway], connection: Redis) -> None:
    gateway = make_gateway(**NO_LIMITS)
    token = gateway.user("ada@example.com")
    own = gateway.request("POST", "/job/create", {"name": "notify", "data": {"receiverId": "b", "text": "x"}}, token)
    user = own.json["job"]["ownerId"]

    def arguments(name: str, **data: Any) -> Any:
        answer = gateway.request("POST", "/job/create", {"name": name, "data": data}, token)
        assert answer.status == 201, answer.json
        detail = job_detail.read(
            connection, answer.json["job"]["_id"], ["message", "message.high", "notification.high"]
        )
        assert detail is not None
        return detail.payload.arguments if hasattr(detail.payload, "arguments") else str(detail)

    assert user in str(arguments("process-message", receiverId="b", text="x"))
    assert user in str(arguments("notify", receiverId="b", text="x"))
    assert user in str(arguments("set-notification-preference", by="email", target="ADA@example.com"))


def test_a_declared_job_is_for_users_only_if_it_says_so_or_is_named(make_gateway: Callable[..., Gateway]) -> None:
    closed, named = make_gateway(**NO_LIMITS), make_gateway("named", **NO_LIMITS, QCTL_GATEWAY_JOBS="simul*")
    body = {"name": "simulate", "data": {"name": "x"}}
    assert closed.request("POST", "/job/create", body, closed.user()).status == 403
    assert named.request("POST", "/job/create", body, named.user()).status == 201


def test_a_member_requests_jobs_of_own_businesses_and_of_no_other(
    make_gateway: Callable[..., Gateway], ops: Ops
) -> None:
    gateway = make_gateway(**NO_LIMITS)
    token = gateway.user("ada@example.com")
    stranger = gateway.user("bob@example.com")

    def status(job: str, token: str = token, **data: Any) -> int:
        return gateway.request("POST", "/job/create", {"name": job, "data": data}, token).status

    items = [{"sku": "lamp", "quantity": 1}]
    assert status("bulk-update", businessId="17", items=items) == 403
    ops.users.businesses("ada@example.com", ["17", "18"])
    assert status("bulk-update", businessId="17", items=items) == 201
    assert status("bulk-update", businessId=18, items=items) == 201
    assert status("sync-external", businessId="17", externalSystem="x") == 201
    assert status("stock-check", businessId="17") == 201
    assert status("stock-check") == 403, "it would check every business"
    for other in ("19", "1", "17 ", ["17"], {"17": 1}, None, True):
        assert status("bulk-update", businessId=other, items=items) in (400, 403), other
    assert status("bulk-update", stranger, businessId="17", items=items) == 403
    ops.users.businesses("ada@example.com", [])
    assert status("bulk-update", businessId="17", items=items) == 403, "membership ends at once"


def test_a_removed_user_leaves_no_membership(ops: Ops, settings: Settings) -> None:
    ops.users.create("ada@example.com", "ada", PASSWORD)
    change = ops.users.businesses("ada@example.com", ["17"])
    users = open_user_store(settings)
    assert users.businesses(change.account.id) == {"17"}
    ops.users.remove("ada@example.com")
    assert users.businesses(change.account.id) == frozenset()
    for invalid in ("", "a b", "x" * 101, "\x1b"):
        with pytest.raises(UsageError):
            ops.users.businesses("ada@example.com", [invalid])
