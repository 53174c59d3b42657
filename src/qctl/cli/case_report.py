"""A case: what somebody else needs to see of a problem, as Markdown without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qctl import view
from qctl.models import AuditEntry, Cause, DeadLetterDetail, Event, QueueStats
from qctl.safe import escape_line, escape_text, redact
from qctl.view import Column

MAX_BLOCK_CHARACTERS = 20_000
"""Characters of one traceback or payload; the rest is cut off."""

_MARKUP = re.compile(r"([\\`*_\[\]<>|#~&])")
"""Characters that Markdown interprets."""


@dataclass(frozen=True)
class Case:
    """Content of a report. `title` says what it is about."""

    title: str
    at: datetime
    cause: Cause | None
    letters: Sequence[DeadLetterDetail]
    queues: Sequence[QueueStats]
    events: Sequence[Event]
    audit: Sequence[AuditEntry]
    versions: Mapping[str, str]


def markdown(case: Case) -> str:
    """Format a case as Markdown, with secrets masked."""
    local = case.at.astimezone()
    lines = [
        f"# {_inline(case.title)}",
        "",
        f"Written by `qctl report` on {local:%Y-%m-%d %H:%M:%S}, times in {_inline(local.tzname() or 'local time')}. "
        "Passwords and tokens are masked as far as they can be recognised.",
        *_section("Cause", _cause(case.cause, case.at)),
        *_section("Dead letters", [line for letter in case.letters for line in _letter(letter, case.at)]),
        *_section("Queues", _table(view.queue_columns(case.at), case.queues)),
        *_section("Events", _table(view.event_columns(case.at), case.events)),
        *_section("Audit", _table(view.audit_columns(case.at, traced=False), case.audit)),
        *_section("Versions", [f"- {_inline(name)}: {_inline(value)}" for name, value in case.versions.items()]),
    ]
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *(lines or ["None."])]


def _cause(cause: Cause | None, now: datetime) -> list[str]:
    return [] if cause is None else _table(view.cause_columns(now), [cause])


def _letter(detail: DeadLetterDetail, now: datetime) -> list[str]:
    letter = detail.letter
    payload = "not JSON, and never unpickled" if detail.payload is None else indented(detail.payload)
    runs = "" if letter.attempts is None else f", after {view.quantity(letter.attempts, 'run')}"
    return [
        f"### {_inline(letter.id)}",
        "",
        f"- queue: {_inline(letter.queue)}",
        f"- function: {_inline(letter.function)}",
        f"- died: {view.ago(letter.died_at, now)}{runs}",
        f"- error: {_inline(letter.error)}",
        "",
        *_block(f"Payload ({detail.payload_size} B)", payload),
        *_block("Traceback", detail.traceback.rstrip() or "none recorded"),
    ]


def indented(payload: str) -> str:
    """Indent JSON. A payload that was cut off stays as it is."""
    try:
        return json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
    except ValueError:
        return payload


def _block(title: str, text: str) -> list[str]:
    """Format text as it stands, in a fence that is longer than any in it."""
    safe = escape_text(redact(text), MAX_BLOCK_CHARACTERS)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", safe)), default=0))
    return [f"{title}:", "", fence, safe, fence, ""]


def _table(columns: Sequence[Column[Any]], rows: Sequence[Any]) -> list[str]:
    """Format rows as a table of Markdown."""
    if not rows:
        return []
    return [
        _row([column.title for column in columns]),
        _row(["---:" if column.right else "---" for column in columns], as_is=True),
        *(_row([column.cell(row).text for column in columns]) for row in rows),
    ]


def _row(cells: Sequence[str], *, as_is: bool = False) -> str:
    return f"| {' | '.join(cells if as_is else map(_inline, cells))} |"


def _inline(text: str) -> str:
    """Format text of which Markdown interprets nothing."""
    return _MARKUP.sub(r"\\\1", escape_line(redact(text)))
