"""Logging of every process: set up once, to stderr, one line a fact.

Whatever is logged passes `safe`: log lines end on terminals and in journals, and exceptions carry connection strings.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timezone
from functools import lru_cache

from qctl.safe import escape_line, escape_text, redact
from qctl.settings import Settings

CONTEXT = ("event", "jobId", "traceId", "userId", "method", "path", "status", "ms")
"""What a caller may add to a line by logging's `extra`, or to all lines by `about`; absent where it was not given."""

_about: ContextVar[Mapping[str, str | None]] = ContextVar("about")

NOISY = ("rq", "amqtt", "transitions")
"""Libraries that tell much at `info` that our own lines tell too. Below a warning they are heard only at `debug`."""

AREAS: Mapping[str, tuple[str, ...]] = {
    "mqtt": (
        "qctl.sources.mqtt_bridge",
        "qctl.sources.mqtt_connection",
        "qctl.sources.duplicate_filter",
        "qctl.broker.ingest.mqtt_session",
        "paho",
    ),
    "socket": (
        "qctl.sources.batcher",
        "qctl.sources.socketio_server",
        "qctl.sources.asgi_front",
        "engineio",
        "socketio",
    ),
    "batch": ("qctl.sources.group_commit", "qctl.sources.batch_cutter", "qctl.broker.ingest.buffer"),
    "claim": ("qctl.broker.worker", "rq"),
    "schedule": ("qctl.broker.maintenance", "qctl.broker.scheduler"),
    "sink": ("qctl.sinks", "qctl.store"),
    "job": ("qctl.jobs", "qctl.mail", "qctl.files", "qctl.reports", "qctl.http_client"),
    "alert": ("qctl.ops.alert_watch", "qctl.ops.alert_channels"),
    "history": ("qctl.history",),
    "supervisor": ("qctl.daemon", "qctl.supervisor"),
}
"""What QCTL_DEBUG may name, and the loggers that tell all then, whatever LOG_LEVEL says."""

RQ_LOGGERS = ("rq.worker", "rq.job", "rq.scheduler")
"""Loggers that RQ gives handlers of its own where it finds none, with hostile text as it came."""


def setup(service: str, settings: Settings) -> None:
    """Send everything that this process logs to stderr, as LOG_LEVEL and LOG_FORMAT say. `service` names it in JSON.

    A second call takes the place of the first.
    """
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter(service))
    wanted = {name for area in settings.debug for name in AREAS[area]}
    if settings.log_level != "debug":
        handler.addFilter(lambda record: _worth_hearing(record, wanted))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for name in {name for names in AREAS.values() for name in names}:
        logging.getLogger(name).setLevel(logging.DEBUG if name in wanted else logging.NOTSET)
    logging.captureWarnings(True)
    # Our lines tell none of this, and to find it out takes half the time of a line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    for name in RQ_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


@contextmanager
def about(**context: str | None) -> Iterator[None]:
    """Name what every line is about that this thread logs meanwhile: `jobId`, `traceId`, `userId`."""
    token = _about.set(context)
    try:
        yield
    finally:
        _about.reset(token)


def _worth_hearing(record: logging.LogRecord, wanted: Collection[str]) -> bool:
    library = record.name.partition(".")[0]
    return record.levelno >= logging.WARNING or library not in NOISY or library in wanted


class TextFormatter(logging.Formatter):
    """`12:00:01 info    message`, in local time. A traceback follows on lines of its own, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """One record as text."""
        time = self.formatTime(record, "%H:%M:%S")
        line = f"{time} {record.levelname.lower():<7} {escape_line(redact(record.getMessage()))}"
        return "\n    ".join([line, *_traceback(self, record).splitlines()])


class JsonFormatter(logging.Formatter):
    """One JSON object a line. `exception` holds the traceback where there is one."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = _quoted(service)

    def format(self, record: logging.LogRecord) -> str:
        """One record as JSON, ASCII only."""
        at = f"{_second(int(record.created))}.{int(record.created % 1 * 1000):03d}Z"
        fields = [
            f'"timestamp": "{at}", "level": {_quoted(record.levelname.lower())}, "service": {self._service}',
            f'"message": {_quoted(escape_text(redact(record.getMessage())))}',
        ]
        whole, own = _about.get({}), record.__dict__
        for key in CONTEXT:
            if (value := own[key] if key in own else whole.get(key)) is not None:
                fields.append(_field(key, str(value)))
        if traceback := _traceback(self, record):
            fields.append(f'"exception": {_quoted(traceback)}')
        return "{" + ", ".join(fields) + "}"


_quoted = json.encoder.encode_basestring_ascii
"""A text as JSON: all that a line holds are texts, and to put them together takes half as long as `dumps`."""


@lru_cache(maxsize=64)
def _field(key: str, value: str) -> str:
    """A field of what a line is about: the next line is often about the same."""
    return f'"{key}": {_quoted(escape_line(redact(value)))}'


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    """The date and the time of a line: many lines come in one second."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat()[:19]


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return escape_text(redact(formatter.formatException(record.exc_info))) if record.exc_info else ""
