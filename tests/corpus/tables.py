"""Writes the tables of docs/readings.md and docs/sheets.md that list the corpus.

`PYTHONPATH=tests python -m corpus.tables docs`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from corpus.corpus import Case, cases
from qctl.safe import escape_line

BEGIN = "<!-- Made from the corpus by tests/corpus/tables.py. Do not edit what follows. -->"

MAX_CHARACTERS = 90
"""Characters of an input or a result that are shown; the files have all of it."""

PAGES = {"readings.md": ("readings", "posted"), "sheets.md": ("sheets",)}
"""Page -> domains whose inputs it lists."""

TITLES = {
    "readings": "Messages over MQTT: all inputs of the tests",
    "posted": "Bodies over HTTP: all inputs of the tests",
    "sheets": "All inputs of the tests",
}


def render(page: str, text: str) -> str:
    """Return the text of a page with the tables of now."""
    head = text.partition(BEGIN)[0].rstrip()
    return "\n".join([head, "", BEGIN, *(line for domain in PAGES[page] for line in _table(domain))]) + "\n"


def _table(domain: str) -> Iterator[str]:
    yield from ("", f"## {TITLES[domain]}", "", "| input | sent | becomes |", "|---|---|---|")
    for name, case in cases(domain).items():
        title = f"[{name.replace('-', ' ')}]({case['source']})"
        yield f"| {title} | {_sent(case)} | {'; '.join(_results(case)) or 'nothing'} |"


def _sent(case: Case) -> str:
    """Format what is sent, with its topic."""
    body = next(str(case[name]) for name in ("payload", "payload_hex", "body", "text") if name in case)
    topic = f"{_code(case['topic'])} " if "topic" in case else ""
    return topic + _code(body)


def _results(case: Case) -> Iterator[str]:
    """Yield what becomes of an input: its rows, then what is not stored."""
    shown = [row.get("fields", row) for row in case.get("rows", ())]
    yield from (_code(json.dumps(row, ensure_ascii=False)) for row in shown[:2])
    if len(shown) > 2:
        yield f"{len(shown)} rows"
    for name, words in (("rejected", "a dead letter"), ("ignored", "counted")):
        if name in case:
            yield f"{words}: {_text(case[name])}"
    if case.get("left_out"):
        yield f"left out: {', '.join(map(_text, case['left_out']))}"
    if case.get("clocks"):
        yield "the time of receipt"
    if case.get("refused"):
        yield f"refused: {_text(case['refused'][0])}"


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>" if text else "(empty)"


def _text(value: Any) -> str:
    """Escape text for a cell: Markdown interprets nothing of it."""
    shown = escape(escape_line(str(value), MAX_CHARACTERS), quote=False)
    for character in r"\|`*_[]~$":
        shown = shown.replace(character, f"&#{ord(character)};")
    return shown


def main(folder: str) -> None:
    """Write the tables of all pages."""
    for page in PAGES:
        path = Path(folder) / page
        path.write_text(render(page, path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
