"""Every Redis key, one function or constant each, with its type.

RQ's keys are written out here, so that a program that only reads need not import RQ, which takes as long as redis-py. A
test compares each with RQ's own objects, for several prefixes. qctl's keys begin as `key_prefix.py` says.
"""

from __future__ import annotations

from qctl.broker.redis.key_prefix import QCTL, RQ

# --- RQ's ---------------------------------------------------------------------------------------------------

QUEUES = f"{RQ}:queues"
"""SET of queue keys that were ever enqueued to."""

QUEUE_PREFIX = f"{RQ}:queue:"
JOB_PREFIX = f"{RQ}:job:"
WORKER_PREFIX = f"{RQ}:worker:"

WORKERS = f"{RQ}:workers"
"""SET of worker keys."""

SUSPENDED = f"{RQ}:suspended"
"""STRING set by `rq suspend`: no worker of RQ takes a job while it exists."""


def queue(name: str) -> str:
    """LIST of the ids of waiting jobs, head first."""
    return QUEUE_PREFIX + name


def queue_name(key: bytes | str) -> str:
    """Return the name of the queue that has this key."""
    text = key.decode(errors="surrogateescape") if isinstance(key, bytes) else key
    return text.removeprefix(QUEUE_PREFIX)


def escape_pattern(text: str) -> str:
    """Return a text as SCAN matches it literally."""
    return "".join(f"\\{char}" if char in "*?[]\\" else char for char in text)


def intermediate(name: str) -> str:
    """LIST of job ids that were claimed and have not started."""
    return f"{queue(name)}:intermediate"


def job(job_id: str) -> str:
    """HASH of one job."""
    return JOB_PREFIX + job_id


def results(job_id: str) -> str:
    """STREAM of a job's results, newest last."""
    return f"{RQ}:results:{job_id}"


def executions(job_id: str) -> str:
    """ZSET execution id -> expiry of its heartbeat (s): the current runs of a job."""
    return f"{RQ}:executions:{job_id}"


def execution_prefix(job_id: str) -> str:
    """Prefix of the HASH of each execution of the job; the execution's id follows."""
    return f"{RQ}:execution:{job_id}:"


DEPENDENTS_SUFFIX = ":dependents"
"""End of the key of a job's dependents, after the key of the job's hash."""


def dependents(job_id: str) -> str:
    """SET of ids of jobs that depend on this one."""
    return job(job_id) + DEPENDENTS_SUFFIX


def started(name: str) -> str:
    """ZSET `job:execution`, before RQ 2.0 `job` -> expiry of its heartbeat (s)."""
    return f"{RQ}:wip:{name}"


def finished(name: str) -> str:
    """ZSET job id -> when it expires (s, -1 never)."""
    return f"{RQ}:finished:{name}"


def failed(name: str) -> str:
    """ZSET job id -> when it expires (s, -1 never): the dead letters."""
    return f"{RQ}:failed:{name}"


def scheduled(name: str) -> str:
    """ZSET job id -> when it is due (s)."""
    return f"{RQ}:scheduled:{name}"


def deferred(name: str) -> str:
    """ZSET job id -> when it was deferred (s)."""
    return f"{RQ}:deferred:{name}"


def canceled(name: str) -> str:
    """ZSET job id -> when it was canceled (s)."""
    return f"{RQ}:canceled:{name}"


def worker(name: str) -> str:
    """HASH of one worker; it expires when the worker's heartbeat stops."""
    return WORKER_PREFIX + name


def commands(name: str) -> str:
    """CHANNEL on which the worker receives commands, for example to stop."""
    return f"{RQ}:pubsub:{name}"


def worker_executions(name: str) -> str:
    """SET of `job:execution`: the current runs of the worker."""
    return f"{worker(name)}:executions"


def queue_workers(name: str) -> str:
    """SET of worker keys that listen to the queue."""
    return f"{WORKERS}:{name}"


def scheduler_lock(name: str) -> str:
    """STRING: the RQ scheduler that enqueues the queue's scheduled jobs."""
    return f"{RQ}:scheduler-lock:{name}"


# --- qctl's -------------------------------------------------------------------------------------------------

PAUSED = f"{QCTL}paused"
"""HASH queue -> JSON {by, at, until, reason}: its pause; `at` and `until` in ms of Redis's clock."""

LEASES = f"{QCTL}leases"
"""ZSET claimant -> expiry of its lease (ms of Redis's clock)."""

EVENTS = f"{QCTL}events"
"""STREAM of all events, capped."""

AUDIT = f"{QCTL}audit"
"""STREAM of operators' actions, with a cap of its own, so that events of jobs do not displace them."""


