"""Writes a report as CSV (its table), JSON (all of it), or an HTML page with charts that works offline."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

from qctl import extras
from qctl.reports.report import Report
from qctl.reports.svg import render_svg
from qctl.safe import escape_cell, escape_line

if TYPE_CHECKING:
    from jinja2 import Environment

MAX_PAGE_ROWS = 1000
"""Maximum rows of a page; CSV and JSON contain all rows."""


def write_csv(report: Report, out: BinaryIO) -> None:
    """Write the table with a header."""
    text = io.TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
    rows = csv.writer(text)
    rows.writerow(report.columns)
    for row in report.rows:
        rows.writerow([escape_cell(cell) if isinstance(cell, str) else cell for cell in row])
    text.detach()


def write_json(report: Report, out: BinaryIO) -> None:
    """Write the report as one object, with an object for each row."""
    document = {
        "title": report.title,
        "about": report.about,
        "madeAt": report.made_at.isoformat(timespec="seconds"),
        "figures": dict(report.figures),
        "notes": list(report.notes),
        "rows": [dict(zip(report.columns, row, strict=True)) for row in report.rows],
    }
    out.write(json.dumps(document, indent=1).encode() + b"\n")


def write_html(report: Report, out: BinaryIO) -> None:
    """Write a page. Raises UnusableError if Jinja2 is not installed."""
    page = _environment().get_template("report.html")
    charts = [(chart.title, render_svg(chart)) for chart in report.charts]
    left_out = max(0, len(report.rows) - MAX_PAGE_ROWS)
    text = page.render(report=report, charts=charts, rows=report.rows[:MAX_PAGE_ROWS], left_out=left_out)
    out.write(text.encode(errors="backslashreplace"))


WRITERS: Mapping[str, Callable[[Report, BinaryIO], None]] = {"csv": write_csv, "json": write_json, "html": write_html}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    jinja2 = extras.load("jinja2", extra="reports", needed_by="an HTML report")
    loader = jinja2.PackageLoader("qctl.reports")
    environment: Environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["shown"] = lambda value: "" if value is None else escape_line(str(value))
    return environment
