"""Every input of the corpus becomes the rows that its file names, in the parser."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from corpus.corpus import FOLDER, Case, cases, nanoseconds, payload
from qctl.errors import RejectedError
from qctl.files.csv_table import CsvTable
from qctl.jobs.stock_sheets import REQUIRED, SheetReading, product_fields
from qctl.settings import Settings
from qctl.sources import http_readings
from qctl.sources.duplicate_filter import CommittedWindow
from qctl.sources.message_groups import Grouper
from qctl.sources.mqtt_connection import Message
from qctl.sources.reading_rules import Parsed
from qctl.store.products import parse_item

NOW = nanoseconds("2026-01-31T18:00:00Z")
READINGS, POSTED, SHEETS = cases("readings"), cases("posted"), cases("sheets")

MakeSettings = Callable[..., Settings]


def rows(items: list[bytes], case: Case) -> list[dict[str, Any]]:
    """Items in the form of the file; a time within a microsecond of receipt is that of receipt."""
    found = []
    for item in map(json.loads, items):
        row = {name: item[name] for name in ("topic", "device", "fields", "tags") if name in item}
        if row["topic"] == case.get("topic"):
            del row["topic"]
        if not 0 <= item["ts_ns"] - item["received_ns"] < 1000:
            row["time"] = item["ts_ns"]
        found.append(row)
    return found


def expected(case: Case) -> list[dict[str, Any]]:
    return [{**row, "time": nanoseconds(row["time"])} if "time" in row else row for row in case["rows"]]


@pytest.mark.parametrize("name", READINGS)
def test_message_becomes_the_rows_of_its_file(name: str, make_settings: MakeSettings) -> None:
    case = READINGS[name]
    grouper = Grouper(make_settings(**case.get("settings", {})))
    message = Message(1, 1, False, False, case["topic"], payload(case), NOW)
    group = grouper.group([message], CommittedWindow(1))
    assert rows(group.items, case) == expected(case)
    assert [reject.reason for reject in group.rejects] == ([case["rejected"]] if "rejected" in case else [])
    ((_, parsed),) = group.unstored or [("", Parsed([]))]
    assert dict(Counter(parsed.left_out)) == case.get("left_out", {})
    assert (parsed.clocks, parsed.ignored) == (case.get("clocks", 0), case.get("ignored"))


@pytest.mark.parametrize("name", POSTED)
def test_body_becomes_the_rows_of_its_file(name: str, make_settings: MakeSettings) -> None:
    case = POSTED[name]
    settings, body = make_settings(**case.get("settings", {})), case["body"].encode()
    if case["content_type"] == "text/plain":
        posted = http_readings.parse_lines(settings, body, case.get("query", {}).get("precision", "ns"))
    else:
        posted = http_readings.parse_json(settings, body)
    assert rows(posted.items, case) == expected(case)
    assert [f"{line.line}: {line.reason}" for line in posted.bad] == case.get("refused", [])
    assert (posted.left_out, posted.clocks) == (case.get("left_out", {}), case.get("clocks", 0))


@pytest.mark.parametrize("name", SHEETS)
def test_sheet_becomes_the_rows_of_its_file(name: str) -> None:
    case = SHEETS[name]
    reading = SheetReading.of(**case.get("arguments", {}))
    content = io.BytesIO(case["text"].encode(case["encoding"]))
    table = CsvTable(content, reading.columns, REQUIRED, encoding=reading.encoding)
    found, refused = [], []
    for row in table:
        try:
            if row.problem:
                raise RejectedError(row.problem)
            item = parse_item(product_fields(row, table.delimiter, reading.decimal))
        except RejectedError as error:
            refused.append(f"{row.number}: {error.message}")
        else:
            price = None if item.price is None else str(item.price)
            values = {**vars(item), "price": price}
            found.append({name: value for name, value in values.items() if value is not None})
    assert found == case["rows"]
    assert (refused, table.ignored) == (case.get("refused", []), case.get("ignored_columns", []))
    assert table.encoding == case["read_as"]


def test_every_input_names_its_source() -> None:
    files = sorted(FOLDER.glob("*/*.json"))
    assert len(files) >= 150
    assert [str(file) for file in files if not json.loads(file.read_text()).get("source")] == []
