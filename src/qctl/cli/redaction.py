"""Redaction: replaces secrets in the output of commands, unless --reveal is set."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from qctl.models import (
    Attempt,
    Cause,
    DeadLetter,
    DeadLetterDetail,
    Event,
    Explanation,
    JobDetail,
    JobLogs,
    JobRow,
    Payload,
    PayloadEdit,
    RejectDetail,
)
from qctl.safe import redact

Reveal = Annotated[bool, typer.Option("--reveal", help="Passwords and tokens in plain text instead of ***.")]


def _redact_optional(text: str | None) -> str | None:
    return None if text is None else redact(text)


def dead_letter(letter: DeadLetter) -> DeadLetter:
    """Redact a dead letter of a list."""
    return replace(letter, error=redact(letter.error))


def dead_letter_detail(detail: DeadLetterDetail) -> DeadLetterDetail:
    """Redact a dead letter with its traceback and payload."""
    return replace(
        detail,
        letter=dead_letter(detail.letter),
        traceback=redact(detail.traceback),
        payload=_redact_optional(detail.payload),
        description=redact(detail.description),
        meta=_redact_optional(detail.meta),
    )


def reject(reject: RejectDetail) -> RejectDetail:
    """Redact a reject with its content."""
    return replace(reject, detail=dead_letter_detail(reject.detail), content=_redact_optional(reject.content))


def job_row(row: JobRow) -> JobRow:
    """Redact a job of a list."""
    return replace(row, error=redact(row.error))


def cause(cause: Cause) -> Cause:
    """Redact a cause of dead letters."""
    return replace(cause, message=redact(cause.message), source=redact(cause.source))


def job(detail: JobDetail) -> JobDetail:
    """Redact a job with all its details."""
    return replace(
        detail,
        description=redact(detail.description),
        payload=_payload(detail.payload),
        original=_payload(detail.original) if detail.original else None,
        note=redact(detail.note),
        error=redact(detail.error),
        traceback=redact(detail.traceback),
        meta=_redact_optional(detail.meta),
        attempts=[_attempt(attempt) for attempt in detail.attempts],
        timeline=[_event(event) for event in detail.timeline],
    )


def job_logs(logs: JobLogs) -> JobLogs:
    """Redact the lines that a job logged. Workers of qctl have done so; others may write the field too."""
    return replace(
        logs,
        runs=[replace(run, lines=[replace(line, text=redact(line.text)) for line in run.lines]) for run in logs.runs],
    )


def edited(edit: PayloadEdit) -> PayloadEdit:
    """Redact a payload before and after an edit."""
    return replace(edit, before=redact(edit.before), after=redact(edit.after))


def _payload(payload: Payload) -> Payload:
    return replace(payload, text=_redact_optional(payload.text))


def _attempt(attempt: Attempt) -> Attempt:
    return replace(
        attempt,
        error=redact(attempt.error),
        traceback=redact(attempt.traceback),
        value=_redact_optional(attempt.value),
    )


def _event(event: Event) -> Event:
    return replace(event, fields={name: redact(value) for name, value in event.fields.items()})


def explanation(explained: Explanation) -> Explanation:
    """Redact an explanation, whose reasons may quote an error."""
    reasons = [replace(reason, message=redact(reason.message)) for reason in explained.reasons]
    return replace(explained, reasons=reasons)