def act(act_id: str) -> str:
    """HASH of a command that works in steps: `entry`, its entry in the audit, and `count`, the jobs so far."""
    return f"{QCTL}act:{act_id}"


QUIET = f"{QCTL}quiet"
"""HASH claimant -> JSON {by, at}: quiet claimants, which claim nothing new."""

IDENTITY = f"{QCTL}identity"
"""HASH of the data itself: `epoch` (its random name), `count` of marks, `at` of the last one (ms) and `run`,
the server's run id then; `lost_at` (ms) and `loss` if data was lost."""

CLOCK = f"{QCTL}clock"
"""HASH of Redis's clock: `at`, when a scheduler looked last (ms); `before` and `after` of a step back (ms) whose due
times are not all moved yet."""

TRASH = f"{QCTL}trash"
"""ZSET trash batch -> when it expires (ms)."""

BREAKERS = f"{QCTL}breakers"
"""HASH queue -> how many times in a row its sink was down."""

LIMIT_REJECTIONS = f"{QCTL}refusals"
"""HASH `rate`, `active` and `memory` -> number of jobs that a limit of owners, or a budget, rejected."""

SCHEDULES = f"{QCTL}schedules"
"""ZSET schedule -> when it is due next (s); infinity while it is paused."""

SCHEDULE_PREFIX = f"{QCTL}schedule:"
"""Prefix of the HASH of a schedule: the fields of the job that it enqueues, and fields of its own (`job_fields`)."""

SCHEDULER_PREFIX = f"{QCTL}scheduler:"
"""Prefix of the keys in which rq-scheduler registers itself."""


def schedule(name: str) -> str:
    """HASH of one schedule."""
    return SCHEDULE_PREFIX + name


def owner_created(owner: str) -> str:
    """ZSET job id -> when it was created (ms): the jobs that the owner created in the last minute."""
    return f"{QCTL}owner:{owner}:created"


def owner_active(owner: str) -> str:
    """SET of ids of the owner's jobs that waited or ran when they were last checked."""
    return f"{QCTL}owner:{owner}:active"


def owner_jobs(owner: str) -> str:
    """ZSET job id -> when it was created (ms): the owner's jobs, including some whose data has expired."""
    return f"{QCTL}owner:{owner}:jobs"


ALERTS = f"{QCTL}alerts"
"""HASH `{rule}|{queue}` -> JSON {level, since, told: {channel: [when, level]}}: firing alerts; times in ms."""

MUTED_ALERTS = f"{QCTL}alerts:muted"
"""HASH rule -> JSON {by, at, until, reason}: rules without notifications; times in ms."""

TOTALS = f"{QCTL}totals"
"""HASH `{count}:{queue}` -> total since counting began, of finished, failed, dead and retried."""


def claims(name: str) -> str:
    """HASH job id -> `claimant|time of the claim (us)`, from the claim until the job has ended."""
    return f"{QCTL}claims:{name}"


def recoveries(name: str) -> str:
    """HASH job id -> number of times its worker died."""
    return f"{QCTL}recoveries:{name}"


def quarantine(name: str) -> str:
    """HASH job id -> JSON {reason, at, by, recoveries}."""
    return f"{QCTL}quarantine:{name}"


def counts_prefix(name: str) -> str:
    """Prefix of `counts`; the hour since 1970 follows."""
    return f"{QCTL}counts:{name}:"


def counts(name: str, hour: int) -> str:
    """HASH `{minute of hour}.{count}` -> number, for one hour since 1970; expires after two days."""
    return f"{counts_prefix(name)}{hour}"


def durations(name: str, minute: int) -> str:
    """HASH `w{bucket}`, `r{bucket} {job}`, `f{bucket} {job}` -> number of waits, runs and failed runs of that duration
    in one minute since 1970; expires after two days."""
    return f"{QCTL}times:{name}:{minute}"


def causes(name: str) -> str:
    """HASH fingerprint -> JSON {function, exception, message, frame}: the causes of the queue's dead letters."""
    return f"{QCTL}causes:{name}"


def cause(name: str, fingerprint: str) -> str:
    """ZSET job id -> when it died (ms): the dead letters of one cause."""
    return f"{QCTL}cause:{name}:{fingerprint}"


def rejects(name: str) -> str:
    """HASH of the queue's rejects that are counted and not stored: `{fingerprint}.count`, `.first` and `.last` (ms),
    `.cause` (JSON) and `.source` (topic or user of the last one)."""
    return f"{QCTL}rejects:{name}"


BUDGETS = f"{QCTL}budgets"
"""HASH `users`, `rejects`, `letters`, and each of them with `:` and an owner or queue -> bytes in use."""


