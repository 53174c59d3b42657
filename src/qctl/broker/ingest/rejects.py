"""Records rows that a sink rejected as dead letters."""

from __future__ import annotations

from collections.abc import Sequence

from qctl import catalog
from qctl.broker.bookkeeping.reject_records import ROWS_PER_SAMPLE, Reject, RejectLimits, add_rejected
from qctl.broker.redis.connection import connect, translate_errors
from qctl.catalog.specs import PipelineSpec
from qctl.settings import Settings

REJECTS_PER_TRANSACTION = 100
"""Dead letters in one transaction, so that a completely rejected batch does not block Redis."""


def record_rejects(settings: Settings, pipeline: PipelineSpec, rejects: Sequence[Reject]) -> None:
    """Record each reject as a dead letter, or by its count alone beyond the limits.

    When it is retried, it runs the pipeline's batch job with the reject's arguments.

    Existing dead letters stay as they are, so a batch that runs again records nothing twice. Raises
    RedisUnreachableError or BackpressureError; some may be recorded then, and all can be sent again.
    """
    limits = RejectLimits(ROWS_PER_SAMPLE * settings.reject_samples, settings.rejects_memory)
    handler = catalog.JOBS[pipeline.batch_job].handler
    with translate_errors(settings), connect(settings, name="qctl-rejects") as connection:
        for start in range(0, len(rejects), REJECTS_PER_TRANSACTION):
            with connection.pipeline() as pipe:
                for reject in rejects[start : start + REJECTS_PER_TRANSACTION]:
                    add_rejected(pipe, pipeline.name, pipeline.queue, handler, reject, limits)
                pipe.execute()
