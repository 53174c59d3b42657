"""Run loop of every daemon: settings, logs, signals, the supervisor's protocol, and the exit code.

The daemon's own work runs in the main thread. The first SIGTERM or SIGINT asks it to drain (finish what it holds, take
nothing new), the second stops it at once. SIGHUP has it read settings again, of which it takes over what it can.
systemd, or whoever started us with NOTIFY_SOCKET, hears READY, WATCHDOG, STATUS and STOPPING. The protocol is a
datagram, so no library is needed for it (systemd's own wants a C compiler). A daemon that systemd ends because it hangs
(SIGABRT), or that crashes, says on stderr where each of its threads was.

Exit codes: 0 drained · 1 gave up, for a reason it logged · 2 bad settings · 70 an unexpected exception, logged with its
traceback · 130 or 143 stopped at once by a second signal.
"""

from __future__ import annotations

import _thread
import argparse
import faulthandler
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import fields
from types import FrameType
from typing import NoReturn

from qctl import logs
from qctl.errors import QctlError, SettingsError
from qctl.safe import escape_line, redact
from qctl.settings import Settings

log = logging.getLogger(__name__)

DRAINED, GAVE_UP, BAD_SETTINGS, UNEXPECTED = 0, 1, 2, 70

BEAT_EVERY = 1.0
"""Seconds between two signs of life at most, where the supervisor did not ask for more."""

LOGGING = ("LOG_LEVEL", "LOG_FORMAT", "QCTL_DEBUG")
"""Settings that every daemon takes over while it runs."""

STARTING = 60
"""Seconds more that a daemon asks for each time it says that it is not ready yet."""


class Supervisor:
    """Whoever listens at NOTIFY_SOCKET. Without one, nothing is said."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)

    @property
    def watchdog(self) -> float | None:
        """Seconds after which it takes a silent daemon for dead, None where it does not."""
        usec = os.environ.get("WATCHDOG_USEC", "")
        if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()) or not usec.isdecimal():
            return None
        return int(usec) / 1e6

    def say(self, *facts: str) -> None:
        """Tell it facts such as READY=1. Nobody listening, or not fast enough, is no reason to stop working."""
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(facts).encode(), self._address)
        except OSError as error:
            log.debug("the supervisor does not listen: %s", error)


class Context:
    """What a daemon's work is given."""

    def __init__(self, settings: Settings, name: str = "qctl") -> None:
        self.settings = settings
        self._name = name
        self.stop = threading.Event()
        """Set when the daemon is to drain."""
        self._on_stop: list[Callable[[], None]] = []
        self._on_abort: list[Callable[[], None]] = []
        self._taken: tuple[str, ...] = LOGGING
        self._take: Callable[[Settings], None] = lambda _: None
        self._asked = False
        self.stopped_by = 0
        """The signal that asked to stop at once, 0 while none did."""
        self._supervisor = Supervisor()
        self._watchdog = self._supervisor.watchdog
        self._beat_every = min(BEAT_EVERY, self._watchdog / 3) if self._watchdog else BEAT_EVERY
        self._next_beat = 0.0
        self._patient = False
        self._saying = threading.Lock()
        self._ready = False
        self._status = ""

    def beat(self, status: str = "", *, ready: bool = True) -> None:
        """Show that the work goes on: call it from the work loop, every few seconds at least; it costs little.

        The first beat makes the daemon ready in the eyes of its supervisor; with `ready` False it asks for more
        time to start instead. `status` is one line that `systemctl status` shows.
        """
        now = time.monotonic()
        news = self._patient or (ready and not self._ready) or (status and status != self._status)
        if now < self._next_beat and not news:
            return
        self._next_beat = now + self._beat_every
        facts = ["WATCHDOG=1"]
        if ready and not self._ready:
            facts.append("READY=1")
        self._ready = self._ready or ready
        if not self._ready:
            facts.append(f"EXTEND_TIMEOUT_USEC={STARTING * 1_000_000}")
        if status:
            self._status = status
            facts.append(f"STATUS={escape_line(redact(status))}")
        with self._saying:
            if self._patient:
                self._patient = False
                facts.append(self._patience(0))
            self._supervisor.say(*facts)

    def allow(self, seconds: float) -> None:
        """Have the supervisor wait `seconds` longer than ever for the next beat, which takes that back.

        For a work loop that stands still while a job runs. It may be called in any thread.
        """
        if self._watchdog is None:
            return
        with self._saying:
            self._patient = True
            self._supervisor.say(self._patience(seconds))
        log.debug("the supervisor is asked to wait %.0f s longer", seconds)

    def _patience(self, seconds: float) -> str:
        return f"WATCHDOG_USEC={round((seconds + (self._watchdog or 0)) * 1e6)}"

    def nothing_to_do(self, why: str) -> None:
        """Say why the work returns at once. A supervisor takes an end before the first beat for a failure."""
        self.beat(why)
        log.info("%s: nothing to do", why)

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, in a thread of its own, when the daemon is to drain; it must return soon."""
        self._on_stop.append(callback)
        if self.stop.is_set():
            callback()

    def on_abort(self, callback: Callable[[], None]) -> None:
        """Have `callback` called in the main thread when the daemon is to stop at once.

        It may raise what makes the work return; the process then ends when the work has, and at once by a third
        signal. Without any callback the second signal ends the process there and then.
        """
        self._on_abort.append(callback)

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        """Signal handler. It may interrupt the main thread while that holds the lock of an Event or of logging, so
        whatever needs locks is done in a new thread."""
        if not self._asked:
            self._asked = True
            _thread.start_new_thread(self._drain, (signal.Signals(number).name,))
            return
        self.stopped_by = number
        callbacks, self._on_abort = self._on_abort, []
        if not callbacks:
            os._exit(128 + number)
        for callback in callbacks:
            callback()

    def _drain(self, name: str) -> None:
        log.info("%s: finishing what is in hand", name)
        self._supervisor.say("STOPPING=1", "STATUS=finishing what is in hand")
        self.stop.set()
        for callback in list(self._on_stop):
            callback()

    def _hung_up(self, _number: int, _frame: FrameType | None) -> None:
        """Signal handler, which keeps clear of locks as the other does."""
        _thread.start_new_thread(self.reload, ())

    def on_reload(self, names: Collection[str], take: Callable[[Settings], None]) -> None:
        """Have `take` called with the settings as they are then, in a thread of its own, when they are read again.

        It takes over those of these names, beside what is logged. Where it raises SettingsError all stays as it was.
        """
        self._taken, self._take = (*LOGGING, *names), take

    def reload(self) -> None:
        """Read settings again, from .env: the environment of a process stays what it was.

        What the work cannot take over holds until the daemon is started again, which loses nothing.
        """
        try:
            settings = Settings.load()
            self._take(settings)
            logs.setup(self._name, settings)
        except SettingsError as error:
            log.error("nothing is changed: %s", error.message)  # noqa: TRY400 - an expected error needs no traceback
            return
        areas = f", and all of {', '.join(settings.debug)}" if settings.debug else ""
        log.warning("settings were read again: from now on the log tells %s%s", settings.log_level, areas)
        changed = _changed(self.settings, settings)
        if taken := [name for name in changed if name in self._taken and name not in LOGGING]:
            log.warning("taken over: %s", ", ".join(taken))
        if waiting := [name for name in changed if name not in self._taken]:
            log.warning("from the next start on: %s", ", ".join(waiting))

    def listen(self) -> None:
        """Take over SIGTERM and SIGINT; and SIGHUP, where that is no terminal that closes and nobody had it ignored."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL and not sys.stderr.isatty():
            signal.signal(signal.SIGHUP, self._hung_up)