def budget_ledger(kind: str) -> str:
    """HASH job id -> its bytes, a space, and its owner or queue: the jobs that a sum in `BUDGETS` counts."""
    return f"{QCTL}budget:{kind}"


def trash(batch: str) -> str:
    """HASH of one trash batch: queue, verb, by, at, expires_at."""
    return f"{QCTL}trash:{batch}"


def trash_jobs(batch: str) -> str:
    """LIST of the job ids of a trash batch, in the order that they had."""
    return f"{QCTL}trash:{batch}:jobs"


def trash_origins(batch: str) -> str:
    """HASH job id -> JSON {state, status, score, note, ...}: its location before. Jobs that waited have no entry."""
    return f"{QCTL}trash:{batch}:origins"


def buffer(pipeline: str) -> str:
    """LIST of items (JSON) that are in no batch yet, oldest first."""
    return f"{QCTL}buffer:{pipeline}"


def buffer_head(pipeline: str) -> str:
    """STRING: number of items that were ever cut from the buffer."""
    return f"{QCTL}buffer:{pipeline}:head"


def ingest(pipeline: str) -> str:
    """HASH of a pipeline: items ever `received`, `rejected`, `counted` (rejects that were not stored) and `cut`,
    `flushed` (items of the last batch), `flushed_at` (ms), `sessions_lost`, `session_lost_at` (ms)."""
    return f"{QCTL}ingest:{pipeline}"


HEARTBEATS = f"{QCTL}ingest:heartbeats"
"""HASH `{daemon}:{name}` -> JSON {daemon, pipeline, host, pid, instance, state, reason, at, since, began, previous,
rival_at}: the last heartbeat of every source and scheduler; times in ms of Redis's clock."""


def last_commit(pipeline: str, source: str) -> str:
    """STRING: mark of the last transaction with which a source appended items; expires a day after it."""
    return f"{QCTL}ingest:{pipeline}:last:{source}"


def topics(pipeline: str) -> str:
    """HASH topic -> `received rejected rate lag`: two totals, items per second, ms from measurement to receipt."""
    return f"{QCTL}ingest:{pipeline}:topics"


def topics_seen(pipeline: str) -> str:
    """ZSET topic -> time of its last item (ms)."""
    return f"{QCTL}ingest:{pipeline}:seen"


def topic_notes(pipeline: str) -> str:
    """HASH topic -> JSON of what was not stored: `{"ignored": {reason: n}, "left_out": {field: n}, "clocks": n}`."""
    return f"{QCTL}ingest:{pipeline}:notes"


def arrivals(pipeline: str) -> str:
    """CHANNEL on which committed items are published while there is a subscriber: `[count, [item, ...]]`."""
    return f"{QCTL}ingest:{pipeline}:arrivals"


def mqtt_session(client_id: str) -> str:
    """HASH of a client's session on an MQTT broker: `begun` (number of sessions so far), and `unsettled` while it is
    unknown whether the broker still has it."""
    return f"{QCTL}mqtt:session:{client_id}"


def mqtt_recent(client_id: str) -> str:
    """LIST of `packet id:digest:time of receipt` of the last messages committed for an MQTT session, newest first."""
    return f"{QCTL}mqtt:recent:{client_id}"


def mqtt_retained(pipeline: str) -> str:
    """HASH topic -> digest of the last retained message without a time that was stored."""
    return f"{QCTL}mqtt:retained:{pipeline}"


def inbox(receiver: str) -> str:
    """STREAM of chat messages delivered to a receiver, capped; expires a week after the last one."""
    return f"{QCTL}inbox:{receiver}"


def delivered(message_id: str) -> str:
    """STRING that exists if the message was put into its receiver's inbox. It expires."""
    return f"{QCTL}delivered:{message_id}"


def notified(receiver: str) -> str:
    """ZSET notification -> when it was sent (ms): those sent to the receiver in the last minute."""
    return f"{QCTL}notified:{receiver}"


USER_SESSIONS = f"{QCTL}sessions"
"""HASH user id -> version that the tokens of a user of the gateway must have."""


def invitation(digest: str) -> str:
    """STRING that exists while an invitation to sign up, known by the hash of its token, is good."""
    return f"{QCTL}invitation:{digest}"


def logged_out(token_id: str) -> str:
    """STRING that exists if a token of the gateway was logged out, until the token expires."""
    return f"{QCTL}loggedout:{token_id}"


def attempts(door: str, kind: str, digest: str) -> str:
    """STRING: number of attempts at a secret, by account or address; it expires by itself."""
    return f"{QCTL}attempts:{door}:{kind}:{digest}"


def lock(name: str) -> str:
    """STRING: the token of the process that does the named housekeeping; it expires by itself."""
    return f"{QCTL}lock:{name}"
