"""Applies QUEUE_PREFIX, the prefix of every key, so that several sets of queues can share one Redis.

RQ reads the prefix of its keys from the environment once, when it is imported. The package imports this module before
any that imports RQ, and it sets that variable.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from qctl.errors import SettingsError
from qctl.settings import cluster_url
from qctl.settings.jobs import PREFIX_PATTERN
from qctl.settings.sources import find_sources

if TYPE_CHECKING:
    from qctl.settings import Settings

DEFAULT = "rq"
"""RQ's own prefix."""


def _configured() -> str | None:
    """Return QUEUE_PREFIX from its sources. An invalid one is ignored here, and reported when settings are loaded."""
    try:
        prefix = next((raw for source in find_sources() if (raw := source.values.get("QUEUE_PREFIX"))), None)
    except SettingsError:
        return None
    return prefix if prefix and re.fullmatch(PREFIX_PATTERN, prefix) else None


if configured := _configured():
    os.environ["RQ_KEY_PREFIX"] = configured

RQ = os.environ.get("RQ_KEY_PREFIX", DEFAULT)
"""Prefix of RQ's keys; a colon follows."""

QCTL = "qctl:" if RQ == DEFAULT else f"{RQ}:qctl:"
"""Prefix of qctl's own keys."""

OWN_KEYS = f"{QCTL}*"
"""Pattern of qctl's own keys, for an ACL."""


TAG = match[1] if (match := re.search(r"\{(.+?)\}", RQ)) else ""
"""The hash tag of every key, by which Redis Cluster puts all of them into one slot; empty if they have none."""

GUARD = f"{QCTL}absent" if TAG else ""
"""STRING that never exists. Scripts that make names of keys name it too, if keys have a hash tag: while Redis Cluster
moves the slot key by key, it refuses a script one of whose KEYS is absent, and would end others midway."""


def check(settings: Settings) -> None:
    """Raise SettingsError if this process uses another prefix than the settings ask for, or a cluster's has no tag."""
    imported = sys.modules.get("rq.defaults")
    used = imported.RQ_KEY_PREFIX if imported else RQ
    wanted = settings.queue_prefix or RQ
    other = next((prefix for prefix in (used, RQ) if prefix != wanted), None)
    if other is not None:
        raise SettingsError(
            "QUEUE_PREFIX",
            f"is {wanted!r}, but in this process keys begin with {other!r} already",
            hint="set it in the environment, or in the .env of the working folder, before rq is imported",
        )
    if cluster_url.is_cluster(settings.redis_target) and not TAG:
        raise SettingsError(
            "QUEUE_PREFIX",
            f"is {RQ!r}, and Redis Cluster needs one with a hash tag, so that all keys lie in one slot",
            hint="for example: QUEUE_PREFIX={orders}, the same for producers, workers and operators",
        )
