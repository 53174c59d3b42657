"""Test jobs that applications declare: `@job` in a module named in QCTL_JOBS_MODULES."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from qctl import catalog, job
from qctl.broker.redis import keys
from qctl.catalog import declared
from qctl.errors import SettingsError, UsageError
from qctl.service import QueueService
from qctl.settings import Settings
from support.process import Program

MODULE = '''
from redis import Redis
from qctl import job

@job("send-invoice", queue="billing", retries=1, backoff=60, timeout=7, priority=1, isolation="inline")
def send_invoice(number: int, to: str, url: str = "", copies: int = 1) -> str:
    """Send an invoice.

    More about it.
    """
    if url:
        Redis.from_url(url).rpush("sent", f"{number} {to} {copies}")
    return to
'''


@pytest.fixture(autouse=True)
def _nothing_declared(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give each test an empty job table, and remove the modules that it imported."""
    table: dict[str, object] = {}
    monkeypatch.setattr(declared, "_jobs", table)
    monkeypatch.setattr(declared, "JOBS", table)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("invoices"):
            del sys.modules[name]


@pytest.fixture
def module(tmp_path: Path) -> str:
    """The name of a module of jobs in the working folder."""
    (tmp_path / "invoices.py").write_text(MODULE)
    return "invoices"


def test_declared_job_joins_the_catalog(module: str) -> None:
    spec = catalog.jobs([module])["send-invoice"]
    assert spec.handler == "invoices.send_invoice"
    assert (spec.queue, spec.retries, spec.backoff, spec.timeout, spec.priority) == ("billing", 1, 60, 7, 1)
    assert [argument.name for argument in spec.arguments] == ["number", "to", "url", "copies"]
    assert spec.doc == "Send an invoice."
    assert catalog.claim_order(["billing"], catalog.jobs()) == ("billing.high", "billing", "billing.low")
    assert catalog.isolation(["billing"], catalog.jobs()) == "inline"


def test_worker_process_runs_a_declared_job(
    module: str, settings: Settings, connection: Redis, tmp_path: Path, make_settings: Callable[..., Settings]
) -> None:
    """Only QCTL_JOBS_MODULES is set, neither QCTL_ALLOWED_JOBS nor PYTHONPATH."""
    with QueueService(make_settings(QCTL_JOBS_MODULES=module)) as service:
        with pytest.raises(UsageError, match="to is required; number is not a whole number"):
            service.enqueue("send-invoice", {"number": "7"})
        id_ = service.enqueue(
            "send-invoice", {"number": 7, "to": "Ada", "url": settings.redis_url}, trace_id="the-trace", owner="ada"
        )
    assert connection.lrange(keys.queue("billing.high"), 0, -1) == [id_.encode()]
    env = {"QCTL_JOBS_MODULES": module, "REDIS_URL": str(settings.redis_url), "QCTL_HOME": str(tmp_path)}
    program = str(Path(sys.executable).with_name("qctl-worker"))
    with Program("worker", [program, "billing", "--burst"], tmp_path, env=env, says="takes jobs from") as worker:
        assert worker.wait() == 0, worker.output
    assert connection.lrange("sent", 0, -1) == [b"7 Ada 1"]
    assert connection.hget(keys.job(id_), "status") == b"finished", worker.output
    lines = [json.loads(line) for line in worker.output.splitlines() if id_ in line]
    assert [(line["event"], line["jobId"], line["traceId"], line["userId"]) for line in lines] == [
        ("start", id_, "the-trace", "ada"),
        ("finish", id_, "the-trace", "ada"),
    ]


def test_job_decorator_returns_the_function_unchanged() -> None:
    def work(a: int) -> int:
        return a

    work.__qualname__ = "work"
    assert job("x", queue="y")(work) is work
    assert declared.JOBS["x"].isolation is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "a b"}, "name is not letters"),
        ({"queue": "a\nb"}, "queue is not letters"),
        ({"retries": 21}, "retries is not between"),
        ({"backoff": -1}, "backoff is not between"),
        ({"timeout": 0}, "timeout is not between"),
        ({"isolation": "thread"}, "isolation is not inline or fork"),
        ({"priority": 3}, "priority is not 1, 5 or 10"),
    ],
)
def test_invalid_declaration_is_refused(change: dict[str, object], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        job(**{"name": "a", "queue": "b", **change})  # type: ignore[arg-type]


def test_job_must_be_a_top_level_function_of_a_module() -> None:
    def inner() -> None: ...

    with pytest.raises(UsageError, match="cannot import"):
        job("a", queue="b")(inner)
    with pytest.raises(UsageError, match="cannot import"):
        job("a", queue="b")(lambda: None)


def test_two_functions_cannot_share_a_job_name(tmp_path: Path, module: str) -> None:
    (tmp_path / "invoices_too.py").write_text(MODULE)
    with pytest.raises(SettingsError, match=r"twice, by invoices\.send_invoice and by invoices_too\.send_invoice"):
        catalog.jobs([module, "invoices_too"])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError"),
        ("def (", "SyntaxError"),
        ("from qctl import job\n@job('a', queue='b')\ndef f(x: set): ...", "not a JSON type"),
        ("from qctl import job\n@job('notify', queue='b')\ndef f(): ...", "job name 'notify' is reserved"),
    ],
    ids=["missing", "raises", "syntax", "hint", "taken"],
)
def test_broken_jobs_module_is_a_settings_error(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "invoices_bad.py").write_text(text)
    with pytest.raises(SettingsError, match=problem) as caught:
        catalog.jobs(["invoices_bad"])
    assert caught.value.name == "QCTL_JOBS_MODULES"
