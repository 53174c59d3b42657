"""Plain jobs: those of which RQ's data model asks no more than a start, a result and an end.

`claim.lua` tells which they are, and starts them in the step that claims them; `finish.lua` writes that one succeeded
in the step that claims the next. So they cost one round trip each, where RQ's own way takes some sixty commands. What
is not plain, and every end but a success, goes RQ's own way.
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
from qctl.broker.worker.claim_protocol import Claim, EndedJob, Success, rq_time
from qctl.broker.worker.guarded_job import BATCH_HANDLERS, GuardedJob
from qctl.histogram import bucket


class PlainJob(GuardedJob):
    """A job that came started with its claim.

    RQ's class reads a whole hash into some fifty attributes. Here those that every run needs are read at once, and
    all the others when somebody asks for one of them, from the same fields.
    """

    functions: ClassVar[dict[str, tuple[Callable[..., Any], str, str]]] = {}
    """Name -> function, where it is at home, and its label: what was found once is not looked for again."""

    _label: str | None = None

    def __init__(self, claim: Claim, worker: str, connection: Redis) -> None:
        """Raises ValueError where the fields cannot be read."""
        fields = claim.fields or {}
        self.claim = claim
        self.held = claim.held
        self._raw = fields
        self._id = claim.job_id
        self.run = claim.execution
        self.connection = connection
        self.serializer = JSONSerializer
        self.origin = claim.queue
        self.worker_name = worker
        self.started_at = self.last_heartbeat = claim.started_at
        self.ended_at = None
        self._status = JobStatus.STARTED
        self.timeout = int(fields.get(b"timeout", 0)) or Queue.DEFAULT_TIMEOUT
        self.result_ttl = int(fields.get(b"result_ttl", 0)) or None
        meta = fields.get(b"meta")
        self.meta = json.loads(meta) if meta else {}
        enqueued = fields.get(b"enqueued_at")
        if enqueued and claim.started_at:
            since = datetime.fromisoformat(enqueued[:26].decode()).replace(tzinfo=timezone.utc)
            self.waited = (claim.started_at - since).total_seconds()
        try:
            self.data = zlib.decompress(fields[b"data"])
        except zlib.error:
            self.data = fields[b"data"]

    def __getattr__(self, name: str) -> Any:
        """An attribute that was not read yet: read them all, and leave what has been set since as it is."""
        ours = dict(self.__dict__)
        raw = ours.pop("_raw", None)
        if raw is None:
            raise AttributeError(name)
        del self._raw
        Job.__init__(self, self._id, self.connection, self.serializer)
        self.restore(raw)
        self.__dict__.update(ours)
        return getattr(self, name)

    @property
    def func(self) -> Callable[..., Any]:
        """The function to call, looked for where it was not found before. Raises ForbiddenJobError."""
        name = str(self._func_name)
        if name not in self.functions:
            self.functions[name] = super().func, str(self._found), super().label
        function, self._found, self._label = self.functions[name]
        return function

    @property
    def label(self) -> str:
        """The name that its runs are counted under."""
        return self._label or super().label


def plain(job_class: type[GuardedJob]) -> type[PlainJob]:
    """The class of plain jobs of a worker with this class of jobs."""
    return type("PlainJob", (PlainJob,), {"allowed": job_class.allowed, "functions": {}})


def success(job: PlainJob, value: Any, ttl: int) -> Success:
    """The end of a plain job that returned `value` now, whose result is kept for `ttl` seconds."""
    job.ended_at = now = datetime.now(timezone.utc)
    seconds, began = now.timestamp(), (job.started_at or now).timestamp()
    ran, id_ = job.ran or 0.0, job.id
    left = b""
    if job.func_name in BATCH_HANDLERS:
        job.drop_items()
        left = zlib.compress(job.data)
    row = EndedJob(
        job=keys.job(id_),
        results=keys.results(id_),
        dependents=keys.dependents(id_),
        job_id=id_,
        began_at=rq_time(job.started_at) if job.held and job.started_at else "",
        ended_at=rq_time(now),
        ttl=ttl,
        value=_kept(value),
        execution_id=job.run,
        started=began,
        ended=seconds,
        run_ms=round(ran * 1000),
        trace=_bytes(job.trace or ""),
        wait_field="" if job.waited is None else f"w{bucket(job.waited)}",
        run_field=_bytes(f"r{bucket(ran)} {job.label}"),
        batch_data=left,
    )
    return Success(row, job.origin, int(seconds) // 60, ran)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _kept(value: Any) -> bytes:
    """What a job returned, as RQ keeps it in a result; empty for nothing."""
    if value is None:
        return b""
    try:
        return b64encode(JSONSerializer.dumps(value))
    except Exception:  # noqa: BLE001 - RQ keeps a note in place of what cannot be kept, whatever the reason
        return b64encode(JSONSerializer.dumps(UNSERIALIZABLE_RETURN_VALUE_PAYLOAD))


def value_of(kept: bytes) -> Any:
    """What a job returned, of what is kept of it."""
    return JSONSerializer.loads(b64decode(kept)) if kept else None
