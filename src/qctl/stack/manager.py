"""Starts the programs of the stack in order, keeps each running, and stops them in reverse order.

honcho starts them, reads their output and prints it. Its policy of stopping all when one ends is not used here.
"""

from __future__ import annotations

import queue
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from honcho.colour import get_colours
from honcho.printer import Message

from qctl.broker.redis.connection import Backoff
from qctl.notify_listener import Readiness
from qctl.stack.printer import LogPrinter
from qctl.stack.process import Events, Run
from qctl.stack.program import Program, Stage

TICK = 0.1
"""Time (s) between checks for due work."""

LINES_AHEAD = 10_000
"""Maximum lines that wait to be printed. Beyond that, for example while the terminal is stopped, programs block when
they log."""

SAYS_READY = 15.0
"""Time (s) allowed for daemons to report that they are ready; then the stack counts as up without them."""

STEADY = 60.0
"""Time (s) that a program must have run for its next exit to count as the first."""

DRAIN = 200.0
"""Time (s) allowed for daemons to finish their work: a job may run for 180 s (catalog.JobSpec.timeout), and then its
result has to be written."""

CLOSING = 60.0
"""Time (s) allowed for a server to write its data and exit."""

REMINDER = 10.0
"""Time (s) between two messages about the programs that are being waited for."""

DISABLED, BAD_SETTINGS = 0, 2
"""Exit codes of a daemon that need not, or cannot, be started again."""

SIGNAL_NAMES = {number.value: number.name for number in signal.Signals}

INTERRUPTED = 128 + signal.SIGINT


class Slot:
    """The state of one program over all its runs."""

    def __init__(self, program: Program, colour: str) -> None:
        self.program = program
        self.colour = colour
        self.run: Run | None = None
        self.due: float | None = None
        self.closed = False
        self.ready = False
        self.last_line = ""
        self.backoff = Backoff(1.0, max_seconds=30.0)

    @property
    def settled(self) -> bool:
        """True if there is no need to wait for it."""
        return self.ready or (self.run is None and self.due is None)


