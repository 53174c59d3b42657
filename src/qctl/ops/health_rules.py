"""Thresholds of the health check, by which `qctl health`, `qctl doctor`, the monitor and the alerts judge.

Each is a number with its unit in its name, what it judges, and why it has this value.
"""

from __future__ import annotations

# --- failed runs

FAILED_SHARE_WARNING = 0.05
"""Share of runs of the last 5 min that failed: more than retries of a flaky service."""

FAILED_SHARE_ERROR = 0.20
"""Share of failed runs at which the cause is the code or a service, and not chance."""

MIN_FAILED_RUNS = 5
"""Failed runs of the last 5 min below which a share says nothing."""

# --- dead letters

NEW_DEAD_LETTERS_WARNING = 10
"""Dead letters of a queue in the last DEAD_WINDOW_MINUTES: more than a person would look at one by one."""

NEW_DEAD_LETTERS_ERROR = 100
"""Dead letters of a queue in the last DEAD_WINDOW_MINUTES that show that most of its jobs die."""

DEAD_WINDOW_MINUTES = 15
"""Period (min) in which new dead letters are counted."""

DEAD_LETTERS_WARNING = 100
"""Dead letters of a queue that wait for a decision: a few do for a while, so many were forgotten."""

# --- causes

NEW_CAUSE_SECONDS = 900.0
"""Time after its first dead letter for which a cause is new."""

GROWTH_LETTERS, GROWTH_FACTOR = 20, 3.0
"""New dead letters of a cause in NEW_CAUSE_SECONDS from which on it grows, if they are also so many times those of the
same time before."""

# --- waiting jobs

WAIT_WARNING_SECONDS, WAIT_ERROR_SECONDS = 600.0, 3600.0
"""Age of the oldest waiting job if nothing is known of the queue's habits."""

MIN_WAIT_SECONDS = 60.0
"""Age of the oldest waiting job that is never reported when habits are known: less is a burst."""

HABIT_FACTOR, HABIT_ERROR_FACTOR = 3.0, 10.0
"""Multiple of the queue's usual value, in the same hour of the last days, that is a warning and an error. A share of
failed runs below HABIT_FACTOR times the usual is not reported, or above FAILED_SHARE_ERROR as a warning."""

HABIT_MINUTES = 60
"""Length (min) of the period of a day before that tells a habit, with this time of day in its middle."""

HABIT_DAYS = 2
"""Days whose same hour tells a habit: counts are kept for no more. One day alone may have been bad, or a holiday."""

STALLED_SECONDS = 60.0
"""Age of the oldest waiting job of a queue from which no worker takes any: long jobs show as running."""

GROWING_JOBS = 100
"""Waiting jobs of a queue below which it is not reported that it grows: rates of one minute waver."""

# --- running jobs

STUCK_GRACE_SECONDS = 5.0
"""Time after its time-out for which a job may run on: its worker needs a moment to end it."""

SLOW_SECONDS = 10.0
"""Duration of a run below which it is never slow, whatever its usual duration."""

MIN_RUNS_OF_NAME = 20
"""Runs of a job's name in the last SLOW_HOURS without which its 99th percentile says nothing."""

SLOW_HOURS = 6
"""Period (h) of the runs that tell the usual duration of a job's name."""

# --- sources and schedulers

SOURCE_WAITING_SECONDS = 10.0
"""Time for which a daemon may wait, for its broker or for Redis, before it is reported; their restarts are shorter."""

RIVAL_SECONDS = 60.0
"""Time after two processes of one name were last seen at once for which that is reported."""

REPLACED_SECONDS = 600.0
"""Time for which a silent daemon is shown although others of its kind run: it may have been replaced."""

# --- quiet topics

MIN_QUIET_SECONDS = 60.0
"""Silence of a topic or a job that is never unusual, however short its usual pauses: counts are written by the second
and the minute."""

GIVEN_UP_SECONDS = 7 * 86_400.0
"""Silence of a topic from which on it is not reported any more: its device was taken away."""

MAX_QUIET_TOPICS = 20
"""Quiet topics that are reported by name; the rest are counted."""

# --- schedulers, losses, buffers, leases

OVERDUE_SECONDS = 10.0
"""Delay of a delayed job or retry that shows that no scheduler runs."""

BEHIND_SECONDS = 60.0
"""Delay of a delayed job or retry that shows that the running scheduler cannot keep up."""

SESSION_LOSS_SECONDS = 86_400.0
"""Time for which a lost MQTT session degrades the health: long enough to be noticed."""

DATA_LOSS_SECONDS = 86_400.0
"""Time for which a loss of data degrades the health."""

STALE_BUFFER_SECONDS = 60.0
"""Age of the oldest item in a buffer that shows that no batches are cut from it."""

LEASE_SILENT_SECONDS = 20.0
"""Time without a renewed lease that shows that no worker can write; a lease lasts 15 s."""

LEASE_FORGOTTEN_SECONDS = 600.0
"""Time after which the lease is one of workers that were stopped on purpose."""
