"""`python -m demo` as `make demo` starts it: soon every command and screen has something true to show."""

from __future__ import annotations

import signal
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from qctl.catalog import JOBS, REPLACEABLE_JOBS
from qctl.models import Level
from qctl.ops import Ops
from qctl.settings import Settings
from support.process import Program, free_port
from support.up import gone
from support.waiting import PATIENCE_SECONDS, eventually

ROOT = Path(__file__).parents[2]

FILLS_WITHIN = 90.0
"""Seconds, where other tests run beside it. Alone it takes some 25."""

OWN = {"send-invoice", "charge-card", "draw-catalogue"}
"""The shop's jobs that end by themselves."""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Program]:
    env = {
        "PYTHONPATH": str(ROOT),
        "QCTL_HOME": str(tmp_path / "home"),
        "MQTT_PORT": str(free_port()),
        "PORT": str(free_port()),
        "QCTL_GATEWAY_PORT": str(free_port()),
        # Another's servers, to which nothing may go.
        "REDIS_URL": "redis://192.0.2.1:6379",
        "SMTP_HOST": "192.0.2.1",
    }
    program = Program("demo", [sys.executable, "-m", "demo"], tmp_path, env)
    program.start()
    family: list[psutil.Process] = []
    try:
        yield program
        family = psutil.Process(program.pid).children(recursive=True) if program.running else []
    finally:
        program.end()  # what it started is tied to it
    assert gone(family, 60)


def shown(ops: Ops, home: Path) -> dict[str, bool]:
    """Expected contents of the site, with whether each can be seen now."""
    stats = ops.stats.read().queues
    names = {job.name for job in ops.stats.names().jobs}
    states = {row.state for row in ops.jobs.list(limit=5000).rows}
    causes = ops.dead_letters.groups().causes
    kinds = {timer.kind for timer in ops.schedules.list().rows}
    alerts = ops.alerts.list()
    workers = ops.workers.list()
    return {
        "jobs of every kind": names
        >= {name for name in JOBS if not name.startswith("ingest-")} - REPLACEABLE_JOBS | OWN,
        "jobs in every state": states >= {"queued", "started", "scheduled", "finished", "failed", "quarantined"},
        "lanes that wait": any(each.name == "email.low" and each.waiting for each in stats),
        "two pauses with their reasons": len({each.paused.reason for each in stats if each.paused}) >= 2,
        "ten causes": len(causes) >= 10,
        "rejects of devices": any(cause.function.endswith("ingest_reading") for cause in causes),
        "rejects of clients": any(cause.function.endswith("ingest_message") for cause in causes),
        "rejects of the database": any(cause.function.endswith("write_messages") for cause in causes),
        "schedules of every kind": kinds >= {"cron", "every", "retry", "once"},
        "a schedule on hold": any(timer.paused_by for timer in ops.schedules.list().rows),
        "an alert that fires": any(alert.level >= Level.WARNING and alert.firing for alert in alerts),
        "an alert that is muted": any(alert.mute for alert in alerts),
        "trash": bool(ops.trash.list()),
        "an audit": bool(ops.audit.list()),
        "jobs refused by a limit": ops.metrics.read().refused > 0,
        "workers of all queues": len(workers) >= 5,
        "history": any(step.counts for step in ops.queues.history("email", seconds=3600, span="hour")),
        "readings and messages": _rows(home, "readings") > 0 and _rows(home, "messages") > 0,
        "mails": any((home / "outbox").glob("*.eml")),
    }


def _rows(home: Path, table: str) -> int:
    database = sqlite3.connect(home / "qctl.db")
    try:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a name of our own
    except sqlite3.OperationalError:  # the table is not there yet
        return 0
    finally:
        database.close()


def test_everything_has_something_to_show_and_ctrl_c_ends_it(demo: Program, tmp_path: Path) -> None:
    home = tmp_path / "home"
    eventually(lambda: "qctl is up" in demo.output or not demo.running, what="qctl up")
    assert demo.running, demo.output[-3000:]
    ops = Ops(Settings.load(environ={"QCTL_HOME": str(home)}))
    # Seen once is enough: a pause ends, and a retry comes to its time.
    waited_for: set[str] = set(shown(ops, home))

    def all_seen() -> bool:
        waited_for.difference_update(what for what, is_there in shown(ops, home).items() if is_there)
        return not waited_for

    try:
        eventually(all_seen, FILLS_WITHIN, every=0.5)
    except AssertionError:
        pytest.fail(f"nothing to show of {sorted(waited_for)}\n{demo.output[-3000:]}")
    finally:
        ops.close()
    family = psutil.Process(demo.pid).children(recursive=True)
    demo.send(signal.SIGINT)
    demo.send(signal.SIGINT)  # a catalogue is being drawn: do not wait for it
    assert demo.wait(PATIENCE_SECONDS) == 0
    assert gone(family)
    assert "Traceback" not in demo.output
