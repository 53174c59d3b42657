"""Creates the jobs that users request, those of concurrent requests in one round trip to Redis."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from qctl.broker.bookkeeping.user_sessions import Token
from qctl.broker.producer.enqueue import NewJob
from qctl.errors import QctlError
from qctl.gateway.grouped_calls import GroupedCalls
from qctl.service import RETRY_SECONDS, QueueService


@dataclass(frozen=True)
class _Request:
    job: NewJob
    token: Token | None
    arrived: float
    """Monotonic time."""


class NewJobs:
    """Jobs on their way to Redis, for all requests of one event loop."""

    def __init__(self, service: QueueService) -> None:
        self._service = service
        self._calls: GroupedCalls[_Request, None] = GroupedCalls("new-jobs", self._create)

    async def create(self, job: NewJob, token: Token | None) -> None:
        """Create a job of `QueueService.new_job`. Raises what `QueueService.enqueue` does, and LoggedOutError if its
        owner's token is not open.

        If Redis is unreachable, it is tried again until a request of the group has waited for RETRY_SECONDS.
        """
        await self._calls.call(_Request(job, token, time.monotonic()))

    def close(self) -> None:
        """Release the thread."""
        self._calls.close()

    def _create(self, requests: Sequence[_Request]) -> list[QctlError | None]:
        waited = time.monotonic() - min(request.arrived for request in requests)
        jobs, tokens = [request.job for request in requests], [request.token for request in requests]
        return self._service.create_each(jobs, tokens, retry_seconds=max(0.0, RETRY_SECONDS - waited))
