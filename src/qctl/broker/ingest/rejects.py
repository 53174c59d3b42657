"""Rows that a sink refused become dead letters of their own."""

from __future__ import annotations

from collections.abc import Sequence

from qctl import catalog
from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.ingest.buffer import Reject
from qctl.broker.redis.connection import connect, translate_errors
from qctl.catalog.specs import PipelineSpec
from qctl.settings import Settings

AT_ONCE = 100
"""Letters in one transaction, so that a batch of which everything was refused does not hold up Redis."""


def bury_rejects(settings: Settings, pipeline: PipelineSpec, rejects: Sequence[Reject]) -> None:
    """Make a dead letter of each reject. Retried, it runs the pipeline's batch job with the reject's arguments.

    A letter that is there already stays as it is, so a batch that runs again buries nothing twice. Raises
    RedisUnreachableError or BackpressureError; some letters may be buried then, and all of them can be sent again.
    """
    handler = catalog.JOBS[pipeline.batch_job].handler
    with translate_errors(settings), connect(settings, name="qctl-rejects") as connection:
        for start in range(0, len(rejects), AT_ONCE):
            with connection.pipeline() as pipe:
                for reject in rejects[start : start + AT_ONCE]:
                    dead_letter_index.add_rejected(
                        pipe, pipeline.name, pipeline.queue, handler, reject.args, reject.reason, reject.id
                    )
                pipe.execute()
