"""The last lines that a job logs or prints while it runs, kept with the job for `qctl job logs`.

The lines ride with the end of the run. Only for a run that lasts they are also written before, by a thread that starts
with the first line, so that an operator can follow them. A job that logs nothing costs one small object.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections import deque
from typing import Any, NamedTuple, TextIO, cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.executions import Execution
from rq.job import Job
from rq.utils import utcformat

from qctl.broker.redis import keys
from qctl.broker.redis.job_fields import LOG_PREFIX
from qctl.broker.redis.scripts import Script
from qctl.logs import PartialHandler
from qctl.safe import redact

log = logging.getLogger(__name__)

MAX_LINE_CHARACTERS = 2000
"""Length at which a line is cut off."""

MAX_ERROR_CHARACTERS = 16_384
"""Length of a traceback that is kept of a failed run; its end is what counts."""

WRITE_SECONDS = 0.5
"""Time (s) between two writes of the lines of a run that lasts."""

MACHINERY = ("qctl.broker.", "qctl.daemon", "qctl.supervisor", "rq.")
"""Loggers whose lines are about jobs, and not by them."""

_keep_run = Script("worker/keep_run", after="worker/kept_runs")


class LogRow(NamedTuple):
    """The log of a run whose end is written with the next claim: the job's key, a field and its JSON."""

    job: str
    field: str
    text: bytes


class _Run:
    """The run whose lines are collected."""

    __slots__ = ("connection", "job", "lines", "run_id", "size", "total", "worker", "written")

    def __init__(self, job: Job, run_id: str, worker: str, connection: Redis) -> None:
        self.job = job
        self.run_id = run_id
        self.worker = worker
        self.connection = connection
        self.lines: deque[tuple[int, str, str]] = deque()
        self.size = 0
        self.total = 0
        self.written = 0
        """Number of lines when they were last written."""

    def as_json(self) -> bytes:
        """The lines as the job's hash holds them."""
        text = {"run": self.run_id, "worker": self.worker, "total": self.total, "lines": list(self.lines)}
        return _encode(text)


class JobLog:
    """Collects the lines of the running job of this process: what is logged, and what is printed to stdout and stderr.

    At most `max_lines` lines and `max_bytes` bytes of a run are kept, the newest. 0 lines turn it off.
    """

    def __init__(self, max_lines: int, max_bytes: int) -> None:
        self._max_lines, self._max_bytes = max_lines, max_bytes
        self._lock = threading.RLock()
        self._run: _Run | None = None
        self._has_lines = threading.Event()
        self._thread: threading.Thread | None = None
        self._handler = _Handler(self)
        self._tees: tuple[_Tee, _Tee] | None = None
        os.register_at_fork(after_in_child=self._reset)

    def install(self) -> None:
        """Begin to hear what this process logs and prints."""
        if self._max_lines and self._tees is None:
            logging.getLogger().addHandler(self._handler)
            self._tees = _Tee(sys.stdout, self, "stdout"), _Tee(sys.stderr, self, "stderr")
            sys.stdout, sys.stderr = cast(TextIO, self._tees[0]), cast(TextIO, self._tees[1])

    def uninstall(self) -> None:
        """Undo `install`."""
        logging.getLogger().removeHandler(self._handler)
        if self._tees is not None:
            for name, tee in zip(("stdout", "stderr"), self._tees, strict=True):
                if getattr(sys, name) is tee:
                    setattr(sys, name, tee._stream)
            self._tees = None

    # --- one run ------------------------------------------------------------------------------------------------

    def begin(self, job: Job, execution: Execution, worker: str) -> None:
        """Collect the lines of this run from now on."""
        if self._max_lines:
            self._run = _Run(job, execution.id, worker, execution.connection)

    def end(self) -> None:
        """Collect nothing until the next run begins. What was not taken is dropped."""
        self._run = None

    def add(self, level: str, text: str) -> None:
        """Add what was logged or printed, if a job runs. Passwords are masked before the text is cut."""
        run = self._run
        if run is None:
            return
        at = time.time_ns() // 1_000_000
        with self._lock:
            for line in redact(text).splitlines():
                encoded = line[:MAX_LINE_CHARACTERS].encode(errors="backslashreplace")
                run.lines.append((at, level, encoded.decode()))
                run.size += len(encoded)
                run.total += 1
                while len(run.lines) > self._max_lines or run.size > self._max_bytes:
                    run.size -= len(run.lines.popleft()[2].encode())
        self._start_thread()

    def row(self) -> LogRow | None:
        """The lines of the run, to be written with the end of a fast-path job. None if there are none."""
        run = self._run
        if run is None or not self._has_any(run):
            return None
        with self._lock:
            return LogRow(keys.job(run.job.id), LOG_PREFIX + started_at(run.job), run.as_json())

    def stage(self, pipe: Pipeline, job: Job, execution: Execution | None, error: str | None, worker: str) -> None:
        """Write the lines of the run in the transaction of its end, and its `error` if RQ keeps no result of it."""
        run = self._run
        has_lines = run is not None and run.job is job and self._has_any(run)
        if not has_lines and error is None:
            return
        ended = job.ended_at.timestamp() if job.ended_at else time.time()
        record = {"run": execution.id if execution else "", "worker": worker, "outcome": "failed", "ended": ended}
        with self._lock:
            _keep_run.stage(
                pipe,
                job=keys.job(job.id),
                started=started_at(job),
                run="" if error is None else _encode(record | {"error": redact(error)[-MAX_ERROR_CHARACTERS:]}),
                log=run.as_json() if run is not None and has_lines else "",
            )

    def _has_any(self, run: _Run) -> bool:
        for tee in self._tees or ():
            tee.end_line(run)
        return run.total > 0

    # --- a run that lasts ---------------------------------------------------------------------------------------

    def _start_thread(self) -> None:
        """Wake the thread that writes lines, and start it if there is none in this process."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_often, name="qctl-job-log", daemon=True)
            self._thread.start()
        self._has_lines.set()

    def _write_often(self) -> None:
        while True:
            self._has_lines.wait()
            time.sleep(WRITE_SECONDS)
            self._has_lines.clear()
            try:
                self._write_new_lines()
            except RedisError as error:
                log.debug("the lines of a job are written later: %s", error)
                self._has_lines.set()

    def _write_new_lines(self) -> None:
        run = self._run
        if run is None or run.total == run.written:
            return
        with self._lock:
            total, text = run.total, run.as_json()
        if self._run is run:
            _keep_run(run.connection, job=keys.job(run.job.id), started=started_at(run.job), run="", log=text.decode())
            run.written = total

    def _reset(self) -> None:
        """In a new child: its locks and thread are not those of the parent, and the parent's run is not its own."""
        self._lock, self._has_lines = threading.RLock(), threading.Event()
        self._run = self._thread = None


