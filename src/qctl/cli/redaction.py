"""Taking secrets out of what is shown, unless they were asked for with --reveal."""

from __future__ import annotations

from dataclasses import replace

from qctl.models import (
    Attempt,
    Cause,
    DeadLetter,
    DeadLetterDetail,
    Event,
    JobDetail,
    JobRow,
    Payload,
    PayloadEdit,
    RejectDetail,
)
from qctl.safe import redact


def _maybe(text: str | None) -> str | None:
    return None if text is None else redact(text)


def letter(seen: DeadLetter) -> DeadLetter:
    """A dead letter of a list."""
    return replace(seen, error=redact(seen.error))


def letter_detail(seen: DeadLetterDetail) -> DeadLetterDetail:
    """A dead letter with its traceback and payload."""
    return replace(
        seen,
        letter=letter(seen.letter),
        traceback=redact(seen.traceback),
        payload=_maybe(seen.payload),
        description=redact(seen.description),
        meta=_maybe(seen.meta),
    )


def reject(seen: RejectDetail) -> RejectDetail:
    """A reject with what came."""
    return replace(seen, detail=letter_detail(seen.detail), content=_maybe(seen.content))


def row(seen: JobRow) -> JobRow:
    """A job of a list."""
    return replace(seen, error=redact(seen.error))


def cause(seen: Cause) -> Cause:
    """A cause of dead letters."""
    return replace(seen, message=redact(seen.message))


def job(seen: JobDetail) -> JobDetail:
    """A job with all that is known of it."""
    return replace(
        seen,
        description=redact(seen.description),
        payload=_payload(seen.payload),
        original=_payload(seen.original) if seen.original else None,
        note=redact(seen.note),
        error=redact(seen.error),
        traceback=redact(seen.traceback),
        meta=_maybe(seen.meta),
        attempts=[_attempt(each) for each in seen.attempts],
        timeline=[_event(each) for each in seen.timeline],
    )


def edited(seen: PayloadEdit) -> PayloadEdit:
    """A payload before and after an edit."""
    return replace(seen, before=redact(seen.before), after=redact(seen.after))


def _payload(seen: Payload) -> Payload:
    return replace(seen, text=_maybe(seen.text))


def _attempt(seen: Attempt) -> Attempt:
    return replace(seen, error=redact(seen.error), traceback=redact(seen.traceback), value=_maybe(seen.value))


def _event(seen: Event) -> Event:
    return replace(seen, fields={name: redact(value) for name, value in seen.fields.items()})
