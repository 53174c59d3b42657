"""Budgets: how much of Redis's memory jobs of users, rejects and dead letters may use, and how much they use.

The scripts that add such a job write its size into a ledger, and their sums into one hash, so that reading them costs
one command. Jobs are deleted in many ways; `sweep` gives back the bytes of those that are gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.client import Pipeline

from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.errors import BudgetError, QctlError, RateLimitedError
from qctl.settings import Settings

if TYPE_CHECKING:
    from qctl.models import BudgetKind

KINDS: tuple[BudgetKind, ...] = ("users", "rejects", "letters")

ASSUMED_MEMORY_BYTES = 1 << 30
"""Memory of which budgets are shares if Redis has no maxmemory."""

OWNER_PERCENT = 10
"""Share of the budget of users' jobs that the jobs of one owner may use."""

JOB_OVERHEAD_BYTES = 2500
"""Memory of a job of a user beside its payload: its hash, lists and events."""

LETTER_OVERHEAD_BYTES = 7000
"""Memory of a dead letter beside its payload and traceback: a stream alone takes 4 kB."""

REJECT_OVERHEAD_BYTES = 1300
"""Memory of a stored reject beside its fields."""

JOBS_PER_SWEEP = 500
"""Jobs that one call looks at, in about 1 ms."""

RETRY_AFTER_SECONDS = 60
"""Time after which an owner whose jobs use all memory that they may use should try again."""

MAX_SWEEPS = 20
"""Maximum calls of one `sweep` for each kind."""

BUDGET = ("redis/types", "redis/budget")
"""The parts that scripts begin with if they add jobs to a budget."""

_sweep_budget = Script("bookkeeping/sweep_budget", after=BUDGET)
_charge_letter = Script("bookkeeping/charge_letter", after=BUDGET)


@dataclass(frozen=True)
class Shares:
    """Budgets in percent of maxmemory, 0 for no limit."""

    users: int = 0
    rejects: int = 0
    letters: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Shares:
        """The shares that the settings name."""
        return cls(settings.user_jobs_memory, settings.rejects_memory, settings.dead_letters_memory)

    def limits(self, maxmemory: int) -> dict[BudgetKind, int]:
        """The budgets in bytes, as the scripts compute them."""
        memory = maxmemory or ASSUMED_MEMORY_BYTES
        return {kind: memory * getattr(self, kind) // 100 for kind in KINDS}


def script_values(kind: BudgetKind) -> dict[str, Any]:
    """The values that `budget.lua` takes, for jobs of this kind."""
    return {
        "budgets": keys.BUDGETS,
        "ledger": keys.budget_ledger(kind),
        "budget_kind": kind,
        "assumed_memory": ASSUMED_MEMORY_BYTES,
        "job_prefix": keys.JOB_PREFIX,
    }


def charge_letter(pipe: Pipeline, queue: str, job_id: str, traceback: str) -> None:
    """Count the bytes of a new dead letter, for its owner if it has one, in the pipeline that makes the job one."""
    _charge_letter.stage(
        pipe,
        **script_values("letters"),
        job=keys.job(job_id),
        user_ledger=keys.budget_ledger("users"),
        job_id=job_id,
        queue=queue,
        bytes=LETTER_OVERHEAD_BYTES + len(traceback),
    )


def sweep(connection: Redis) -> int:
    """Give back the bytes of jobs that are gone. Returns how many jobs; raises redis-py's errors.

    Jobs are chosen at random, so it goes on while more than a tenth of those it looks at are gone.
    """
    total = 0
    for kind in KINDS:
        for _ in range(MAX_SWEEPS):
            reply = replies.array(_sweep_budget(connection, **script_values(kind), count=JOBS_PER_SWEEP))
            seen, removed = map(replies.integer, reply)
            total += removed
            if removed * 10 <= seen:
                break
    return total


def error_from_reply(reply: Sequence[Any], queue: str) -> QctlError:
    """The error for a job of `queue` that `enqueue.lua` refused for want of memory."""
    kind, used, limit = untrusted_fields.decode(reply[0]), int(reply[1]), int(reply[2])
    amount = f"{used / 1e6:.1f} MB of {limit / 1e6:.1f} MB"
    if kind == "owner":
        return RateLimitedError(
            f"Your jobs use all memory that one user's may use ({amount}). Try again when some have expired.",
            retry_after=RETRY_AFTER_SECONDS,
        )
    if kind == "users":
        reason = f"jobs of users use all memory that they may use ({amount})"
        return BudgetError(reason, hint="name the user who fills it: qctl health")
    return BudgetError(
        f"dead letters of queue {queue!r} use all memory that they may use ({amount}): it takes no new jobs",
        hint=f"qctl dlq groups --queue {quote(queue)}",
    )


def parse(reply: Mapping[bytes, bytes]) -> dict[BudgetKind, tuple[int, dict[str, int]]]:
    """Read the hash of sums: for each kind the bytes in use, and those of each group."""
    sums: dict[BudgetKind, tuple[int, dict[str, int]]] = {kind: (0, {}) for kind in KINDS}
    for field, raw in reply.items():
        name, colon, group = untrusted_fields.decode(field).partition(":")
        if name not in sums or not raw.isdigit() or len(raw) > 15:
            continue
        used, groups = sums[name]
        if colon:
            groups[group] = int(raw)
        else:
            used = int(raw)
        sums[name] = used, groups
    return sums
