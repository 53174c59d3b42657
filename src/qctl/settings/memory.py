"""Settings of memory in Redis: what users and bad data may use of it."""

from __future__ import annotations

from qctl.settings.field import SettingsPart, setting
from qctl.settings.parsers import whole_number


class MemorySettings(SettingsPart):
    """Part of `Settings`; not loaded by itself."""

    max_job_bytes: int = setting(
        "QCTL_MAX_JOB_BYTES",
        whole_number(256, 1 << 20),
        "1048576",
        group="jobs",
        doc="Maximum size (bytes of JSON) of the arguments of any job. A larger one is refused when it is created: its "
        "data belongs in a file that the job names",
    )
    user_job_bytes: int = setting(
        "QCTL_USER_JOB_BYTES",
        whole_number(256, 1 << 20),
        "262144",
        group="jobs",
        doc="Maximum size (bytes of JSON) of the arguments of a job with an owner, if QCTL_MAX_JOB_BYTES is not less",
    )
    user_jobs_memory: int = setting(
        "QCTL_USER_JOBS_MEMORY",
        whole_number(0, 50),
        "20",
        group="jobs",
        doc="Share (percent) of Redis's maxmemory, or of 1 GB if it has none, that jobs with an owner may use, also "
        "finished and dead ones; one owner may use a tenth of it. Beyond it their creation is refused (429, 503). "
        "0: no limit",
    )
    rejects_memory: int = setting(
        "QCTL_REJECTS_MEMORY",
        whole_number(0, 50),
        "5",
        group="jobs",
        doc="Share (percent) of maxmemory that rejected messages and rows may use as dead letters. Beyond it they are "
        "counted by cause and not stored",
    )
    reject_samples: int = setting(
        "QCTL_REJECT_SAMPLES",
        whole_number(1, 1_000_000),
        "10",
        group="jobs",
        doc="Number of rejected messages of one cause that are stored as dead letters; further ones are counted, with "
        "the times of the first and the last. Of rows that a sink refused a hundred times as many are stored",
    )
    dead_letters_memory: int = setting(
        "QCTL_DEAD_LETTERS_MEMORY",
        whole_number(0, 50),
        "15",
        group="jobs",
        doc="Share (percent) of maxmemory that other dead letters may use. Beyond it queues that hold a tenth of it "
        "take no new jobs from producers; ingestion goes on, and no dead letter is deleted. 0: no limit",
    )

    def max_argument_bytes(self, owner: str | None) -> int:
        """Return the maximum size (bytes of JSON) of the arguments of a job with this owner, or with none."""
        return self.max_job_bytes if owner is None else min(self.max_job_bytes, self.user_job_bytes)
