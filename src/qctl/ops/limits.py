"""Limits of rates and of concurrency, for queues, names of jobs, and owners."""

from __future__ import annotations

import builtins
from dataclasses import replace

from qctl import catalog
from qctl.broker.admin import limits as limits_admin
from qctl.broker.bookkeeping import events
from qctl.broker.query import limits as limits_query
from qctl.broker.query import rate_limits, stats_snapshot, workers
from qctl.broker.scheduler.blackout import Blackout
from qctl.errors import NotFoundError, UsageError
from qctl.models import Limit, Limits, LimitScope
from qctl.ops.base import Part
from qctl.ops.selection import require_queue

MAX_RATE = 100_000
"""Largest number of jobs in the period of a rate: as many times are kept."""

MAX_PERIOD_SECONDS = 7 * 86_400.0

MAX_CONCURRENCY = 10_000

MAX_NAME_CHARACTERS = 300


class LimitOps(Part, name="limits"):
    """Sets, lists and clears limits. All workers of the site that claim by script obey from their next claim on."""

    def set(
        self,
        scope: LimitScope,
        name: str,
        *,
        rate: tuple[int, float] | None = None,
        concurrency: int | None = None,
        lift_rate: bool = False,
        lift_concurrency: bool = False,
        blackout: str | None = None,
        zone: str | None = None,
        lift_blackout: bool = False,
        reason: str = "",
        seconds: float | None = None,
    ) -> Limit:
        """Let `rate` jobs start in so many seconds, and `concurrency` run at once: 0 pauses. None starts in the windows
        of `blackout` (`broker.scheduler.blackout`), local times of `zone`, by default QCTL_TIMEZONE. What is None stays
        as it is, unless it is lifted. It ends after `seconds`, if given.

        Raises NotFoundError for an unknown queue or job, UsageError, and RefusedError.
        """
        is_lifting = lift_rate or lift_concurrency or lift_blackout
        if rate is None and concurrency is None and blackout is None and not is_lifting:
            raise UsageError("nothing to limit", "add --rate 100/m, --concurrency 5, or --blackout 22:00-06:00")
        if rate is not None and not (1 <= rate[0] <= MAX_RATE and 0 < rate[1] <= MAX_PERIOD_SECONDS):
            raise UsageError(f"the rate is out of range: 1 to {MAX_RATE} jobs in at most a week")
        if concurrency is not None and not 0 <= concurrency <= MAX_CONCURRENCY:
            raise UsageError(f"concurrency {concurrency} is not between 0 and {MAX_CONCURRENCY}")
        name, labels = self._target(scope, name)
        number, period = rate or (None, 0.0)
        limit = Limit(scope, name, number, period, concurrency, by=events.actor(), reason=reason)
        if blackout is not None:
            limit = replace(limit, blackout=" ".join(blackout.split()), zone=zone or self._settings.timezone)
            Blackout(limit.blackout, limit.zone).check()
        return limits_admin.put(
            self._redis,
            limit,
            labels=labels,
            lifetime=seconds,
            lift_rate=lift_rate,
            lift_concurrency=lift_concurrency,
            lift_blackout=lift_blackout,
        )

    def list(self) -> Limits:
        """List all limits with their use, those that producers set with RQ, and the workers that ignore qctl's."""
        rows = limits_query.read(self._redis)
        deaf = (worker.name for worker in workers.living(self._redis) if not worker.honours_pause) if rows else ()
        return Limits(rows, rate_limits.read(self._redis), tuple(sorted(deaf)))

    def clear(self, scope: LimitScope, name: str) -> bool:
        """Lift a limit. False if there was none. Raises NotFoundError for an unknown queue or job without one."""
        target, _ = self._name(scope, name)
        if limits_admin.clear(self._redis, scope, target):
            return True
        self._target(scope, name)
        return False

    def _name(self, scope: LimitScope, name: str) -> tuple[str, builtins.list[str]]:
        """Return the name of a limit, and the labels by which claims recognise its jobs."""
        if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
            raise UsageError(f"the name has {len(name)} characters; allowed: 1 to {MAX_NAME_CHARACTERS}")
        if scope == "queue":
            return catalog.base_queue(name), []
        if scope == "owner":
            return name, []
        known = catalog.jobs(self._settings.jobs_modules)
        short = name if name in known else catalog.name_of(name)
        return short, [short, known[short].handler] if short in known else [short]

    def _target(self, scope: LimitScope, name: str) -> tuple[str, builtins.list[str]]:
        if scope == "queue":
            require_queue(name, stats_snapshot.queue_names(self._redis))
        known = catalog.jobs(self._settings.jobs_modules)
        if scope == "job" and "." not in name and name not in known:
            hint = "a function of your own is named by its dotted path: myapp.tasks.send"
            raise NotFoundError.with_suggestions(f"job {name!r} not found", name, known, hint)
        return self._name(scope, name)
