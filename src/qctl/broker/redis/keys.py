"""Every Redis key, one function or constant each, with its type.

RQ's own keys are asked of RQ's objects: QUEUE_PREFIX may have changed them. Ours begin as `prefix.py` says.
"""

from __future__ import annotations

from rq.command import PUBSUB_CHANNEL_TEMPLATE
from rq.defaults import RQ_KEY_PREFIX
from rq.executions import WORKER_EXECUTIONS_KEY_TEMPLATE, ExecutionRegistry
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.queue import Queue
from rq.registry import (
    CanceledJobRegistry,
    DeferredJobRegistry,
    FailedJobRegistry,
    FinishedJobRegistry,
    ScheduledJobRegistry,
    StartedJobRegistry,
)
from rq.results import Result
from rq.scheduler import RQScheduler
from rq.suspension import WORKERS_SUSPENDED
from rq.worker import BaseWorker
from rq.worker_registration import REDIS_WORKER_KEYS, WORKERS_BY_QUEUE_KEY

from qctl.broker.redis.key_prefix import OURS

# --- RQ's ---------------------------------------------------------------------------------------------------

QUEUES = Queue.redis_queues_keys
"""SET of queue keys that were ever enqueued to."""

QUEUE_PREFIX = Queue.redis_queue_namespace_prefix
JOB_PREFIX = Job.redis_job_namespace_prefix
WORKER_PREFIX = BaseWorker.redis_worker_namespace_prefix

WORKERS = REDIS_WORKER_KEYS
"""SET of worker keys."""

SUSPENDED = WORKERS_SUSPENDED
"""STRING set by `rq suspend`: no worker of RQ takes a job while it is there."""


def queue(name: str) -> str:
    """LIST of the ids of waiting jobs, head first."""
    return QUEUE_PREFIX + name


def queue_name(key: bytes | str) -> str:
    """The name of the queue whose key this is."""
    text = key.decode(errors="surrogateescape") if isinstance(key, bytes) else key
    return text.removeprefix(QUEUE_PREFIX)


def intermediate(name: str) -> str:
    """LIST of ids that were claimed and have not started."""
    return str(IntermediateQueue.get_intermediate_queue_key(queue(name)))


def job(job_id: str) -> str:
    """HASH of one job."""
    return str(Job.key_for(job_id))


def results(job_id: str) -> str:
    """STREAM of a job's results, newest last."""
    return str(Result.get_key(job_id))


def executions(job_id: str) -> str:
    """ZSET execution id -> when its heartbeat runs out (seconds): the runs of a job that go on now."""
    return str(ExecutionRegistry.key_template.format(job_id))


def execution_prefix(job_id: str) -> str:
    """What the HASH of each of the job's executions begins with; the execution's id follows."""
    return f"{RQ_KEY_PREFIX}:execution:{job_id}:"


def dependents(job_id: str) -> str:
    """SET of ids of jobs that wait for this one."""
    return str(Job.dependents_key_for(job_id))


def started(name: str) -> str:
    """ZSET `job:execution` -> when its heartbeat runs out (seconds)."""
    return StartedJobRegistry.key_template.format(name)


def finished(name: str) -> str:
    """ZSET id -> when it is forgotten (seconds, -1 never)."""
    return FinishedJobRegistry.key_template.format(name)


def failed(name: str) -> str:
    """ZSET id -> when it is forgotten (seconds, -1 never): the dead letters."""
    return FailedJobRegistry.key_template.format(name)


def scheduled(name: str) -> str:
    """ZSET id -> when it is due (seconds)."""
    return ScheduledJobRegistry.key_template.format(name)


def deferred(name: str) -> str:
    """ZSET id -> when it was deferred (seconds)."""
    return DeferredJobRegistry.key_template.format(name)


def canceled(name: str) -> str:
    """ZSET id -> when it was canceled (seconds)."""
    return CanceledJobRegistry.key_template.format(name)


def worker(name: str) -> str:
    """HASH of one worker; it expires when the worker stops its heartbeat."""
    return WORKER_PREFIX + name


def commands(name: str) -> str:
    """CHANNEL on which the worker is told to stop."""
    return PUBSUB_CHANNEL_TEMPLATE % name


def worker_executions(name: str) -> str:
    """SET of `job:execution` that the worker runs."""
    return WORKER_EXECUTIONS_KEY_TEMPLATE.format(name)


def queue_workers(name: str) -> str:
    """SET of worker keys that listen to the queue."""
    return str(WORKERS_BY_QUEUE_KEY % name)


def scheduler_lock(name: str) -> str:
    """STRING: the RQ scheduler that serves the queue's scheduled jobs."""
    return str(RQScheduler.get_locking_key(name))


# --- qctl's -------------------------------------------------------------------------------------------------

PAUSED = f"{OURS}paused"
"""HASH queue -> JSON {by, at, until, reason}; `at` and `until` in milliseconds of Redis's clock."""

LEASES = f"{OURS}leases"
"""ZSET claimant -> when its lease runs out (milliseconds of Redis's clock)."""

EVENTS = f"{OURS}events"
"""STREAM of everything that happened, capped."""

AUDIT = f"{OURS}audit"
"""STREAM of what people did, capped by itself: events of jobs do not push it out."""

QUIET = f"{OURS}quiet"
"""HASH claimant -> JSON {by, at}: those that take nothing new."""

TRASH = f"{OURS}trash"
"""ZSET trash batch -> when it expires (milliseconds)."""

BREAKERS = f"{OURS}breakers"
"""HASH queue -> how often in a row its sink was found down."""


REFUSALS = f"{OURS}refusals"
"""HASH `rate` and `active` -> how many jobs an owner's limit refused."""

SCHEDULES = f"{OURS}schedules"
"""ZSET schedule -> when it is due next (seconds); infinity while it is paused."""

