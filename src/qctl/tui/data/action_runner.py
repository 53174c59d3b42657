"""Doing one act at a time, in a thread: it tells how far it is, can be stopped, is noted, and can be undone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from qctl.errors import QctlError, RefusedError
from qctl.tui.actions import Act, Done
from qctl.tui.messages import Ended, Progressed

if TYPE_CHECKING:
    from qctl.ops.audit import AuditOps

OFTEN = 0.1
"""Seconds between two tellings of how far an act is."""


class _StoppedError(QctlError):
    """Somebody stopped it."""


class Acting:
    """The act that goes on, if one does. `last` is the last that was done, `undo` what undoes it, None where nothing
    does."""

    def __init__(self, tell: Callable[[Message], object]) -> None:
        self._tell = tell
        self._stop = threading.Event()
        self._busy = threading.Lock()
        self.last: Act | None = None
        self.undo: Act | None = None

    def start(self, act: Act, audit: AuditOps) -> bool:
        """Start an action and note its outcome in the audit. Returns False if another is running."""
        if not self._busy.acquire(blocking=False):
            return False
        self._stop.clear()
        threading.Thread(target=self._run, args=(act, audit), daemon=True).start()
        return True

    def stop(self) -> bool:
        """Stop it between two steps. False where none goes on."""
        self._stop.set()
        return self._busy.locked()

    def _run(self, act: Act, audit: AuditOps) -> None:
        began = time.monotonic()
        done, error, outcome = self._do(act)
        if done:
            self.last, self.undo = act, done.undo
        try:
            audit.note(
                act.command,
                act.line,
                via="tui",
                outcome=outcome,
                problem=error or "",
                seconds=time.monotonic() - began,
            )
        except QctlError as trouble:
            error = error and f"{error} (and it is not noted in the audit: {trouble.message})"
        self._busy.release()
        self._tell(Ended(act, done, error))

    def _do(self, act: Act) -> tuple[Done | None, str | None, str]:
        """What it did, or what it said, and the word for how it ended."""
        told = 0.0

        def progress(done: int, total: int | None) -> None:
            nonlocal told
            if self._stop.is_set():
                raise _StoppedError(f"stopped after {done}" + (f" of {total}" if total is not None else ""))
            if time.monotonic() - told >= OFTEN:
                told = time.monotonic()
                self._tell(Progressed(act, done, total))

        try:
            done = act.run(progress)
        except _StoppedError as error:
            return None, error.message, "interrupted"
        except QctlError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return None, error.message + hint, "refused" if isinstance(error, RefusedError) else "failed"
        except Exception as error:  # noqa: BLE001 - a fault of qctl's: told, noted, and the monitor goes on
            return None, f"internal error: {type(error).__name__}: {error}", "failed"
        return done, None, "done" if done.well else "partial"
