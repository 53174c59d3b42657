"""Marks of deployments and the like, which plots and causes show."""

from __future__ import annotations

import builtins

from qctl.broker.bookkeeping import events, marks
from qctl.broker.redis import clock
from qctl.errors import NotFoundError, UsageError
from qctl.models import Mark
from qctl.ops.base import Part
from qctl.ops.selection import require_remark

MAX_MARK_CHARACTERS = 60


class MarkOps(Part, name="marks"):
    """Sets, lists and deletes marks."""

    def add(self, text: str, at: float | None = None) -> Mark:
        """Set a mark now, or `at` a time in the past (s since 1970). Raises UsageError."""
        if not text.strip():
            raise UsageError("a mark needs a text", "example: qctl mark add v1.4")
        require_remark(text, MAX_MARK_CHARACTERS)
        if at is not None and not 0 < at <= clock.now_ms(self._redis) / 1000 + 60:
            raise UsageError("a mark cannot be in the future")
        return marks.add(self._redis, text, by=events.actor(), at_ms=None if at is None else round(at * 1000))

    def list(self) -> builtins.list[Mark]:
        """List all marks, the oldest first."""
        return marks.read(self._redis)

    def delete(self, text: str) -> int:
        """Delete the marks with this text. Returns how many. Raises NotFoundError if there is none."""
        deleted = marks.delete(self._redis, text)
        if not deleted:
            known = [mark.text for mark in self.list()]
            raise NotFoundError.with_suggestions(
                f"mark {text!r} not found", text, known, "list marks with: qctl mark list"
            )
        return deleted