SCHEDULE_PREFIX = f"{OURS}schedule:"
"""What the HASH of a schedule begins with: the job that it makes, as RQ writes jobs, and `qctl_...` of its own."""

SCHEDULER_PREFIX = f"{OURS}scheduler:"
"""What rq-scheduler would write down of itself begins with."""


def schedule(name: str) -> str:
    """HASH of one schedule."""
    return SCHEDULE_PREFIX + name


def created(owner: str) -> str:
    """ZSET job id -> when it was created (milliseconds): what the owner created in the last minute."""
    return f"{OURS}owner:{owner}:created"


def active(owner: str) -> str:
    """SET of the owner's job ids that waited or ran when last looked at."""
    return f"{OURS}owner:{owner}:active"


def owned(owner: str) -> str:
    """ZSET job id -> when it was created (milliseconds): the owner's jobs, among them some that Redis has forgotten."""
    return f"{OURS}owner:{owner}:jobs"


ALERTS = f"{OURS}alerts"
"""HASH `{rule}|{queue}` -> JSON {level, since, told: {channel: [when, level]}}: what is bad; times in milliseconds."""

MUTES = f"{OURS}alerts:muted"
"""HASH rule -> JSON {by, at, until, reason}: of which alerts nobody is told; times in milliseconds."""

TOTALS = f"{OURS}totals"
"""HASH `{what}:{queue}` -> how often since counting began: finished, failed, dead, retried."""


def claims(name: str) -> str:
    """HASH job id -> `claimant|microseconds`, from the claim until the job has ended."""
    return f"{OURS}claims:{name}"


def recoveries(name: str) -> str:
    """HASH job id -> how often its worker died."""
    return f"{OURS}recoveries:{name}"


def quarantine(name: str) -> str:
    """HASH job id -> JSON {reason, at, by, recoveries}."""
    return f"{OURS}quarantine:{name}"


def counts_prefix(name: str) -> str:
    """What `counts` begins with; the hour since 1970 follows."""
    return f"{OURS}counts:{name}:"


def counts(name: str, hour: int) -> str:
    """HASH `{minute of hour}.{what}` -> count, for one hour since 1970; kept two days."""
    return f"{counts_prefix(name)}{hour}"


def times(name: str, minute: int) -> str:
    """HASH of durations in one minute since 1970, in buckets: `w{bucket}`, `r{bucket} {job}`, `f{bucket} {job}` ->
    count; kept two days."""
    return f"{OURS}times:{name}:{minute}"


def causes(name: str) -> str:
    """HASH fingerprint -> JSON {function, exception, message, frame}: why the queue's dead letters died."""
    return f"{OURS}causes:{name}"


def cause(name: str, fingerprint: str) -> str:
    """ZSET id -> when it died (milliseconds): the dead letters of one cause."""
    return f"{OURS}cause:{name}:{fingerprint}"


def trash(batch: str) -> str:
    """HASH of one trash batch: queue, verb, by, at, expires_at."""
    return f"{OURS}trash:{batch}"


def trash_jobs(batch: str) -> str:
    """LIST of the ids in a trash batch, in the order they had."""
    return f"{OURS}trash:{batch}:jobs"


def trash_origins(batch: str) -> str:
    """HASH id -> JSON of where it was, {state, status, score, note, ...}. What was cleared had waited: it has none."""
    return f"{OURS}trash:{batch}:origins"


def buffer(pipeline: str) -> str:
    """LIST of items (JSON) that no batch has taken yet, oldest first."""
    return f"{OURS}buffer:{pipeline}"


def buffer_head(pipeline: str) -> str:
    """STRING: how many items were ever cut from the buffer."""
    return f"{OURS}buffer:{pipeline}:head"


def ingest(pipeline: str) -> str:
    """HASH of a pipeline: what was ever `received`, `rejected` and `cut`, `flushed` (items of the last batch),
    `flushed_at` (milliseconds), `sessions_lost`, `session_lost_at` (milliseconds)."""
    return f"{OURS}ingest:{pipeline}"


def topics(pipeline: str) -> str:
    """HASH topic -> `received rejected rate lag`: items a second, and milliseconds from measurement to receipt."""
    return f"{OURS}ingest:{pipeline}:topics"


def topics_seen(pipeline: str) -> str:
    """ZSET topic -> when it was seen last (milliseconds)."""
    return f"{OURS}ingest:{pipeline}:seen"


def arrivals(pipeline: str) -> str:
    """CHANNEL on which items are told as they are committed, while somebody listens: `[count, [item, ...]]`."""
    return f"{OURS}ingest:{pipeline}:arrivals"


def mqtt_session(client_id: str) -> str:
    """HASH of the session that an MQTT broker keeps for a client: `begun` (how many there were), and
    `unsettled` while it is not known whether the broker still has it."""
    return f"{OURS}mqtt:session:{client_id}"


def mqtt_recent(client_id: str) -> str:
    """LIST of notes, `packet id:digest:time of receipt`, of the last messages committed for an MQTT session, newest
    first."""
    return f"{OURS}mqtt:recent:{client_id}"


def inbox(receiver: str) -> str:
    """STREAM of chat messages delivered to a receiver, capped; it expires a week after the last one."""
    return f"{OURS}inbox:{receiver}"


def delivered(message_id: str) -> str:
    """STRING: the message was put into its receiver's inbox. It expires."""
    return f"{OURS}delivered:{message_id}"


def notified(receiver: str) -> str:
    """ZSET note -> when it was sent (milliseconds): what the receiver was sent in the last minute."""
    return f"{OURS}notified:{receiver}"


def lock(name: str) -> str:
    """STRING: the token of whoever does the named housekeeping now; it expires by itself."""
    return f"{OURS}lock:{name}"
