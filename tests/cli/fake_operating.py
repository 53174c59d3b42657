"""Answers of the fake `Ops` about users, workers, schedules, events and the audit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from cli.fake_jobs import NOW
from qctl.models import (
    Account,
    AccountChange,
    Accounts,
    AuditEntry,
    Coming,
    Concern,
    EditableSchedule,
    Event,
    Invitation,
    Pool,
    PoolSize,
    Quiet,
    QuietResult,
    StopResult,
    Timer,
    Timers,
    WorkerInfo,
)

WORKER = WorkerInfo(
    "w1",
    ["email", "report"],
    "busy",
    "host",
    42,
    "job-9",
    NOW,
    True,
    claimant="w1",
    started_at=NOW - timedelta(hours=2),
    job_function="app.send",
    job_since=NOW - timedelta(seconds=5),
    memory=48_000_000,
    finished=12,
    failed=1,
    worked=60.0,
    quiet=Quiet("ops@host", NOW),
)

TIMER = Timer(
    "cron",
    "nightly",
    "stock-check",
    "inventory",
    next_at=NOW + timedelta(hours=3),
    last_at=NOW - timedelta(hours=21),
    last_job="cron-nightly-1",
    last_status="finished",
    cron="0 3 * * 1-5",
    timezone="Europe/Berlin",
    runs=7,
    catch_up="one",
    source="operator",
    payload="{}",
    concerns=(Concern("missed", count=2),),
)


def stopped(names: Any, now: bool = False, timeout: float = 0.0, waiting: Any = None) -> list[StopResult]:
    """Report every worker as gone."""
    if waiting:
        waiting(len(names), len(names))
    return [StopResult(replace(WORKER, name=name), True, now, 0.1) for name in names]


POOL = Pool(
    *("email", "box", 41, ("email",), PoolSize(1, 1), PoolSize(1, 4), 2, 2, NOW, NOW, NOW, PoolSize(1, 4), "ada", NOW),
    *(1, "load 0.40", 34.0),
)

ADA = Account("ada@example.com", "6920b670c1afd03b72e31e73", "ada", "admin", NOW, NOW)

ANSWERS: dict[str, Any] = {
    "users__list": Accounts([ADA], 1),
    "users__create": lambda *_, **__: AccountChange(ADA, password="made-up"),
    "users__invite": lambda: Invitation(
        "invitation-token", "https://gateway.example/signup?invitation=invitation-token"
    ),
    "users__businesses": lambda _email, businesses: AccountChange(replace(ADA, businesses=tuple(businesses))),
    **{
        f"users__{verb}": lambda *_: AccountChange(ADA)
        for verb in ("promote", "demote", "remove", "password", "log_out")
    },
    "workers__list": lambda _queue=None: [WORKER],
    "workers__select": lambda patterns: [replace(WORKER, name=name) for name in ("w1", "w2")] if patterns else [],
    "workers__show": lambda name: replace(WORKER, name=name),
    "workers__quiet": lambda name, **_: QuietResult(replace(WORKER, name=name), True, True),
    "workers__resume": lambda name: QuietResult(replace(WORKER, name=name, quiet=None), False, True),
    "workers__stop": stopped,
    "pools__list": [POOL],
    "pools__scale": [POOL],
    "schedules__list": Timers([TIMER], 3),
    "schedules__next": [Coming(NOW + timedelta(hours=3), TIMER)],
    "schedules__add": lambda name, job, _pairs, _data, **_: replace(TIMER, name=name, job=job),
    "schedules__edit": lambda name, _pairs, _data, **_: replace(TIMER, name=name),
    "schedules__editable": lambda name: EditableSchedule(replace(TIMER, name=name), {"businessId": 7}),
    "schedules__preview": [NOW + timedelta(hours=3)],
    "schedules__remove": lambda name: replace(TIMER, name=name, next_at=None),
    "schedules__pause": lambda name: (replace(TIMER, name=name, next_at=None, paused_by="ops@host"), True),
    "schedules__resume": lambda name: (replace(TIMER, name=name), True),
    "schedules__skip": lambda name: (replace(TIMER, name=name), True),
    "schedules__blackout": lambda name, windows, _zone: (replace(TIMER, name=name, blackout=f"UTC {windows}"), True),
    "schedules__backfill_times": [NOW],
    "schedules__backfill": ["job-8"],
    "schedules__run": lambda name: (replace(TIMER, name=name), "job-7"),
    "events__list": [Event("1795000000000-0", "finished", {"queue": "email", "job": "job-1", "ms": "12"})],
    "events__last_id": "1795000000000-0",
    "events__follow": [[Event("1795000000001-0", "dead", {"queue": "email", "job": "job-2", "reason": "boom"})], []],
    "audit__note": None,
    "audit__list": [AuditEntry(NOW, "ops@host", "qctl clear", "qctl clear email", "refused", "not confirmed", 0.4)],
}
