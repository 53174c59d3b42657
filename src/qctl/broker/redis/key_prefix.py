"""What every key begins with: QUEUE_PREFIX, so that several sets of queues can live in one Redis and not meet.

RQ reads the prefix of its keys from the environment, once, when it is imported. So it is handed on here, which the
package imports before anything of it can import RQ.
"""

from __future__ import annotations

import os
import re

from qctl.errors import SettingsError
from qctl.settings import Settings
from qctl.settings.sources import find_sources

PLAIN = "rq"
"""RQ's own, where nobody asked for another."""


def _chosen() -> str | None:
    """The setting as it is given before anybody loaded settings. What is no prefix is left to them to complain of."""
    try:
        given = next((raw for source in find_sources() if (raw := source.values.get("QUEUE_PREFIX"))), None)
    except SettingsError:
        return None
    return given if given and re.fullmatch(r"[A-Za-z0-9_.-]+", given) else None


if chosen := _chosen():
    os.environ["RQ_KEY_PREFIX"] = chosen

RQ = os.environ.get("RQ_KEY_PREFIX", PLAIN)
"""What RQ's keys begin with; a colon follows."""

OURS = "qctl:" if RQ == PLAIN else f"{RQ}:qctl:"
"""What qctl's own keys begin with."""


def check(settings: Settings) -> None:
    """Raise SettingsError where these settings ask for another prefix than the one that keys in this process have."""
    from rq.defaults import RQ_KEY_PREFIX

    wanted = settings.queue_prefix or RQ
    if wanted != RQ_KEY_PREFIX:
        raise SettingsError(
            "QUEUE_PREFIX",
            f"is {wanted!r}, and in this process keys begin with {RQ_KEY_PREFIX!r} already",
            hint="set it in the environment, or in the .env of the working folder, before rq is imported",
        )
