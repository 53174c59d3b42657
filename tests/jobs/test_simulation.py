"""The simulated job: it takes its time, fails when its name asks for that, and gives way to an application's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qctl import catalog
from qctl.catalog import declared
from qctl.jobs import simulation
from qctl.jobs.simulation import SimulatedFailureError
from qctl.settings import Settings

Make = Callable[..., Settings]


def simulate(monkeypatch: pytest.MonkeyPatch, settings: Settings, name: str) -> list[float]:
    """Run the job by a clock of its own. Returns its pauses."""
    clock, pauses = [0.0], []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr(simulation, "settings", lambda: settings)
    monkeypatch.setattr(simulation.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(simulation.time, "sleep", sleep)
    assert simulation.simulate(name) == {"name": name, "seconds": settings.simulated_seconds}
    return pauses


def test_a_job_takes_its_time(monkeypatch: pytest.MonkeyPatch, make_settings: Make) -> None:
    assert sum(simulate(monkeypatch, make_settings(), "My Job")) == pytest.approx(10)
    assert simulate(monkeypatch, make_settings(QCTL_SIMULATED_SECONDS="0"), "My Job") == []


def test_a_job_fails_if_its_name_says_so(monkeypatch: pytest.MonkeyPatch, make_settings: Make) -> None:
    with pytest.raises(SimulatedFailureError, match="Will FAIL"):
        simulate(monkeypatch, make_settings(), "Will FAIL")


def test_an_application_may_declare_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = catalog.JobSpec("simulate", "shop.tasks.simulate", "shop")
    monkeypatch.setattr(declared, "JOBS", {"simulate": own})
    assert catalog.jobs()["simulate"] is own
    assert catalog.declared_queues(catalog.jobs(), "simulate") == ["shop"]


def test_queues_of_declared_jobs_are_those_that_no_other_worker_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = [catalog.JobSpec(name, f"app.{name}", queue) for name, queue in (("a", "billing"), ("b", "email.low"))]
    monkeypatch.setattr(declared, "JOBS", {spec.name: spec for spec in specs})
    assert catalog.declared_queues(catalog.jobs(), None) == ["billing"]
    assert set(catalog.declared_queues(catalog.jobs(), "simulate")) == {"billing", "simulation"}
    assert catalog.declared_queues(catalog.jobs(), "notify") == ["billing"]
