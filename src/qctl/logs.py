"""Logging of every process: set up once, to stderr, one line per event.

Every line passes `safe`, because log lines end on terminals and in journals, and exceptions contain connection strings.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar, Token
from datetime import datetime, timezone
from functools import lru_cache
from typing import TextIO, cast

from qctl.safe import escape_line, escape_text, is_plain, redact
from qctl.settings import Settings

CONTEXT_KEYS = ("event", "jobId", "traceId", "userId", "method", "path", "client", "status", "ms")
"""Keys that a caller may add to a line by logging's `extra`, or to all lines by `log_context`."""

_context: ContextVar[Mapping[str, str | None]] = ContextVar("context")

NOISY_LIBRARIES = ("rq", "amqtt", "transitions")
"""Libraries that repeat qctl's own log lines at `info`. Below `warning` they are logged only at `debug`."""

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
"""Areas that QCTL_DEBUG may name, with the loggers that then log at `debug` regardless of LOG_LEVEL."""

RQ_LOGGERS = ("rq.worker", "rq.job", "rq.scheduler")
"""Loggers to which RQ adds handlers of its own if they have none; those print hostile text unescaped."""


CHILD_DIED = "Work-horse terminated unexpectedly"
"""Start of RQ's line about a failed job. RQ logs it before qctl decides whether the job of a dead child is recovered,
quarantined or a dead letter; qctl logs that decision."""

REPEATED_LOGGERS = ("asyncio",)
"""Loggers of libraries that may log one message thousands of times a second: asyncio does for each connection that it
cannot accept because the process has no file handles left."""

REPEAT_SECONDS = 10.0
"""Time (s) within which a message of these loggers is logged once."""


class RepeatFilter(logging.Filter):
    """Lets a message pass once in `REPEAT_SECONDS`, with the number of times that it was held back before."""

    def __init__(self) -> None:
        super().__init__()
        self._last = ""
        self._due = 0.0
        self._held_back = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True if the record is to be logged."""
        text, now = record.getMessage().partition("\n")[0], time.monotonic()
        if text == self._last and now < self._due:
            self._held_back += 1
            return False
        if self._held_back and text == self._last:
            record.msg, record.args = f"{text} (and {self._held_back} times before)", ()
        self._last, self._due, self._held_back = text, now + REPEAT_SECONDS, 0
        return True


def setup(service: str, settings: Settings) -> None:
    """Log to stderr by LOG_LEVEL and LOG_FORMAT. `service` names this process in JSON.

    A second call replaces the first.
    """
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    handler = LineHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter(service))
    verbose = {name for area in settings.debug for name in AREAS[area]}
    if settings.log_level != "debug":
        handler.relevance = lambda record: _is_relevant(record, verbose)
        handler.addFilter(handler.relevance)
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for name in {name for names in AREAS.values() for name in names}:
        logging.getLogger(name).setLevel(logging.DEBUG if name in verbose else logging.NOTSET)
    logging.captureWarnings(True)
    # Lines contain none of this, and collecting it takes half the time of a line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    for name in REPEATED_LOGGERS:
        logger = logging.getLogger(name)
        logger.filters = [known for known in logger.filters if not isinstance(known, RepeatFilter)]
        logger.addFilter(RepeatFilter())
    for name in RQ_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def context_value(key: str) -> str | None:
    """A value of the innermost `log_context`, None without one."""
    return _context.get({}).get(key)


class log_context:
    """Add `jobId`, `traceId` or `userId` to every line that this thread logs meanwhile."""

    __slots__ = ("_context", "_token")

    def __init__(self, **context: str | None) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token: Token[Mapping[str, str | None]] = _context.set(self._context)

    def __exit__(self, *_: object) -> None:
        _context.reset(self._token)


def _is_relevant(record: logging.LogRecord, verbose: Collection[str]) -> bool:
    library = record.name.partition(".")[0]
    if library == "rq" and CHILD_DIED in record.getMessage():
        return False
    return record.levelno >= logging.WARNING or library not in NOISY_LIBRARIES or library in verbose


def _context_of(own: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The context of a line, its own first."""
    shared = _context.get({})
    for key in CONTEXT_KEYS:
        if (value := own[key] if key in own else shared.get(key)) is not None:
            yield key, str(value)


class TextFormatter(logging.Formatter):
    """`12:00:01 info    message key=value`, in local time. A traceback follows on indented lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record as text."""
        line = self.line(record.created, record.levelname, record.getMessage(), record.__dict__)
        return "\n    ".join([line, *_traceback(self, record).splitlines()])

    def line(self, at: float, level: str, message: str, own: Mapping[str, object]) -> str:
        """Format a line of this time (s since 1970) without a traceback. `own` has its own context."""
        clock = time.strftime("%H:%M:%S", time.localtime(at))
        line = f"{clock} {level.lower():<7} {escape_line(redact(message))}"
        return " ".join([line, *(_text_field(key, value) for key, value in _context_of(own))])


