"""Rows that a sink refused become dead letters of their own."""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis

from qctl import catalog
from qctl.broker import burial, keys
from qctl.broker.buffer import Reject
from qctl.broker.connection import connect, translated
from qctl.settings import Settings
from qctl.specs import PipelineSpec

AT_ONCE = 100
"""Letters in one transaction, so that a batch of which everything was refused does not hold up Redis."""


def bury_rejects(settings: Settings, pipeline: PipelineSpec, rejects: Sequence[Reject]) -> None:
    """Make a dead letter of each reject. Retried, it runs the pipeline's batch job with the reject's arguments.

    A letter that is there already stays as it is, so a batch that runs again buries nothing twice. Raises
    RedisUnreachableError or BackpressureError; some letters may be buried then, and all of them can be sent again.
    """
    with translated(settings), connect(settings, name="qctl-rejects") as connection:
        for start in range(0, len(rejects), AT_ONCE):
            _bury(connection, pipeline, _new(connection, pipeline.queue, rejects[start : start + AT_ONCE]))


def _new(connection: Redis, queue: str, rejects: Sequence[Reject]) -> list[Reject]:
    """Those that are no dead letters yet, each once."""
    unique = list({reject.id: reject for reject in rejects}.values())
    with connection.pipeline(transaction=False) as pipe:
        for reject in unique:
            pipe.zscore(keys.failed(queue), reject.id)
        return [reject for reject, score in zip(unique, pipe.execute(), strict=True) if score is None]


def _bury(connection: Redis, pipeline: PipelineSpec, rejects: Sequence[Reject]) -> None:
    handler = catalog.JOBS[pipeline.batch_job].handler
    with connection.pipeline() as pipe:
        for reject in rejects:
            burial.bury(pipe, pipeline.queue, handler, reject.args, reject.reason, reject.id)
            pipe.hincrby(keys.ingest(pipeline.name), "rejected", 1)
        pipe.execute()
