"""Names of the hash fields that qctl adds to RQ's job and worker hashes, and to the hashes of schedules.

RQ ignores fields that it does not know. The Lua scripts write the same names; a test compares them with these.
"""

from __future__ import annotations

ORIGINAL_DATA = "qctl_original"
"""The payload before the first edit by an operator."""

EDITED_AT = "qctl_edited"
"""Time and author of the last edit of the payload."""

TRASH_BATCH = "qctl_trash"
"""Id of the trash batch that the job lies in."""

RUN_PREFIX = "qctl_run_"
"""Prefix of the fields of runs of which RQ keeps no result: JSON {run, worker, outcome, ended, error}. The start of the
run follows, in RQ's format. A run without an outcome was interrupted."""

LOG_PREFIX = "qctl_log_"
"""Prefix of the fields with the last lines of runs: JSON {run, worker, total, lines}. The start of the run follows."""

CHANGED_AT = "qctl_changed"
"""Time (ms since 1970) at which the job was canceled or discarded; RQ's own times do not change then."""

FINGERPRINT = "qctl_fingerprint"
"""Fingerprint of the cause of a dead letter."""

MOVED_FROM = "qctl_moved_from"
"""Queue that the job was moved from."""

REPLAYED_FROM = "qctl_replayed_from"
"""Id of the job that this one is a copy of."""

REPLAYED_TO = "qctl_replayed_to"
"""Id of the last copy of the job."""

DEPENDENTS = "qctl_dependents"
"""Ids of the jobs that waited for this one and were enqueued when it ended, as a JSON list. RQ deletes them."""

WORKER_MEMORY = "qctl_memory"
"""Resident memory of a worker, in bytes, as it last wrote it. On the worker's hash."""

WORKER_CPU = "qctl_cpu"
"""Processors that a worker and its children kept busy between its last two heartbeats: 1 is one processor. On the
worker's hash."""

WORKER_CLOCK_SKEW = "qctl_clock_skew"
"""Seconds by which the clock of a worker's host is ahead of Redis's, as it last wrote it. On the worker's hash."""

DUE_AT = "qctl_due"
"""Time at which a paused delayed job is due."""

PAUSED_BY = "qctl_held_by"
"""Author of the pause of one delayed job."""

SCHEDULE_SOURCE = "qctl_source"
"""Origin of a schedule: `settings`, or absent for one that an operator added."""

SCHEDULE_RUNS_LEFT = "qctl_left"
"""Runs that a schedule with a limit has left."""

SCHEDULE_PAUSED_BY = "qctl_paused"
"""Author of the pause of a schedule."""

SCHEDULE_BLACKOUT = "qctl_blackout"
"""Time zone, a space, and windows in which the schedule is not due."""

SCHEDULE_PROBLEM = "qctl_problem"
"""Reason that a schedule cannot run."""

SCHEDULE_LAST_DUE = "qctl_last_due"
"""Due time of a schedule's last run, in seconds since 1970."""

SCHEDULE_LAST_RUN_AT = "qctl_last_at"
"""Time at which a schedule last ran."""

SCHEDULE_LAST_JOB = "qctl_last_job"
"""Id of the job that a schedule's last run enqueued."""

SCHEDULE_ACCEPTED_JOB = "qctl_accepted"
"""Id of a schedule's last job when it was resumed: its failure does not pause the schedule again."""

SCHEDULE_RUNS = "qctl_runs"
"""Runs of a schedule so far."""

SCHEDULE_REPEATED = "qctl_repeated"
"""Time (s since 1970) up to which due times come a second time, because Redis's clock went back."""

SCHEDULE_MISSED = "qctl_missed"
"""Runs of a schedule that were missed while no scheduler ran."""

SCHEDULE_MISSED_AT = "qctl_missed_at"
"""Time at which missed runs were last counted."""
