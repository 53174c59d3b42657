"""Fake of `Ops`: gives prepared answers and records calls."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from inspect import signature
from typing import Any

from cli import fake_ingest, fake_jobs, fake_operating, fake_watching
from qctl.errors import QctlError
from qctl.models import (
    Backup,
    ClearResult,
    DeadLetter,
    DeadLetterDetail,
    DeadLetters,
    Finding,
    Health,
    Pause,
    PauseResult,
    Ping,
    QueueStats,
    Repair,
    RestoredBackup,
    RestoreResult,
    ResumeResult,
    RunningJob,
    Stats,
    Totals,
    TrashBatch,
    TrashChoice,
)
from qctl.ops import Ops
from qctl.ops.base import P, redirect

NOW = fake_jobs.NOW


def stats_of(*queues: QueueStats) -> Stats:
    """Create a snapshot of these queues."""
    return Stats(NOW, list(queues), Totals.of(queues))


def pause_of(queue: str, **more: Any) -> PauseResult:
    """Create the result of pausing a queue."""
    held = Pause(queue, "ops@host", NOW, "deploy", NOW + timedelta(minutes=30))
    return PauseResult(**{"pause": held, "changed": True, "running": [], "waited": 0.0, **more})


LETTER = DeadLetter("job-1", "email", "dead", "app.send", "ValueError: no such host", NOW, 4, "f00d")


class FakeOps(Ops):
    """Every operation, with an answer that `answers` may replace by name: a value, an error, or a function.

    The parts are those of `Ops`: an operation that they lack cannot be faked, and arguments that they would not take
    are refused.
    """

    def __init__(self, **answers: Any) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.noted: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        """Entries of the audit, which the command line writes around every command."""
        self._answers: dict[str, Any] = {**ANSWERS, **answers}

    def _part(self, kind: type[P]) -> P:
        def call(verb: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            signature(getattr(kind, verb)).bind(None, *args, **kwargs)
            return self._operate(f"{kind.name}__{verb}", args, kwargs)

        return redirect(kind, call)

    def _operate(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name == "audit__recording":
            return nullcontext()
        progress = kwargs.pop("progress", None)
        (self.noted if name == "audit__note" else self.calls).append((name, args, kwargs))
        if progress:
            progress(1, 2)
        answer = self._answers[name]
        if isinstance(answer, (QctlError, KeyboardInterrupt)):
            raise answer
        return answer(*args, **kwargs) if callable(answer) else answer

    def calls_of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The arguments of each call of one operation."""
        return [(args, kwargs) for called, args, kwargs in self.calls if called == name]


BATCH = TrashBatch("20261122-044512-x7f2", "email", "clear", "ops@host", NOW, NOW + timedelta(days=1), 4)


def restored(batch: str | TrashChoice | None = None, **_: Any) -> RestoreResult:
    """Report four restored jobs of a batch."""
    return RestoreResult(batch.batches[0].id if isinstance(batch, TrashChoice) else str(batch), "email", 4)


ANSWERS: dict[str, Any] = {
    "stats__read": stats_of(
        QueueStats(
            "email", waiting=4, dead=2, finished=12, oldest_age=300.0, workers=1, paused=pause_of("email").pause
        ),
        QueueStats("sensor-data", running=1, finished=340, in_rate=1.25, out_rate=1.2, workers=2),
    ),
    **fake_jobs.ANSWERS,
    **fake_watching.ANSWERS,
    **fake_ingest.ANSWERS,
    **fake_operating.ANSWERS,
    "queues__require": None,
    "queues__waiting": 4,
    "queues__dependents": 0,
    "queues__pause": lambda name, **_: pause_of(name),
    "queues__resume": lambda name: ResumeResult(name, True),
    "queues__clear": lambda name, purge, **_: ClearResult(name, 4, None if purge else "20261122-044512-x7f2", purge),
    "dead_letters__list": DeadLetters([LETTER], 1),
    "dead_letters__show": DeadLetterDetail(LETTER, NOW, NOW, "Traceback: ...", '["a@b.c"]', 9, "app.send('a@b.c')"),
    "dead_letters__count": 2,
    "trash__list": [BATCH],
    "trash__choose": TrashChoice([BATCH]),
    "trash__restore": restored,
    "trash__empty": 4,
    "health__ping": Ping(0.0004, 1_795_000_000_000, "7.0.15", "redis://localhost:6379/0"),
    "backup__write": lambda *_, **__: Backup({"pause": 1, "job": 2}),
    "backup__restore": lambda *_, **__: RestoredBackup({"pause": 1, "job": 2}, 0, [], True),
    "doctor__examine": lambda *_, **__: Health("ok", [Finding("redis", "ok", "Redis answers")]),
    "doctor__repair": lambda **_: Repair(3, 1),
    "health__check": Health("ok", [Finding("redis", "ok", "Redis answers")]),
}

RUNNING = [RunningJob(f"job-{n}", "email") for n in range(7)]
