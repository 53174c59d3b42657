"""Run loop of every daemon: settings, logs, signals, heartbeats to the supervisor, and the exit code.

The daemon's work runs in the main thread. The first SIGTERM or SIGINT asks it to drain (finish its current work, take
nothing new); the second stops it at once. SIGHUP makes it read the settings again and apply those that it can. The
supervisor (systemd, or `qctl up`) gets READY, WATCHDOG, STATUS and STOPPING. A daemon that systemd kills because it
hangs (SIGABRT), or that crashes, writes the stack of each of its threads to stderr.

Exit codes: 0 drained · 1 failed for a reason in the log · 2 invalid settings or a missing extra · 70 unexpected
exception, logged with its traceback · 130 or 143 stopped at once by a second signal.
"""

from __future__ import annotations

import _thread
import argparse
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection
from types import FrameType
from typing import NoReturn

from qctl import logs
from qctl.errors import QctlError, SettingsError, UnusableError
from qctl.models.pools import ONLY, Place
from qctl.ownership import NOT_OWNER_MODE
from qctl.safe import escape_line, redact
from qctl.settings import Settings
from qctl.supervisor import Supervisor

log = logging.getLogger(__name__)

DRAINED, FAILED, INVALID_SETTINGS, UNEXPECTED = 0, 1, 2, 70

BEAT_SECONDS = 1.0
"""Maximum pause between two heartbeats, if the supervisor does not ask for a shorter one."""

LOGGING_SETTINGS = ("LOG_LEVEL", "LOG_FORMAT", "QCTL_DEBUG")
"""Settings that every daemon applies while it runs."""

START_EXTENSION_SECONDS = 60
"""Additional time to start that a daemon requests with each heartbeat until it is ready."""


