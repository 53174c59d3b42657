"""A report as a file: its table as CSV, all of it as JSON, or a page with charts that opens offline."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

from qctl.errors import SinkMisconfiguredError
from qctl.reports.report import Report
from qctl.reports.svg import svg
from qctl.safe import escape_cell, escape_line

if TYPE_CHECKING:
    from jinja2 import Environment

SHOWN = 1000
"""Rows that a page shows; the other files have all."""


def as_csv(report: Report, out: BinaryIO) -> None:
    """The table, with a line that names its columns."""
    text = io.TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
    rows = csv.writer(text)
    rows.writerow(report.columns)
    for row in report.rows:
        rows.writerow([escape_cell(cell) if isinstance(cell, str) else cell for cell in row])
    text.detach()


def as_json(report: Report, out: BinaryIO) -> None:
    """All of it as one object; each row is one too."""
    document = {
        "title": report.title,
        "about": report.about,
        "madeAt": report.made_at.isoformat(timespec="seconds"),
        "figures": dict(report.figures),
        "notes": list(report.notes),
        "rows": [dict(zip(report.columns, row, strict=True)) for row in report.rows],
    }
    out.write(json.dumps(document, indent=1).encode() + b"\n")


def as_html(report: Report, out: BinaryIO) -> None:
    """A page. Raises SinkMisconfiguredError where the library for it is not installed."""
    page = _environment().get_template("report.html")
    charts = [(chart.title, svg(chart)) for chart in report.charts]
    left_out = max(0, len(report.rows) - SHOWN)
    text = page.render(report=report, charts=charts, rows=report.rows[:SHOWN], left_out=left_out)
    out.write(text.encode(errors="backslashreplace"))


WRITERS: Mapping[str, Callable[[Report, BinaryIO], None]] = {"csv": as_csv, "json": as_json, "html": as_html}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise SinkMisconfiguredError(
            f"pages of reports need Jinja2: {error}", hint="pip install qctl[reports]"
        ) from error
    made = Environment(loader=PackageLoader("qctl.reports"), autoescape=True, undefined=StrictUndefined)
    made.filters["shown"] = lambda value: "" if value is None else escape_line(str(value))
    return made
