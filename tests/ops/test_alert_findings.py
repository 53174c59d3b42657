"""Alert rules that fire by findings: default rules, silence of sources, topics and jobs, new and growing causes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from qctl.broker.redis import ingest_keys, keys
from qctl.errors import RefusedError, SettingsError
from qctl.histogram import bucket
from qctl.models import Alert, Level
from qctl.ops import Ops
from qctl.ops.alert_rules import load_with_defaults
from qctl.ops.alert_watch import AlertWatch
from qctl.settings import Settings
from qctl.view.nagios import describe_problems

Make = Callable[..., Settings]


class Site:
    """A site whose alerts run a program that keeps each notice."""

    def __init__(self, folder: Path, make_settings: Make) -> None:
        self.file = folder / "alerts.toml"
        self._notices_file = folder / "notices"
        self._program = folder / "keep"
        self._program.write_text(f'#!/bin/sh\ncat >> "{self._notices_file}"\necho >> "{self._notices_file}"\n')
        self._program.chmod(0o700)
        self.settings = make_settings()
        self.watch = AlertWatch(self.settings, describe_problems)

    @property
    def channel(self) -> str:
        """The entry of a rule or of [default] that names the program."""
        return f'command = ["{self._program}"]\n'

    def write(self, text: str) -> None:
        """Write the file of rules."""
        self.file.write_text(text)
        self.file.chmod(0o600)

    def notices(self) -> list[dict[str, Any]]:
        """Check the rules, and return all notices so far."""
        self.watch.check()
        text = self._notices_file.read_text() if self._notices_file.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line]

    def alerts(self) -> dict[str, Alert]:
        """The rules with their state, by name."""
        operations = Ops(self.settings)
        try:
            return {alert.rule.name: alert for alert in operations.alerts.list()}
        finally:
            operations.close()


@pytest.fixture
def site(tmp_path: Path, make_settings: Make, connection: Redis) -> Site:
    folder = tmp_path / "alerts"
    folder.mkdir()
    return Site(folder, lambda: make_settings(QCTL_ALERTS=str(folder / "alerts.toml")))


def beat(connection: Redis, *, ago: float = 0.0, state: str = "serving") -> None:
    """Write the heartbeat of a bridge."""
    at = (time.time() - ago) * 1000
    record = {"daemon": "mqtt-bridge", "pipeline": "readings", "host": "pi", "pid": 7, "state": state, "at": at}
    connection.hset(keys.HEARTBEATS, "mqtt-bridge:hall", json.dumps({**record, "since": at}))


def die(connection: Redis, count: int, *, ago: float = 0.0, start: int = 0) -> None:
    """Index dead letters of one cause, as qctl's workers do."""
    cause = {"function": "app.send", "exception": "ConnectionError", "message": "smtp is down", "frame": ""}
    connection.sadd(keys.QUEUES, keys.queue("mail"))
    connection.hset(keys.causes("mail"), "f00d", json.dumps(cause))
    died = {f"d{n}": (time.time() - ago) * 1000 for n in range(start, start + count)}
    connection.zadd(keys.cause("mail", "f00d"), died)


def test_default_rules_are_listed_and_silent_until_a_channel_is_set(site: Site, connection: Redis) -> None:
    beat(connection, ago=60)
    alerts = site.alerts()
    assert list(alerts) == ["silent-sources", "health", "quiet-topics", "new-causes"]
    assert all(alert.rule.is_default and not alert.rule.channels for alert in alerts.values())
    assert alerts["silent-sources"].level == Level.CRITICAL
    assert alerts["new-causes"].level == Level.OK
    assert site.notices() == []
    operations = Ops(site.settings)
    with pytest.raises(RefusedError, match="has no channel"):
        operations.alerts.test("health")
    operations.close()


def test_silent_bridge_is_told_at_once_and_when_it_is_back(site: Site, connection: Redis) -> None:
    site.write(f"[default]\n{site.channel}")
    beat(connection)
    assert site.notices() == []
    beat(connection, ago=60)
    (notice,) = site.notices()
    assert (notice["rule"], notice["level"], notice["check"]) == ("silent-sources", "CRITICAL", "source")
    assert "mqtt-bridge:hall on pi has been silent" in notice["words"]
    assert len(site.notices()) == 1
    beat(connection)
    assert [(each["level"], each["resolved"]) for each in site.notices()] == [("CRITICAL", False), ("OK", True)]


def test_new_cause_is_told_once_with_a_sample(site: Site, connection: Redis) -> None:
    site.write(f"[default]\n{site.channel}")
    die(connection, 3)
    (notice,) = site.notices()
    assert notice["rule"] == "new-causes"
    assert "new cause of 3 dead letters in queue mail: app.send ConnectionError: smtp is down" in notice["words"]
    assert "(sample d2)" in notice["words"]
    assert "qctl dlq list --fingerprint f00d" in notice["words"]
    die(connection, 5, start=3)
    assert len(site.notices()) == 1
    connection.delete(keys.cause("mail", "f00d"))
    assert len(site.notices()) == 1  # its end is no news


def test_growing_cause_is_told(site: Site, connection: Redis) -> None:
    site.write(f"[default]\n{site.channel}")
    die(connection, 5, ago=1000)
    assert site.notices() == []
    die(connection, 19, start=100)
    assert site.notices() == []
    die(connection, 1, start=200)
    (notice,) = site.notices()
    assert "a cause grows: 20 dead letters in 15 min, 5 before" in notice["words"]


