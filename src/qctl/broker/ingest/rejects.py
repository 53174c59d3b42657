"""Records rows that a sink rejected as dead letters."""

from __future__ import annotations

from collections.abc import Sequence

from qctl import catalog
from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.ingest.buffer import Reject
from qctl.broker.redis.connection import connect, translate_errors
from qctl.catalog.specs import PipelineSpec
from qctl.settings import Settings

REJECTS_PER_TRANSACTION = 100
"""Dead letters in one transaction, so that a completely rejected batch does not block Redis."""


def record_rejects(settings: Settings, pipeline: PipelineSpec, rejects: Sequence[Reject]) -> None:
    """Record each reject as a dead letter. When retried, it runs the pipeline's batch job with the reject's arguments.

    Existing dead letters stay as they are, so a batch that runs again records nothing twice. Raises
    RedisUnreachableError or BackpressureError; some may be recorded then, and all can be sent again.
    """
    handler = catalog.JOBS[pipeline.batch_job].handler
    with translate_errors(settings), connect(settings, name="qctl-rejects") as connection:
        for start in range(0, len(rejects), REJECTS_PER_TRANSACTION):
            with connection.pipeline() as pipe:
                for reject in rejects[start : start + REJECTS_PER_TRANSACTION]:
                    dead_letter_index.add_rejected(
                        pipe, pipeline.name, pipeline.queue, handler, reject.args, reject.reason, reject.id
                    )
                pipe.execute()
