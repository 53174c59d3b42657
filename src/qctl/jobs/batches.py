"""What the batch jobs of all pipelines do: items into the sink, and of each that is refused a dead letter."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from qctl.broker.ingest.buffer import Reject
from qctl.broker.ingest.rejects import record_rejects
from qctl.catalog import PIPELINES
from qctl.errors import BackpressureError, RejectedError, SinkUnavailableError, UnreachableError
from qctl.settings import Settings
from qctl.sinks.base import KeptOpen, Refused, Sink
from qctl.sources.destination import Destination
from qctl.sources.queueless import Direct

MakeSink = Callable[[Settings], Sink]
"""Makes the sink that the settings call for."""


def write_batch(pipeline: str, make_sink: MakeSink, items: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Write a batch. Returns how many items were `written`, and how many `refused` and made dead letters.

    The sink is made once a process. Raises SinkError where the batch has to wait; it can be written again in full. A
    single item that is refused raises RejectedError: its job is the dead letter, and stays the same one however often
    it is retried.
    """
    refused = _sink(os.getpid(), make_sink).write(items)
    if refused and len(items) == 1:
        raise RejectedError(refused[0].reason)
    if refused:
        _bury(pipeline, items, refused)
    return {"written": len(items) - len(refused), "refused": len(refused)}


def without_queue(settings: Settings, pipeline: str, make_sink: MakeSink) -> Destination | None:
    """Where a source of this pipeline keeps what came, where CACHE_ENABLED is false; None where there is a queue."""
    if settings.cache_enabled:
        return None
    return Destination.direct(Direct(settings, pipeline, KeptOpen(make_sink(settings))))


def settings() -> Settings:
    """The settings of this process, as they were when it first needed them."""
    return _settings(os.getpid())


# A child that was forked gets its own of both, and does not close its parent's sink, which would break it for both.


@cache
def _settings(pid: int) -> Settings:
    del pid
    return Settings.load()


@cache
def _sink(pid: int, make: MakeSink) -> KeptOpen:
    return KeptOpen(make(_settings(pid)))


def _bury(pipeline: str, items: Sequence[Mapping[str, Any]], refused: Sequence[Refused]) -> None:
    """Make a dead letter of each refused item: a batch of one, to be written again once the cause is mended."""
    rejects = [Reject(_letter_id(items[row.index]), ([items[row.index]],), row.reason) for row in refused]
    try:
        record_rejects(settings(), PIPELINES[pipeline], rejects)
    except (UnreachableError, BackpressureError) as error:
        raise SinkUnavailableError(f"dead letters cannot be written: {error}") from error


def _letter_id(item: Any) -> str:
    """An id that the same item always gets, also when it is sent again."""
    same = {name: value for name, value in item.items() if name != "received_ns"} if isinstance(item, dict) else item
    return "reject-" + hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:24]
