"""Workers of qctl beside the RQ of an application: what killed ones left, and who returns it."""

from __future__ import annotations

import json

import pytest

from qctl.broker.redis import keys
from qctl.broker.worker import recovery
from qctl.broker.worker.recovery import Recoverer
from sites.conftest import OURS, SLOW_JOBS, Site

pytestmark = pytest.mark.parametrize("site", OURS, indirect=True)

LEFT = ("left", "left-with-retry", "left-to-cancel", "left-to-delete", "left-to-retry", "left-to-stop")


def test_a_repair_returns_what_workers_had_claimed_and_the_site_goes_on(killed: Site) -> None:
    site = killed
    repaired = json.loads(site.qctl("doctor", "--repair", "--json")[1])["repaired"]
    counts = {name: repaired[name] for name in ("recovered", "abandoned", "unstarted", "ghosts")}
    assert counts == {"recovered": SLOW_JOBS, "abandoned": 0, "unstarted": 1, "ghosts": 2}
    assert site.app("state", *LEFT).replace("JobStatus.", "").lower() == " ".join(["queued"] * SLOW_JOBS)
    assert {id_.decode() for id_ in site.connection.lrange(keys.queue("slow"), 0, -1)} == set(LEFT)
    site.work("parents")
    assert site.app("state", "parent", "child", "grandchild").lower().count("finished") == 3


def test_the_scheduler_returns_them_by_itself(killed: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 0.0)
    assert Recoverer(killed.connection, "scheduler").run() == SLOW_JOBS
    assert killed.connection.llen(keys.queue("slow")) == SLOW_JOBS


def test_acts_reach_the_jobs_of_dead_workers(killed: Site) -> None:
    site = killed
    for words in (["job", "cancel", "left-to-cancel"], ["job", "delete", "left-to-delete"], ["retry", "left-to-retry"]):
        code, said = site.qctl(*words)
        assert code == 0, said
    assert site.qctl("job", "stop", "left-to-stop")[0] == 0
    names = ("left-to-cancel", "left-to-retry", "left-to-stop")
    assert site.app("state", *names).replace("JobStatus.", "").lower() == "canceled queued failed"
    _, audit = site.qctl("audit", "--json")
    assert [(entry["command"], entry["count"]) for entry in json.loads(audit)["acts"]] == [
        ("qctl job cancel", 1),
        ("qctl job delete", 1),
        ("qctl retry", 1),
        ("qctl job stop", 1),
    ]