class JsonFormatter(logging.Formatter):
    """One JSON object per line. `exception` holds the traceback, if there is one."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = _quoted(service)

    def format(self, record: logging.LogRecord) -> str:
        """Format one record as JSON, ASCII only."""
        line = self.line(record.created, record.levelname, record.getMessage(), record.__dict__)
        if traceback := _traceback(self, record):
            return f'{line[:-1]}, "exception": {_quoted(traceback)}}}'
        return line

    def line(self, at: float, level: str, message: str, own: Mapping[str, object]) -> str:
        """Format a line of this time (s since 1970) without a traceback. `own` has its own context."""
        moment, context = f"{_second(int(at))}.{int(at % 1 * 1000):03d}Z", list(_context_of(own))
        if is_plain(" ".join([message, *(value for _, value in context)])):  # one search instead of one for each field
            fields = [f'"{key}": {_quoted(value)}' for key, value in context]
        else:
            message = escape_text(redact(message))
            fields = [_json_field(key, value) for key, value in context]
        head = (
            f'{{"timestamp": "{moment}", "level": {_quoted(level.lower())}, "service": {self._service}, '
            f'"message": {_quoted(message)}'
        )
        return ", ".join([head, *fields]) + "}"


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines to a stream. `write_lines` writes some that were never records."""

    relevance: Callable[[logging.LogRecord], bool] | None = None
    """The filter of `setup`, which every line of qctl's own passes."""

    def write_lines(self, level: str, lines: Iterable[tuple[str, Mapping[str, object]]]) -> None:
        """Write messages with their own context as `emit` does, in one write. A stream that fails loses them, as one of
        logging's own handlers does."""
        formatter, message = cast("TextFormatter | JsonFormatter", self.formatter), ""
        now, text = time.time(), ""
        for message, own in lines:
            try:
                text += formatter.line(now, level, message, own) + self.terminator
            except Exception:  # noqa: BLE001 - the other lines are written
                self.handleError(logging.makeLogRecord({"msg": message}))
        try:
            with self.lock or nullcontext():
                self.stream.write(text)
                self.flush()
        except Exception:  # noqa: BLE001 - the job goes on
            self.handleError(logging.makeLogRecord({"msg": message}))


class PartialHandler(logging.Handler):
    """A handler that ignores the lines of some loggers."""

    ignored_loggers: tuple[str, ...] = ()
    """Beginnings of the names of these loggers."""


class FrequentEvents:
    """Logs events of every job or request in half the time of `Logger.log`, which makes a record and asks all handlers.

    The line is the same. Logging itself takes it if there is a filter, or a handler that does not ignore it, beside
    those of `setup`.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def log(self, level: int, message: str, **own: object) -> None:
        """Log a message with keys of its own, of CONTEXT_KEYS."""
        self.log_each(level, [(message, own)])

    def log_each(self, level: int, lines: Sequence[tuple[str, Mapping[str, object]]]) -> None:
        """Log messages, each with its own keys, in one write."""
        if not lines or not self._logger.isEnabledFor(level):
            return
        if (handler := self._only_handler()) and level >= handler.level:
            handler.write_lines(logging.getLevelName(level), lines)
            return
        for message, own in lines:
            self._logger.log(level, "%s", message, extra=own)

    def _only_handler(self) -> LineHandler | None:
        """The handler of `setup`, if a line of qctl's reaches no other and passes no filter on its way."""
        logger: logging.Logger | None = self._logger
        while logger is not None and logger.parent is not None:
            if logger.handlers or logger.filters or not logger.propagate:
                return None
            logger = logger.parent
        handlers = logger.handlers if logger else []
        if len(handlers) > 1:
            handlers = [handler for handler in handlers if not self._is_ignored_by(handler)]
        handler = handlers[0] if len(handlers) == 1 else None
        if not isinstance(handler, LineHandler) or any(known is not handler.relevance for known in handler.filters):
            return None
        return handler

    def _is_ignored_by(self, handler: logging.Handler) -> bool:
        return isinstance(handler, PartialHandler) and self._logger.name.startswith(handler.ignored_loggers)


_quoted = json.encoder.encode_basestring_ascii
"""Encodes a string as JSON. A line has only strings, and joining them takes half as long as `dumps`."""


@lru_cache(maxsize=64)
def _json_field(key: str, value: str) -> str:
    """A field of the context, cached because successive lines often share it."""
    return f'"{key}": {_quoted(escape_line(redact(value)))}'


@lru_cache(maxsize=64)
def _text_field(key: str, value: str) -> str:
    """A field of the context, in quotes if it contains a space."""
    escaped = escape_line(redact(value))
    return f"{key}={_quoted(escaped) if ' ' in escaped else escaped}"


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    """The date and time of a line, cached because many lines come in one second."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat()[:19]


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return escape_text(redact(formatter.formatException(record.exc_info))) if record.exc_info else ""
