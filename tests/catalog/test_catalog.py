"""Test the catalog: names, lanes, isolation, and consistency between its tables."""

from __future__ import annotations

import json

import pytest

from qctl import catalog
from qctl.catalog import arguments, declared
from qctl.catalog.specs import JobSpec
from qctl.errors import SettingsError, UsageError

COMPATIBLE_JOBS = """welcome-email password-reset low-stock-alert report-ready sync-external bulk-update stock-check
generate-report cleanup-reports process-inventory-import process-inventory-export cleanup-exports process-message
notify""".split()  # noqa: SIM905 - a list of words reads better as words


def with_other_job(name: str = "other", queue: str = "mine", **fields: object) -> dict[str, JobSpec]:
    """The jobs of the catalog and one more."""
    spec = JobSpec(name, "app.other", queue, **fields)  # type: ignore[arg-type]
    return {**catalog.JOBS, name: spec}


def test_every_job_of_the_original_systems_is_in_the_catalog() -> None:
    assert set(COMPATIBLE_JOBS) <= catalog.JOBS.keys()
    assert {"email", "inventory", "report", "file", "message", "notification"} <= catalog.QUEUES.keys()
    assert catalog.JOBS["low-stock-alert"].priority == 1
    assert {name for name, spec in catalog.JOBS.items() if spec.priority == 10} == {
        "cleanup-reports",
        "cleanup-exports",
        "cleanup-images",
    }


def test_every_job_has_a_known_queue_and_its_own_handler() -> None:
    assert len(catalog.HANDLERS) == len(catalog.JOBS)
    for spec in catalog.JOBS.values():
        assert spec.queue in catalog.QUEUES or spec.name in catalog.REPLACEABLE_JOBS
        assert spec.handler.startswith("qctl.jobs.")
        assert declared.NAME.fullmatch(spec.name)
        json.dumps([argument.name for argument in spec.arguments])


def test_batch_jobs_are_the_batch_jobs_of_pipelines() -> None:
    batches = {spec.name for spec in catalog.JOBS.values() if spec.batch}
    assert batches == {spec.batch_job for spec in catalog.PIPELINES.values()}
    assert {spec.raw_job for spec in catalog.PIPELINES.values()} <= catalog.JOBS.keys()


def test_every_queue_has_a_worker() -> None:
    served = [
        queue for spec in catalog.DAEMONS.values() if spec.command[0] == "qctl-worker" for queue in spec.command[1:]
    ]
    assert sorted(served) == sorted(catalog.QUEUES)


def test_priority_selects_the_lane() -> None:
    assert [catalog.lane("email", priority) for priority in (1, 3, 4, 7, 8, 10)] == [
        *("email.high", "email.high"),
        *("email", "email"),
        *("email.low", "email.low"),
    ]
    assert {catalog.base_queue(name) for name in catalog.lanes("email")} == {"email"}
    for bad in (0, 11, True, -5):
        with pytest.raises(UsageError, match=r"not between 1 .high. and 10"):
            catalog.lane("email", bad)


def test_high_lanes_of_all_queues_come_first() -> None:
    assert catalog.claim_order(["email", "report"]) == (
        "email.high",
        "report.high",
        "email",
        "report",
        "email.low",
        "report.low",
    )
    assert catalog.claim_order(["default", "email.high"]) == ("default", "email.high")
    assert catalog.claim_order(["mine"], with_other_job()) == ("mine.high", "mine", "mine.low")


def test_worker_forks_if_any_of_its_jobs_needs_it() -> None:
    assert catalog.isolation(["email", "message"]) == "inline"
    assert catalog.isolation(["email.high"]) == "inline"
    assert catalog.isolation(["email", "report"]) == "fork"
    assert catalog.isolation(["unknown"]) == "fork"
    assert catalog.isolation(["mine"], with_other_job()) == "fork"
    assert catalog.isolation(["mine"], with_other_job(isolation="inline")) == "inline"
    assert catalog.isolation(["email"], with_other_job(queue="email")) == "inline"
    assert catalog.isolation(["email"], with_other_job(queue="email", isolation="fork")) == "fork"


def test_job_names_of_qctl_are_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declared, "JOBS", {"notify": JobSpec("notify", "app.notify", "mine")})
    with pytest.raises(SettingsError, match=r"app\.notify: the job name 'notify' is reserved"):
        catalog.jobs()


def test_arguments_of_the_original_systems_are_accepted() -> None:
    values = {"businessId": 123, "externalSystem": "supplier-api", "syncType": "full"}
    arguments.check("sync-external", catalog.JOBS["sync-external"].arguments, values)
    values = {
        "businessId": 123,
        "reportType": "sales-analysis",
        "filters": {"startDate": "2024-01-01", "endDate": "2024-01-31"},
        "userEmail": "manager@business.com",
    }
    arguments.check("generate-report", catalog.JOBS["generate-report"].arguments, values)
