"""`qctl job enqueue --function` and `qctl job types`: plain RQ jobs, and the jobs that have a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cli.conftest import Ran
from cli.fake import FakeOps
from qctl.models import EnqueuedFunction, JobType

Qctl = Callable[..., Ran]


def enqueued(**more: Any) -> EnqueuedFunction:
    return EnqueuedFunction(**{"id": "job-9", "queue": "mail", "pickled": False, "workers": 1, **more})


def test_function_and_its_arguments_reach_the_queue(qctl: Qctl) -> None:
    calls: list[Any] = []
    ops = FakeOps(jobs__enqueue_function=lambda *args, **kwargs: calls.append((args, kwargs)) or enqueued())
    words = ("--function", "tasks.add", "--args", "[1, 2]", "--kwargs", '{"n": 3}', "--queue", "mail")
    ran = qctl("job", "enqueue", *words, "--json", ops=ops)
    assert (ran.code, ran.json["id"], ran.json["name"]) == (0, "job-9", "tasks.add")
    assert calls == [(("tasks.add", [1, 2], {"n": 3}), {"queue": "mail", "at": None})]


def test_delay_of_a_function_is_a_time(qctl: Qctl) -> None:
    calls: list[Any] = []
    ops = FakeOps(jobs__enqueue_function=lambda *_, **kwargs: calls.append(kwargs["at"]) or enqueued())
    assert qctl("job", "enqueue", "--function", "tasks.add", "--delay", "10m", ops=ops).code == 0
    assert calls[0].tzinfo is not None


def test_queue_without_a_worker_is_said(qctl: Qctl) -> None:
    ops = FakeOps(jobs__enqueue_function=enqueued(workers=0))
    ran = qctl("job", "enqueue", "--function", "tasks.add", ops=ops)
    assert (ran.code, ran.out.splitlines()[0]) == (0, "job-9")
    assert "no worker listens to 'default'" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "a NAME or --function is missing"),
        (("welcome-email", "--function", "tasks.add"), "--function takes"),
        (("--function", "tasks.add", "--unique", "x"), "--function takes"),
        (("welcome-email", "--args", "[]"), "need --function"),
        (("--function", "tasks.add", "--args", "{}"), "--args is not a JSON array"),
        (("--function", "tasks.add", "--kwargs", "[]"), "--kwargs is not a JSON object"),
        (("--function", "tasks.add", "--args", "[1,"), "--args is not JSON"),
        (("--function", "tasks.add", "--delay", "1m", "--at", "2027-01-01T00:00:00Z"), "cannot be combined"),
    ],
)
def test_contradictions_are_refused(words: tuple[str, ...], said: str, qctl: Qctl) -> None:
    ran = qctl("job", "enqueue", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_types_are_those_that_a_worker_takes(qctl: Qctl) -> None:
    types = [JobType("a", "email", ("n: a whole number",), "", 2), JobType("b", "report", (), "", 0)]
    ops = FakeOps(jobs__types=types)
    assert [row["name"] for row in qctl("job", "types", "--json", ops=ops).json["types"]] == ["a"]
    assert qctl("job", "types", "--all", "-o", "name", ops=ops).out == "a\nb\n"


def test_no_type_names_the_way_to_a_plain_job(qctl: Qctl) -> None:
    ran = qctl("job", "types", "-o", "table", ops=FakeOps(jobs__types=[]))
    assert "qctl job enqueue --function PATH" in ran.err
