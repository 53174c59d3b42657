"""Notes on causes of dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.tui.actions.action import Action, ActionResult
from qctl.view import quantity

if TYPE_CHECKING:
    from qctl.models import Cause, Progress
    from qctl.ops import Ops


def acknowledge(ops: Ops, cause: Cause, text: str) -> Action:
    """Acknowledge a cause, with a note that may be empty."""
    fingerprint = cause.fingerprint

    def run(_: Progress) -> ActionResult:
        ops.notes.put("cause", fingerprint, text, acknowledge=True)
        return ActionResult(f"cause {fingerprint} is acknowledged", delete_note(ops, fingerprint))

    consequence = (
        f"{quantity(cause.count, 'dead letter')} of this cause leave the problems and the alerts until it grows. "
        "The dead letters stay."
    )
    words = ("note", "add", *([text] if text else []), "--cause", fingerprint, "--ack")
    return Action(f"Acknowledge {fingerprint}", consequence, words, run)


def delete_note(ops: Ops, fingerprint: str) -> Action:
    """Delete the note on a cause and its acknowledgement."""

    def run(_: Progress) -> ActionResult:
        ops.notes.delete("cause", fingerprint)
        return ActionResult(f"cause {fingerprint} is not acknowledged any more")

    consequence = "Its dead letters count as a problem again."
    return Action(f"Delete the note on {fingerprint}", consequence, ("note", "delete", "--cause", fingerprint), run)
