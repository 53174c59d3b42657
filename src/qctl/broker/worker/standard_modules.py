"""Modules of the standard library that plain imports of redis-py and RQ bring, and on which jobs may rely.

`import urllib` alone makes `urllib.request` work in a job, because RQ has imported it. qctl's daemons import these
parts of redis-py and RQ late, so that an idle worker takes little memory (`compat/lazy_redis.py`).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

_NAMES = (
    *("asyncio", "concurrent.futures", "csv", "email.message", "email.utils", "http.client", "importlib.abc"),
    *("importlib.metadata", "importlib.resources", "importlib.util", "subprocess", "tempfile", "urllib.error"),
    *("urllib.request", "zipfile"),
)


@cache
def import_all() -> None:
    """Import them, once. A worker calls it before its first job, and so before the first fork: children share them."""
    for name in _NAMES:
        import_module(name)