def test_silent_topic_is_told_after_the_stated_time(site: Site, connection: Redis) -> None:
    site.write(
        f'[[alert]]\nname = "hall"\ntopics = ["sensors/hall*", "sensors/lab"]\nmax-silence = "1m:1h"\n{site.channel}'
    )
    for topic, ago in (("sensors/hall1", 30), ("sensors/hall2", 120), ("sensors/lab", 7200), ("sensors/roof", 7200)):
        connection.hset(keys.topics("readings"), topic, "5 0 0.1 10")
        connection.zadd(keys.topics_seen("readings"), {topic: (time.time() - ago) * 1000})
    levels = {notice["queue"]: notice["level"] for notice in site.notices()}
    assert levels == {"silence topic sensors/hall2": "WARNING", "silence topic sensors/lab": "CRITICAL"}


def quiet(connection: Redis, topic: str, usual: int, ago: float) -> None:
    """A topic with a longest usual pause, whose last message came so many seconds ago."""
    connection.hset(keys.topics("readings"), topic, "500 0 0.1 10")
    pauses = f"500 {int(time.time()) // 86400} {usual * 1000} 0 0 0 0 0 0"
    connection.hset(ingest_keys.topic_pauses("readings"), topic, pauses)
    connection.zadd(keys.topics_seen("readings"), {topic: (time.time() - ago) * 1000})


def test_topic_that_is_quiet_for_longer_than_usual_is_told(site: Site, ops: Ops, connection: Redis) -> None:
    site.write(f"[default]\n{site.channel}")
    quiet(connection, "sensors/fast", usual=10, ago=200)
    quiet(connection, "sensors/slow", usual=3600, ago=200)
    quiet(connection, "sensors/bursts", usual=1, ago=30)
    quiet(connection, "sensors/gone", usual=10, ago=8 * 86_400)
    (notice,) = site.notices()
    assert (notice["rule"], notice["queue"]) == ("quiet-topics", "silence topic sensors/fast")
    assert "its longest usual pause is 10 s" in notice["words"]
    findings = [finding for finding in ops.health.check().findings if finding.check == "quiet topic"]
    assert [(finding.subject, finding.severity) for finding in findings] == [("topic sensors/fast", "notice")]
    topic = next(topic for topic in ops.ingest.topics("sensors/fast").topics)
    assert topic.usual_pause == 10
    connection.zadd(keys.topics_seen("readings"), {"sensors/fast": time.time() * 1000})
    assert site.notices()[-1]["resolved"]


def test_job_that_runs_later_than_usual_is_told(site: Site, connection: Redis) -> None:
    site.write(f'[[alert]]\nname = "runs"\njobs = ["invoice"]\n{site.channel}')
    connection.sadd(keys.QUEUES, keys.queue("mail"))
    minute = int(time.time()) // 60 - 20
    connection.hset(keys.counts("mail", minute // 60), f"{minute % 60}.finished", 1)
    connection.hset(keys.durations("mail", minute), f"r{bucket(1.0)} invoice", 1)
    assert site.notices() == []
    entry = f"50 {minute // 1440} 60000" + " 0" * 6
    connection.hset(ingest_keys.JOB_PAUSES, mapping={"invoice": entry, "at:invoice": minute})
    (notice,) = site.notices()
    assert notice["queue"] == "silence job invoice"


def test_job_without_a_run_is_told_after_the_stated_time(site: Site, connection: Redis) -> None:
    site.write(f'[[alert]]\nname = "runs"\njobs = ["invoice", "report"]\nmax-silence = "2h"\n{site.channel}')
    connection.sadd(keys.QUEUES, keys.queue("mail"))
    for name, ago in (("invoice", 60), ("report", 180)):
        minute = int(time.time()) // 60 - ago
        connection.hset(keys.counts("mail", minute // 60), f"{minute % 60}.finished", 1)
        connection.hset(keys.durations("mail", minute), f"r{bucket(1.0)} {name}", 1)
    (notice,) = site.notices()
    assert notice["queue"] == "silence job report"
    minute = int(time.time()) // 60
    connection.hset(keys.counts("mail", minute // 60), f"{minute % 60}.failed", 1)
    connection.hset(keys.durations("mail", minute), f"f{bucket(1.0)} report", 1)
    assert site.notices()[-1]["resolved"]


def test_rule_of_the_file_replaces_the_default_of_its_name(site: Site) -> None:
    site.write(f'[default]\n{site.channel}[[alert]]\nname = "health"\nhealth = ["late"]\n{site.channel}')
    rules = {rule.name: rule for rule in load_with_defaults(site.file)}
    assert (rules["health"].health, rules["health"].is_default) == (("late",), False)
    assert rules["silent-sources"].channels
    site.write("[default]\nrules = false\n")
    assert load_with_defaults(site.file) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('jobs = ["x"]\nmax-silence = "3d"', "counted for two days"),
        ('health = ["late"]\nmax-age = "1m"', "both kinds of conditions"),
        ('health = ["late"]\nseverity = "awful"', "'awful' is not one of"),
    ],
)
def test_invalid_rules_are_named(text: str, problem: str, site: Site) -> None:
    site.write(f'[[alert]]\nname = "a"\n{text}\n{site.channel}')
    with pytest.raises(SettingsError, match=problem):
        load_with_defaults(site.file)


def test_invalid_default_table_is_named(site: Site) -> None:
    site.write('[default]\nfor = "1m"\n')
    with pytest.raises(SettingsError, match="other than email, webhook, command and rules"):
        load_with_defaults(site.file)
