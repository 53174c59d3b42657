"""A case as an HTML page with plots, which needs neither a network nor a script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from qctl import view
from qctl.cli.case_report import MAX_BLOCK_CHARACTERS, Case, indented
from qctl.models import DeadLetterDetail, Series, Step
from qctl.reports.report import Chart
from qctl.reports.svg import render_svg
from qctl.safe import escape_line, escape_text, redact
from qctl.view import Column

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
body { color: #222; background: #fff }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: .9em }
th, td { text-align: left; padding: .2rem .7rem .2rem 0; border-bottom: 1px solid #ddd; white-space: nowrap }
td.right { text-align: right } pre { background: #f4f4f4; padding: .7rem; overflow-x: auto } .note { color: #666 }
svg { width: 100%; height: auto } svg rect { fill: #36c } svg text { font-size: 12px; fill: #444 }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #16181c } pre { background: #22252b } th, td { border-color: #333 }
  svg text { fill: #bbb } svg rect { fill: #69f }
}
"""


def page(case: Case, series: Series | None) -> str:
    """Format a case as a page, with secrets masked. `series` has the last hour of its queues, by the minute."""
    local = case.at.astimezone()
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{_text(case.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        f"<h1>{_text(case.title)}</h1>",
        f'<p class="note">Written by qctl report on {local:%Y-%m-%d %H:%M:%S}, times in '
        f"{_text(local.tzname() or 'local time')}. "
        "Passwords and tokens are masked as far as they can be recognised.</p>",
        *_section("Cause", _table(view.cause_columns(case.at), [case.cause] if case.cause else [])),
        *_section("The last hour", _plots(series)),
        *_section("Dead letters", (line for letter in case.letters for line in _letter(letter, case))),
        *_section("Queues", _table(view.queue_columns(case.at), case.queues)),
        *_section("Events", _table(view.event_columns(case.at), case.events)),
        *_section("Audit", _table(view.audit_columns(case.at, traced=False), case.audit)),
        *_section("Versions", (f"<p>{_text(name)}: {_text(value)}</p>" for name, value in case.versions.items())),
        "</body>\n</html>",
    ]
    return "\n".join(parts) + "\n"


def _section(title: str, lines: Iterator[str]) -> list[str]:
    return [f"<h2>{title}</h2>", *(list(lines) or ["<p>None.</p>"])]


def _plots(series: Series | None) -> Iterator[str]:
    """Yield the plots of what is known; a minute without a record is missing."""
    for title, read in _PLOTS:
        values = {f"{step.at.astimezone():%H:%M}": read(step) for step in (series.steps if series else ())}
        known = {at: value for at, value in values.items() if value is not None}
        if known:
            marks = {at: text for at, text in _marks(series, list(known)) if at}
            yield f"<h3>{title}</h3>\n{render_svg(Chart(title, known, over_time=True, marks=marks))}"


def _marks(series: Series | None, minutes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the marks with the first known minute from each on, in the order of the plot."""
    steps = [f"{step.at.astimezone():%H:%M}" for step in (series.steps if series else ())]
    for mark in series.marks if series else ():
        minute = f"{mark.at.astimezone():%H:%M}"
        later = steps[steps.index(minute) :] if minute in steps else []
        yield next((step for step in later if step in minutes), ""), escape_line(redact(mark.text))


def _waits(step: Step) -> float | None:
    return step.waits.percentile(95) if step.waits.count else None


_PLOTS = (
    ("Waiting jobs", lambda step: step.depth),
    ("Runs that finished, each minute", lambda step: step.finished),
    ("Runs that failed, each minute", lambda step: step.failed),
    ("Wait of 95% of the jobs at most, in seconds", _waits),
)


def _letter(detail: DeadLetterDetail, case: Case) -> Iterator[str]:
    letter = detail.letter
    payload = "not JSON, and never unpickled" if detail.payload is None else indented(detail.payload)
    yield f"<h3>{_text(letter.id)}</h3>"
    yield (
        f"<p>queue {_text(letter.queue)}, function {_text(letter.function)}, "
        f"died {view.ago(letter.died_at, case.at)}: {_text(letter.error)}</p>"
    )
    yield f"<p>Payload ({detail.payload_size} B)</p>\n{_block(payload)}"
    yield f"<p>Traceback</p>\n{_block(detail.traceback.rstrip() or 'none recorded')}"


def _table(columns: Sequence[Column[Any]], rows: Sequence[Any]) -> Iterator[str]:
    if not rows:
        return
    yield f"<table>\n<tr>{''.join(f'<th>{_text(column.title)}</th>' for column in columns)}</tr>"
    for row in rows:
        cells = (
            f'<td class="{"right" if column.right else ""}">{_text(column.cell(row).text)}</td>' for column in columns
        )
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</table>"


def _block(text: str) -> str:
    return f"<pre>{escape(escape_text(redact(text), MAX_BLOCK_CHARACTERS))}</pre>"


def _text(text: str) -> str:
    return escape(escape_line(redact(text)))