class Context:
    """Connects a daemon's work with its settings, signals and supervisor."""

    def __init__(self, settings: Settings, name: str = "qctl", place: Place = ONLY) -> None:
        self.settings = settings
        self.place = place
        """Place of this process among those of the daemon."""
        self._name = name
        self.stop = threading.Event()
        """Set when the daemon has to drain."""
        self._on_stop: list[Callable[[], None]] = []
        self._on_abort: list[Callable[[], None]] = []
        self._reloadable: tuple[str, ...] = LOGGING_SETTINGS
        self._apply: Callable[[Settings], None] = lambda _: None
        self._stop_requested = False
        self.stopped_by = 0
        """The signal that asked to stop at once, 0 if none did."""
        self._supervisor = Supervisor()
        self.watchdog_seconds = self._supervisor.watchdog_seconds
        """Silence after which the supervisor kills this daemon, None if it does not."""
        self._beat_seconds = min(BEAT_SECONDS, self.watchdog_seconds / 3) if self.watchdog_seconds else BEAT_SECONDS
        self._next_beat = 0.0
        self._watchdog_extended = False
        self._notify_lock = threading.Lock()
        self._ready = False
        self._status = ""

    def beat(self, status: str = "", *, ready: bool = True) -> None:
        """Report that the work goes on: call it from the work loop, at least every few seconds; it costs little.

        The first call with `ready` tells the supervisor that the daemon has started; until then each one asks for more
        time. `status` is one line that `systemctl status` shows.
        """
        now = time.monotonic()
        has_news = self._watchdog_extended or (ready and not self._ready) or (status and status != self._status)
        if now < self._next_beat and not has_news:
            return
        self._next_beat = now + self._beat_seconds
        assignments = ["WATCHDOG=1"]
        if ready and not self._ready:
            assignments.append("READY=1")
        self._ready = self._ready or ready
        if not self._ready:
            assignments.append(f"EXTEND_TIMEOUT_USEC={START_EXTENSION_SECONDS * 1_000_000}")
        if status:
            self._status = status
            assignments.append(f"STATUS={escape_line(redact(status))}")
        with self._notify_lock:
            if self._watchdog_extended:
                self._watchdog_extended = False
                assignments.append(self._watchdog_assignment(0))
            self._supervisor.notify(*assignments)

    def allow(self, seconds: float) -> None:
        """Ask the supervisor to wait `seconds` longer for the next heartbeat, which restores the normal time.

        For a work loop that stands still while a job runs. It may be called in any thread.
        """
        if self.watchdog_seconds is None:
            return
        with self._notify_lock:
            self._watchdog_extended = True
            self._supervisor.notify(self._watchdog_assignment(seconds))
        log.debug("watchdog extended by %.0f s", seconds)

    def _watchdog_assignment(self, seconds: float) -> str:
        return f"WATCHDOG_USEC={round((seconds + (self.watchdog_seconds or 0)) * 1e6)}"

    def nothing_to_do(self, reason: str) -> None:
        """Log why the work returns at once. Sends a heartbeat, because a supervisor counts an end before the first one
        as failure."""
        self.beat(reason)
        log.info("nothing to do: %s", reason)

    def close(self) -> None:
        """Disconnect from the supervisor."""
        self._supervisor.close()

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call `callback`, in a thread of its own, when the daemon has to drain; it must return soon."""
        self._on_stop.append(callback)
        if self.stop.is_set():
            callback()

    def on_abort(self, callback: Callable[[], None]) -> None:
        """Call `callback` in the main thread when the daemon has to stop at once.

        It may raise an exception that makes the work return; the process ends when the work has, and at once at a third
        signal. Without any callback the second signal ends the process immediately.
        """
        self._on_abort.append(callback)

    def _handle_stop(self, number: int, _frame: FrameType | None) -> None:
        """Handle SIGTERM or SIGINT. It may interrupt the main thread while that holds the lock of an Event or of
        logging, so everything that takes locks runs in a new thread."""
        if not self._stop_requested:
            self._stop_requested = True
            _thread.start_new_thread(self._drain, (signal.Signals(number).name,))
            return
        self.stopped_by = number
        callbacks, self._on_abort = self._on_abort, []
        if not callbacks:
            os._exit(128 + number)
        for callback in callbacks:
            callback()

    def _drain(self, name: str) -> None:
        log.info("draining: signal=%s", name)
        self._supervisor.notify("STOPPING=1", "STATUS=draining")
        self.stop.set()
        for callback in list(self._on_stop):
            callback()

    def _handle_reload(self, _number: int, _frame: FrameType | None) -> None:
        """Handle SIGHUP, without locks as `_handle_stop`."""
        _thread.start_new_thread(self.reload, ())

    def on_reload(self, names: Collection[str], apply: Callable[[Settings], None]) -> None:
        """Call `apply` with the new settings, in a thread of its own, when they are read again.

        It applies the settings `names`, in addition to those of logging. If it raises SettingsError nothing changes.
        """
        self._reloadable, self._apply = (*LOGGING_SETTINGS, *names), apply

    def reload(self) -> None:
        """Read the settings again, from .env: a process's environment does not change.

        Settings that cannot be applied stay as they are until the daemon is restarted, which loses nothing.
        """
        try:
            settings = Settings.load()
            self._apply(settings)
            logs.setup(self._name, settings)
        except SettingsError as error:
            log.error("settings not changed: %s", error.message)  # noqa: TRY400 - an expected error needs no traceback
            return
        areas = f" debug={','.join(settings.debug)}" if settings.debug else ""
        log.warning("settings reloaded: log_level=%s%s", settings.log_level, areas)
        changed = _changed(self.settings, settings)
        if applied := [name for name in changed if name in self._reloadable and name not in LOGGING_SETTINGS]:
            log.warning("settings applied: %s", ", ".join(applied))
        if pending := [name for name in changed if name not in self._reloadable]:
            log.warning("settings that apply after a restart: %s", ", ".join(pending))

    def handle_signals(self, *, interruptible: bool = True) -> None:
        """Handle SIGTERM, and SIGINT if `interruptible`; and SIGHUP, unless it comes from a closing terminal or the
        parent ignores it."""
        for number in (signal.SIGTERM, signal.SIGINT) if interruptible else (signal.SIGTERM,):
            signal.signal(number, self._handle_stop)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL and not sys.stderr.isatty():
            signal.signal(signal.SIGHUP, self._handle_reload)


def main(name: str, serve: Callable[[Context], None], description: str | None = None) -> NoReturn:
    """Run the daemon `name`, and end the process with its exit code.

    `serve` does the work until `context.stop` is set. A daemon without arguments passes its `description`, which makes
    --help work; the others have parsed their command line themselves.
    """
    if description is not None:
        argparse.ArgumentParser(name, description=description).parse_args()
    sys.exit(run(name, serve))


def run(name: str, serve: Callable[[Context], None], *, interruptible: bool = True, place: Place = ONLY) -> int:
    """Load settings, set up logs and signals, do the work. Returns the exit code.

    A daemon whose parent passes Ctrl-C on as SIGTERM is not `interruptible` itself.
    """
    os.umask(NOT_OWNER_MODE)
    try:
        settings = Settings.load()
        logs.setup(name, settings)
    except SettingsError as error:
        return _report_settings(name, error)
    faulthandler.enable()
    context = Context(settings, name, place)
    context.handle_signals(interruptible=interruptible)
    try:
        serve(context)
    except SettingsError as error:
        return _report_settings(name, error)
    except UnusableError as error:
        log.error("%s; %s", error.message, error.hint)  # noqa: TRY400 - an expected error needs no traceback
        return INVALID_SETTINGS
    except QctlError as error:
        log.error("%s", error.message)  # noqa: TRY400 - an expected error needs no traceback
        return FAILED
    except Exception:
        log.exception("%s failed unexpectedly", name)
        return UNEXPECTED
    finally:
        context.close()
    return 128 + context.stopped_by if context.stopped_by else DRAINED


def _changed(before: Settings, now: Settings) -> list[str]:
    """Names of the settings that differ. Never their values, because some are secret."""
    return sorted(spec.env for spec in Settings.specs() if getattr(before, spec.name) != getattr(now, spec.name))


def _report_settings(name: str, error: SettingsError) -> int:
    hint = f" ({error.hint})" if error.hint else ""
    print(f"{name}: {escape_line(redact(error.message + hint))}", file=sys.stderr)
    return INVALID_SETTINGS
