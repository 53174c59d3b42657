"""qctl on a site of stock workers, of each RQ: what it says is true, and the site's RQ can use what it repaired."""

from __future__ import annotations

import json

import pytest

from qctl.broker.maintenance.leftover_repair import LeftoverRepair
from qctl.broker.redis import keys
from sites.conftest import SLOW_JOBS, STOCK, Site

pytestmark = pytest.mark.parametrize("site", STOCK, indirect=True)


def test_every_command_says_what_is_true(killed: Site) -> None:
    site = killed
    _, stats = site.qctl("stats", "--json")
    rows = {row["name"]: row for row in json.loads(stats)["queues"]}
    assert (rows["slow"]["running"], rows["slow"]["abandoned"], rows["slow"]["deferred"]) == (0, SLOW_JOBS, 2)
    assert (rows["work"]["dead"], rows["work"]["finished"], rows["work"]["ghosts"]) == (1, 1, 2)
    code, health = site.qctl("health")
    assert (code, f"{SLOW_JOBS} jobs of slow" in health, "1 job of parents (parent)" in health) == (1, True, True)
    assert "2 entries of work without a job" in site.qctl("doctor")[1]
    _, shown = site.qctl("job", "show", "left")
    assert "nothing runs it" in shown
    assert "siteapp.nap" in shown
    assert "before" in shown
    assert "after-failure (deferred)" in shown
    assert "siteapp.nap" in site.qctl("job", "list", "--queue", "slow")[1]
    assert "└─ grandchild  deferred" in site.qctl("flow", "show", "parent")[1]
    assert "siteapp.fail" in site.qctl("dlq", "list")[1]
    for words in (["retry", "parent"], ["job", "cancel", "parent", "--yes"]):
        assert "qctl doctor --repair" in site.qctl(*words)[1]


def test_each_command_reaches_the_jobs_of_dead_workers(killed: Site) -> None:
    site = killed
    assert site.qctl("job", "cancel", "left-to-cancel", "--yes")[0] == 0
    assert site.qctl("job", "delete", "left-to-delete", "--yes")[0] == 0
    assert site.qctl("retry", "left-to-retry")[0] == 0
    code, stopped = site.qctl("job", "stop", "left-to-stop")
    assert (code, "its worker was gone" in stopped) == (0, True)
    names = ("left-to-cancel", "left-to-retry", "left-to-stop")
    assert site.app("state", *names).replace("JobStatus.", "").lower() == "canceled queued failed"
    assert site.qctl("queue", "drain", "work", "--timeout", "5s")[0] == 0
    assert site.qctl("queue", "delete", "work", "--confirm", "work")[0] == 0


def test_a_repair_is_what_the_sites_own_rq_can_go_on_with(killed: Site) -> None:
    site = killed
    repaired = json.loads(site.qctl("doctor", "--repair", "--json")[1])["repaired"]
    counts = {name: repaired[name] for name in ("abandoned", "dead", "unstarted", "ghosts")}
    assert counts == {"abandoned": SLOW_JOBS, "dead": 5, "unstarted": 1, "ghosts": 2}
    assert [site.status(id_) for id_ in ("left", "left-with-retry", "after-failure", "waits", "parent")] == [
        *("failed", "queued", "queued", "deferred", "queued"),
    ]
    _, doctor = site.qctl("doctor")
    assert "waits of slow: left is a dead letter" in doctor
    assert "leftovers" not in [line.split()[0] for line in doctor.splitlines() if "degraded" in line]
    assert "AbandonedJobError" in site.qctl("dlq", "show", "left")[1]
    site.work("parents", "work")
    assert site.app("state", "parent", "child", "grandchild").lower().count("finished") == 3
    site.connection.delete(keys.queue("slow"))
    site.app("requeue", "left-to-retry")
    assert site.status("left-to-retry") == "queued"
    assert site.connection.lrange(keys.queue("slow"), 0, -1) == [b"left-to-retry"]


def test_the_scheduler_alone_repairs_a_site(killed: Site) -> None:
    queues = [keys.queue_name(key) for key in killed.connection.smembers(keys.QUEUES)]
    LeftoverRepair(killed.connection, "scheduler").run(queues)
    assert killed.status("left") == "failed"
    assert killed.status("after-failure") == "queued"
    assert killed.connection.zcard(keys.started("slow")) == 0
    assert killed.connection.zcard(keys.deferred("work")) == 0


def test_dependents_are_named_and_released(killed: Site) -> None:
    site = killed
    site.qctl("doctor", "--repair")
    _, canceled = site.qctl("job", "cancel", "parent", "--yes")
    assert "1 other job waits for them" in canceled
    assert "child of parents: parent is canceled" in site.qctl("doctor")[1]
    assert "qctl job release" in site.qctl("retry", "child")[1]
    assert site.qctl("job", "release", "child")[0] == 0
    site.work("parents")
    assert site.app("state", "child", "grandchild").lower().count("finished") == 2
