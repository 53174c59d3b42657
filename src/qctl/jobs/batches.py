"""Batch jobs of all pipelines: write items to the sink, and make a dead letter of each item that it rejects."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from qctl.broker.bookkeeping.reject_records import Reject
from qctl.broker.ingest.rejects import record_rejects
from qctl.broker.worker import job_context
from qctl.catalog import PIPELINES
from qctl.errors import BackpressureError, RejectedError, SinkUnavailableError, UnreachableError
from qctl.settings import Settings
from qctl.sinks.base import Rejection, ReopeningSink, Sink
from qctl.sources.destination import Destination
from qctl.sources.direct_writer import DirectWriter

MakeSink = Callable[[Settings], Sink]
"""Factory of the sink that the settings select."""

LETTER_PREFIX = "reject-"
"""Beginning of the ids of rejects, and of the jobs that they are when they are retried."""


def write_batch(pipeline: str, make_sink: MakeSink, items: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Write a batch. Returns how many items were `written`, and how many `refused` and stored as dead letters.

    The sink is opened once per process. Raises SinkError if the batch has to be retried; writing it again in full is
    safe. Raises RejectedError if this job is the dead letter of an item, and was retried: retrying it creates no second
    one.
    """
    refused = _sink(os.getpid(), make_sink).write(items)
    if refused and len(items) == 1 and (job_context.job_id() or "").startswith(LETTER_PREFIX):
        raise RejectedError(refused[0].reason)
    if refused:
        _store_dead_letters(pipeline, items, refused)
    return {"written": len(items) - len(refused), "refused": len(refused)}


def direct_destination(settings: Settings, pipeline: str, make_sink: MakeSink) -> Destination | None:
    """The destination of a source that writes straight to its sink (CACHE_ENABLED=false); None if it uses a queue."""
    if settings.cache_enabled:
        return None
    return Destination.direct(DirectWriter(settings, pipeline, ReopeningSink(make_sink(settings))))


def settings() -> Settings:
    """The settings of this process, loaded on first use."""
    return _settings(os.getpid())


# Both caches are keyed by process id: a forked child that used or closed its parent's sink would break it for both.


@cache
def _settings(pid: int) -> Settings:
    del pid
    return Settings.load()


@cache
def _sink(pid: int, make: MakeSink) -> ReopeningSink:
    return ReopeningSink(make(_settings(pid)))


def _store_dead_letters(pipeline: str, items: Sequence[Mapping[str, Any]], refused: Sequence[Rejection]) -> None:
    """Record each rejected item: a dead letter is a batch of one, to be retried once the cause is fixed."""
    rejects = [
        Reject(_letter_id(items[row.index]), ([items[row.index]],), row.reason, _source(items[row.index]))
        for row in refused
    ]
    try:
        record_rejects(settings(), PIPELINES[pipeline], rejects)
    except (UnreachableError, BackpressureError) as error:
        raise SinkUnavailableError(f"cannot store dead letters: {error}") from error


def _letter_id(item: Any) -> str:
    """An id made of the item's content without its time of arrival, so that a resent item gets the same one."""
    content = {name: value for name, value in item.items() if name != "received_ns"} if isinstance(item, dict) else item
    return LETTER_PREFIX + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def _source(item: Any) -> str:
    """The topic or user of an item; empty if it has none."""
    return str(item.get("topic") or item.get("user_id") or "") if isinstance(item, dict) else ""