class _Handler(PartialHandler):
    ignored_loggers = MACHINERY

    def __init__(self, job_log: JobLog) -> None:
        super().__init__()
        self._job_log = job_log

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line that the job, or a library that it uses, logged."""
        if self._job_log._run is None or record.name.startswith(self.ignored_loggers):
            return
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + logging.Formatter().formatException(record.exc_info)
            self._job_log.add(record.levelname.lower(), text)
        except Exception:  # noqa: BLE001 - as logging itself does it: a bad log call must not fail the job
            self.handleError(record)


class _Tee:
    """A standard stream: what is written to it goes on as before, and its whole lines to the job's log as well."""

    def __init__(self, stream: TextIO, job_log: JobLog, level: str) -> None:
        self._stream, self._job_log, self._level = stream, job_log, level
        self._part = ""
        self._owner: _Run | None = None

    def write(self, text: str) -> int:
        """Write a text, and add the lines that it ends."""
        run = self._job_log._run
        if run is not None:
            begun = self._part if self._owner is run else ""
            *lines, rest = (begun + text).split("\n")
            self._owner, self._part = run, rest[:MAX_LINE_CHARACTERS]
            if lines:
                self._job_log.add(self._level, "\n".join(lines))
        return self._stream.write(text)

    def end_line(self, run: _Run) -> None:
        """Add the line that this run has begun and not ended."""
        if self._owner is run and self._part:
            part, self._part = self._part, ""
            self._job_log.add(self._level, part)

    def __getattr__(self, name: str) -> Any:
        """All else is the stream's own."""
        return getattr(self._stream, name)


def write(connection: Redis, row: LogRow) -> None:
    """Write the lines of a run whose end was written without them."""
    _keep_run(connection, job=row.job, started=row.field.removeprefix(LOG_PREFIX), run="", log=row.text.decode())


def started_at(job: Job) -> str:
    """The start of the run as the job's hash holds it, in RQ's format. It names the run among those of the job."""
    claim = getattr(job, "claim", None)
    moment = claim.started_at if claim is not None else job.started_at
    return utcformat(moment) if moment else ""


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