def main(name: str, serve: Callable[[Context], None], description: str | None = None) -> NoReturn:
    """Be the daemon `name`, and end the process with its exit code.

    `serve` does the work until `context.stop` is set. A daemon that takes no arguments gives its `description`,
    and gets --help for it; the others have read their command line themselves.
    """
    if description is not None:
        argparse.ArgumentParser(name, description=description).parse_args()
    sys.exit(run(name, serve))


def run(name: str, serve: Callable[[Context], None]) -> int:
    """Load settings, set up logs and signals, do the work. Returns the exit code."""
    try:
        settings = Settings.load()
        logs.setup(name, settings)
    except SettingsError as error:
        return _refuse(name, error)
    faulthandler.enable()
    context = Context(settings, name)
    context.listen()
    try:
        serve(context)
    except SettingsError as error:
        return _refuse(name, error)
    except QctlError as error:
        log.error("%s", error.message)  # noqa: TRY400 - an expected end needs no traceback
        return GAVE_UP
    except Exception:
        log.exception("%s ends: nobody expected this", name)
        return UNEXPECTED
    return 128 + context.stopped_by if context.stopped_by else DRAINED


def _changed(before: Settings, now: Settings) -> list[str]:
    """Names of the settings that are not what they were. Never their values: some are secret."""
    named = [(field.name, field.metadata.get("env")) for field in fields(Settings)]
    return sorted(env for name, env in named if env and getattr(before, name) != getattr(now, name))


def _refuse(name: str, error: SettingsError) -> int:
    hint = f" ({error.hint})" if error.hint else ""
    print(f"{name}: {escape_line(redact(error.message + hint))}", file=sys.stderr)
    return BAD_SETTINGS
