"""Pools of workers: list them, and change their sizes."""

from __future__ import annotations

import builtins
import time
from collections.abc import Sequence
from shlex import quote

from qctl import catalog
from qctl.broker.bookkeeping import events, pools
from qctl.broker.query import stats_snapshot
from qctl.errors import NotFoundError, RefusedError
from qctl.models import Pool, PoolSize
from qctl.ops.base import Part

POLL_SECONDS = 0.2


class PoolOps(Part, name="pools"):
    """Pools that reported lately: daemons started with `qctl-worker --workers`, and those of `qctl up`."""

    def list(self) -> builtins.list[Pool]:
        """List the pools, by host and name."""
        return pools.read(self._redis)

    def scale(
        self, target: str, size: PoolSize | None, *, host: str | None = None, timeout: float = 60.0
    ) -> builtins.list[Pool]:
        """Give the pools that serve the queue `target`, or have that name, this size, also after a restart. None gives
        back the size that they were started with.

        Waits up to `timeout` seconds until as many processes run; surplus ones finish their job first. Returns the
        pools as they are then. Raises NotFoundError if there is no such pool, RefusedError if pools of several hosts or
        names serve the queue and no `host` or name chooses.
        """
        chosen = self._choose(target, host)
        place = chosen[0].host, chosen[0].name
        if size is None:
            pools.withdraw(self._redis, *place)
        else:
            pools.request(self._redis, *place, size, events.actor())
        deadline = time.monotonic() + timeout
        while True:
            found = [pool for pool in self.list() if (pool.host, pool.name) == place]
            if (found and all(pool.is_stable for pool in found)) or time.monotonic() >= deadline:
                return found
            time.sleep(POLL_SECONDS)

    def _choose(self, target: str, host: str | None) -> Sequence[Pool]:
        known = self.list()
        named = [pool for pool in known if pool.name == target] or [
            pool for pool in known if catalog.base_queue(target) in map(catalog.base_queue, pool.queues)
        ]
        chosen = [pool for pool in named if host in (None, pool.host)]
        if not chosen:
            names = {
                *(name for pool in known for name in (*pool.queues, pool.name)),
                *stats_snapshot.queue_names(self._redis),
            }
            where = f" on host {host!r}" if host else ""
            hint = f"start one with: qctl-worker {quote(target)} --workers 2; under systemd: qctl daemon scale"
            raise NotFoundError.with_suggestions(f"no pool serves {target!r}{where}", target, sorted(names), hint)
        if len({pool.host for pool in chosen}) > 1:
            hosts = ", ".join(sorted({pool.host for pool in chosen}))
            raise RefusedError(f"pools of several hosts serve {target!r}: {hosts}", "choose one with --host")
        if len({pool.name for pool in chosen}) > 1:
            several = ", ".join(sorted({pool.name for pool in chosen}))
            raise RefusedError(f"several pools serve {target!r}: {several}", "give the name of one")
        return chosen
