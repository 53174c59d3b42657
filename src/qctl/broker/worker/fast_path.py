"""Fast-path jobs: those that need only a start, a result and an end in RQ's data model.

`claim.lua` decides which jobs these are, and starts them in the step that claims them; `finish.lua` writes their
success in the step that claims the next job. So each costs one round trip, while RQ itself takes about sixty commands.
RQ handles all other jobs, and every end but a success.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, ClassVar

from redis import Redis
from rq.defaults import UNSERIALIZABLE_RETURN_VALUE_PAYLOAD
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.redis import keys
from qctl.broker.worker.claim_request import Claim, EndedJob, JobEnd, rq_time
from qctl.broker.worker.guarded_job import BATCH_HANDLERS, GuardedJob
from qctl.histogram import bucket


class FastPathJob(GuardedJob):
    """A job that was started with its claim.

    RQ's class parses a whole hash into some fifty attributes. This one parses those that every run needs at once, and
    all others from the same fields when one of them is first read.
    """

    functions: ClassVar[dict[str, tuple[Callable[..., Any], str, str]]] = {}
    """Name -> function, the dotted name of its definition, and its label: each is imported once."""

    _label: str | None = None

    def __init__(self, claim: Claim, worker_name: str, connection: Redis) -> None:
        """Raises ValueError if the fields cannot be parsed."""
        fields = claim.fields or {}
        self.claim = claim
        self.prefetched = claim.prefetched
        self._raw = fields
        self._id = claim.job_id
        self.execution_id = claim.execution_id
        self.connection = connection
        self.serializer = JSONSerializer
        self.origin = claim.queue
        self.worker_name = worker_name
        self.started_at = self.last_heartbeat = claim.started_at
        self.ended_at = None
        self._status = JobStatus.STARTED
        self.timeout = int(fields.get(b"timeout", 0)) or Queue.DEFAULT_TIMEOUT
        self.result_ttl = int(fields.get(b"result_ttl", 0)) or None
        meta = fields.get(b"meta")
        self.meta = json.loads(meta) if meta else {}
        enqueued = fields.get(b"enqueued_at")
        if enqueued and claim.started_at:
            enqueued_at = datetime.fromisoformat(enqueued[:26].decode()).replace(tzinfo=timezone.utc)
            self.waited = (claim.started_at - enqueued_at).total_seconds()
        try:
            self.data = zlib.decompress(fields[b"data"])
        except zlib.error:
            self.data = fields[b"data"]

    def __getattr__(self, name: str) -> Any:
        """Parse all attributes that were not parsed yet, and keep values that have been set since."""
        ours = dict(self.__dict__)
        raw = ours.pop("_raw", None)
        if raw is None:
            raise AttributeError(name)
        del self._raw
        Job.__init__(self, self._id, self.connection, self.serializer)
        self.restore(raw)
        self.__dict__.update(ours)
        return getattr(self, name)

    @classmethod
    def may_run(cls, name: object) -> bool:
        """Tell whether a function of this dotted name may run."""
        return (isinstance(name, str) and name in cls.functions) or super().may_run(name)

    @property
    def func(self) -> Callable[..., Any]:
        """The function to call. Raises ForbiddenJobError."""
        name = str(self._func_name)
        if name not in self.functions:
            self.functions[name] = super().func, str(self._definition), super().label
        function, self._definition, self._label = self.functions[name]
        return function

    @property
    def label(self) -> str:
        """The name that its runs are counted under."""
        return self._label or super().label


def fast_path_class(job_class: type[GuardedJob]) -> type[FastPathJob]:
    """The class of fast-path jobs of a worker whose other jobs are of this class."""
    return type("FastPathJob", (FastPathJob,), {"allowed": job_class.allowed, "functions": {}})


def success(job: FastPathJob, value: Any, ttl: int) -> JobEnd:
    """The end of a job that returned `value` now. Its result is kept for `ttl` seconds."""
    job.ended_at = now = datetime.now(timezone.utc)
    ended, started = now.timestamp(), (job.started_at or now).timestamp()
    seconds, job_id = job.ran or 0.0, job.id
    batch_data = b""
    if job.func_name in BATCH_HANDLERS:
        job.drop_items()
        batch_data = zlib.compress(job.data)
    row = EndedJob(
        job=keys.job(job_id),
        results=keys.results(job_id),
        dependents=keys.dependents(job_id),
        job_id=job_id,
        began_at=rq_time(job.started_at) if job.prefetched and job.started_at else "",
        ended_at=rq_time(now),
        ttl=ttl,
        value=_encode(value),
        execution_id=job.execution_id,
        started=started,
        ended=ended,
        run_ms=round(seconds * 1000),
        trace=(job.trace or "").encode(errors="surrogateescape"),
        wait_field="" if job.waited is None else f"w{bucket(job.waited)}",
        run_field=f"r{bucket(seconds)} {job.label}".encode(errors="surrogateescape"),
        batch_data=batch_data,
    )
    return JobEnd(row, job.origin, int(ended) // 60, seconds)


def _encode(value: Any) -> bytes:
    """A job's value as RQ keeps it in a result; empty for None."""
    if value is None:
        return b""
    try:
        return b64encode(JSONSerializer.dumps(value))
    except Exception:  # noqa: BLE001 - RQ keeps a note in place of what it cannot keep, whatever the reason
        return b64encode(JSONSerializer.dumps(UNSERIALIZABLE_RETURN_VALUE_PAYLOAD))


def decode_value(encoded: bytes) -> Any:
    """The value that a job returned, from the result of its end."""
    return JSONSerializer.loads(b64decode(encoded)) if encoded else None
