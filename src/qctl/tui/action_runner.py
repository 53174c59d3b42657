"""Runs one action at a time in a thread, posts its progress, and writes it to the audit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from qctl.errors import NotReplicatedError, QctlError, RefusedError
from qctl.tui.actions import Action, ActionResult
from qctl.tui.messages import ActionEnded, ActionProgressed

if TYPE_CHECKING:
    from qctl.ops.audit import AuditOps

PROGRESS_SECONDS = 0.1
"""Time (s) between two messages about the progress of an action."""


class _StoppedError(QctlError):
    """Ends an action that the user stopped."""


class _Progress:
    """Posts how far an action is, a few times a second, and ends it if the user stopped it."""

    def __init__(self, action: Action, stop: threading.Event, post: Callable[[Message], object]) -> None:
        self._action = action
        self._stop = stop
        self._post = post
        self._posted_at = 0.0

    def __call__(self, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise _StoppedError(f"stopped after {done}" + (f" of {total}" if total is not None else ""))
        if self._is_due():
            self._post(ActionProgressed(self._action, done, total))

    def say(self, text: str, done: int, total: int | None) -> None:
        if self._stop.is_set():
            raise _StoppedError(f"stopped: {text}")
        if self._is_due():
            self._post(ActionProgressed(self._action, done, total, text))

    def _is_due(self) -> bool:
        if time.monotonic() - self._posted_at < PROGRESS_SECONDS:
            return False
        self._posted_at = time.monotonic()
        return True


class ActionRunner:
    """Runs actions. `last` is the action that ran last, `undo` the one that undoes it, None if there is none."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._stop = threading.Event()
        self._busy = threading.Lock()
        self.last: Action | None = None
        self.undo: Action | None = None

    def start(self, action: Action, audit: AuditOps) -> bool:
        """Start an action. Returns False if another one is running."""
        if not self._busy.acquire(blocking=False):
            return False
        self._stop.clear()
        threading.Thread(target=self._run, args=(action, audit), daemon=True).start()
        return True

    def stop(self) -> bool:
        """Stop the running action between two of its steps. Returns False if none is running."""
        self._stop.set()
        return self._busy.locked()

    def _run(self, action: Action, audit: AuditOps) -> None:
        with audit.recording(action.command, action.command_line, via="tui"):
            result, error = self._call_recorded(action, audit)
        self._busy.release()
        self._post(ActionEnded(result, error))

    def _call_recorded(self, action: Action, audit: AuditOps) -> tuple[ActionResult | None, str | None]:
        """Call an action and record its end. Returns its result or its error."""
        began = time.monotonic()
        result, error, outcome = self._call(action)
        if result:
            self.last, self.undo = action, result.undo
        try:
            audit.note(
                action.command,
                action.command_line,
                via="tui",
                outcome=outcome,
                problem=error or "",
                seconds=time.monotonic() - began,
            )
        except NotReplicatedError as unconfirmed:
            return None, error or unconfirmed.message
        except QctlError as audit_error:
            error = error and f"{error} (and it is not in the audit: {audit_error.message})"
        return result, error

    def _call(self, action: Action) -> tuple[ActionResult | None, str | None, str]:
        """Call an action. Returns its result or its error, and the outcome as the audit names it."""
        progress = _Progress(action, self._stop, self._post)
        try:
            result = action.run(progress)
        except _StoppedError as error:
            return None, error.message, "interrupted"
        except QctlError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return None, error.message + hint, "refused" if isinstance(error, RefusedError) else "failed"
        except Exception as error:  # noqa: BLE001 - a fault in qctl: shown and in the audit, and the monitor continues
            return None, f"internal error: {type(error).__name__}: {error}", "failed"
        return result, None, "done" if result.complete else "partial"