class Manager:
    """Runs programs until a signal stops them. `when_up` is called once, with the names of daemons not ready yet."""

    def __init__(
        self,
        programs: Iterable[Program],
        env: Mapping[str, str],
        printer: LogPrinter,
        readiness: Readiness,
        when_up: Callable[[list[str]], None],
    ) -> None:
        self._slots = [Slot(program, colour) for program, colour in zip(programs, get_colours(), strict=False)]
        self._env = env
        self._printer = printer
        self._readiness = readiness
        self._when_up = when_up
        self._events: Events = queue.Queue(LINES_AHEAD)
        self._signals: list[int] = []
        self._exit_code: int | None = None
        self._next_reminder = 0.0
        self.complaint: str | None = None

    def run(self) -> int:
        """Start all programs, keep them running, and stop them. Returns the exit code.

        130 after Ctrl-C, 0 after SIGTERM or SIGHUP, 1 if a server did not start or daemons had to be killed, 2 if a
        daemon refuses its settings; `complaint` then holds its last line.
        """
        with self._recording_signals():
            try:
                self._bring_up()
                while not self._ending:
                    self._step()
            finally:
                self._bring_down()
        return self._exit_code or 0

    @property
    def _ending(self) -> bool:
        return self._exit_code is not None

    def _bring_up(self) -> None:
        for stage in Stage:
            deadline = time.monotonic() + SAYS_READY
            slots = self._of(stage)
            for slot in slots:
                self._start(slot)
            self._next_reminder = time.monotonic() + REMINDER
            while not self._ending and (awaited := [slot.program.name for slot in slots if not slot.settled]):
                self._remind(f"waiting until {', '.join(awaited)} can be used")
                self._step()
                if stage is Stage.DAEMON and time.monotonic() > deadline:
                    break
            if self._ending:
                return
        self._when_up([slot.program.name for slot in self._slots if not slot.settled])

    def _bring_down(self) -> None:
        if self._exit_code is None:  # an error of our own is propagating
            self._exit_code = 1
        for stage in reversed(Stage):
            slots = self._of(stage)
            for slot in slots:
                slot.closed, slot.due = True, None
            self._end([slot for slot in slots if slot.run], stage)

    def _end(self, slots: list[Slot], stage: Stage) -> None:
        """Ask programs to end, and wait until they have. Kill them after a second Ctrl-C or the time limit."""
        if slots:
            self._printer.say(f"stopping {'the daemons' if stage is Stage.DAEMON else slots[0].program.name}")
        deadline = time.monotonic() + (DRAIN if stage is Stage.DAEMON else CLOSING)
        self._next_reminder = time.monotonic() + REMINDER
        while running := [slot.run for slot in slots if slot.run]:
            late = time.monotonic() > deadline
            impatient = stage is Stage.DAEMON and signal.SIGINT in self._signals[1:]
            for run in running:
                if late or impatient:
                    run.kill()
                run.terminate()
            if late:
                self._exit_code = self._exit_code or 1
            names = ", ".join(run.program.name for run in running)
            self._remind(f"waiting for {names}" + ("; Ctrl-C kills" if stage is Stage.DAEMON else ""))
            self._step()

    def _remind(self, text: str) -> None:
        if time.monotonic() > self._next_reminder:
            self._next_reminder = time.monotonic() + REMINDER
            self._printer.say(text)

    def _of(self, stage: Stage) -> list[Slot]:
        return [slot for slot in self._slots if slot.program.stage is stage]

    def _start(self, slot: Slot) -> None:
        slot.due = None
        slot.run = Run(slot.program, slot.colour, self._env, self._events)

    def _step(self) -> None:
        """Process the programs' output for a moment, then do the work that is due."""
        until = time.monotonic() + TICK
        try:
            while (left := until - time.monotonic()) > 0:
                self._take(*self._events.get(timeout=left))
        except queue.Empty:
            pass
        self._supervise()

    def _take(self, run: Run, message: Message) -> None:
        slot = next(slot for slot in self._slots if slot.program is run.program)
        if message.type == "start":
            run.pid = message.data["pid"]
            self._printer.say(f"{message.name} started (pid {run.pid})")
        elif message.type == "line":
            slot.last_line = self._printer.write(message) or slot.last_line
        elif run is slot.run:
            self._ended(slot, message.data["returncode"])

    def _supervise(self) -> None:
        heard = self._readiness.heard()
        now = time.monotonic()
        for slot in self._slots:
            if slot.run:
                code = slot.run.ended()
                if code is not None:
                    slot.run.kill()
                    self._ended(slot, code)
                elif not slot.ready:
                    slot.ready = self._is_ready(slot.program, slot.run, heard)
            elif slot.due is not None and now >= slot.due:
                self._start(slot)
        if self._printer.gone and not self._ending:
            self._exit_code = 0

    def _is_ready(self, program: Program, run: Run, heard: set[int]) -> bool:
        if run.pid is None or self._ending:
            return False
        if program.ready is not None:
            return program.ready()
        return run.pid in heard or not self._readiness.address

    def _ended(self, slot: Slot, code: int) -> None:
        run, slot.run = slot.run, None
        name = slot.program.name
        how = f"exit code {code}" if code >= 0 else SIGNAL_NAMES.get(-code, f"signal {-code}")
        if slot.closed:
            self._printer.say(f"{name} ended ({how})")
        elif slot.program.stage is Stage.DAEMON and code == DISABLED:
            self._printer.say(f"{name} ended by itself and is not started again")
        elif slot.program.stage is Stage.DAEMON and code == BAD_SETTINGS:
            self._give_up(BAD_SETTINGS, f"{name} cannot run: {slot.last_line}")
        elif slot.program.stage is not Stage.DAEMON and not slot.ready:
            self._give_up(1, f"{name} did not start ({how}): {slot.last_line}")
        else:
            if run and time.monotonic() - run.since > STEADY:
                slot.backoff.reset()
            wait = slot.backoff.next_delay()
            slot.due = time.monotonic() + wait
            self._printer.say(f"{name} ended ({how}), starts again in {wait:.1f} s")

    def _give_up(self, code: int, complaint: str) -> None:
        self._printer.say(complaint)
        if not self._ending:
            self._exit_code = code
            self.complaint = complaint

    @contextmanager
    def _recording_signals(self) -> Iterator[None]:
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup: SIGHUP stays ignored
            numbers.append(signal.SIGHUP)
        before = {number: signal.signal(number, self._record_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _record_signal(self, number: int, _: FrameType | None) -> None:
        # Only record it: printing or locking in a signal handler could deadlock.
        self._signals.append(number)
        if self._exit_code is None:
            self._exit_code = INTERRUPTED if number == signal.SIGINT else 0
