"""Jobs of the queue `file`: import stock from files in UPLOAD_DIR, and export it to files in EXPORTS_DIR."""

from __future__ import annotations

import codecs
import csv
import io
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from qctl import old_files
from qctl.broker.worker import job_context
from qctl.errors import RejectedError
from qctl.files.csv_table import CsvRow, CsvTable
from qctl.files.folder import Folder
from qctl.files.xlsx_table import XlsxTable
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import DateRange, parse_id
from qctl.jobs.follow_up_jobs import enqueue_follow_up, file_suffix, idempotency_key
from qctl.jobs.rejected_rows import RejectedRows
from qctl.jobs.stock_sheets import MAX_LISTED_COLUMNS, SheetReading, open_sheet, product_fields
from qctl.mail.compose import parse_address
from qctl.safe import escape_cell
from qctl.store import inventory
from qctl.store.inventory import ROWS_PER_TRANSACTION, Product
from qctl.store.products import ITEM_FIELDS, StockItem, parse_item

log = logging.getLogger(__name__)

REJECTED_PREFIX = "import-refused-"
EXPORT_PREFIX = "inventory-export-"


def process_inventory_import(
    businessId: str | int,
    file: str,
    userEmail: str | None = None,
    encoding: str | None = None,
    mapping: Mapping[str, str] | None = None,
    decimal: str | None = None,
) -> dict[str, Any]:
    """Import a file in UPLOAD_DIR: CSV, plain or packed by gzip or zip, or .xlsx. Rejected rows are written to a file.

    `encoding` is that of a CSV file that is not UTF-8, `mapping` names headings by field, `decimal` is the decimal
    separator. Returns how many rows were `imported` and `refused`, the `resultFile` with rejected rows, if any, the
    `encoding`, and the headings of `ignoredColumns`. A retry does not import rows again. Raises RejectedError if the
    file cannot be read, SinkError if the database cannot be used.
    """
    business, to = parse_id("businessId", businessId), _checked_address(userEmail)
    reading = SheetReading.of(encoding, mapping, decimal)
    max_bytes = settings().max_file_size
    imported = 0
    with (
        Folder(settings().uploads).open(file, max_bytes) as packed,
        open_sheet(packed, reading, max_bytes) as sheet,
        inventory.open_database(settings()) as db,
        RejectedRows("line") as rejected,
    ):
        rows = _items(sheet, reading, rejected)
        while batch := list(islice(rows, ROWS_PER_TRANSACTION)):
            inventory.apply_items(db, business, batch, source="import", key=idempotency_key(batch))
            imported += len(batch)
            job_context.progress(imported + rejected.count, note=f"{rejected.count} rejected")
        result_file = rejected.write(Folder(settings().exports), f"{REJECTED_PREFIX}{file_suffix()}.csv")
        count = rejected.count
    job_context.progress(imported + count, imported + count, f"{count} rejected")
    log.info("imported %d rows, rejected %d", imported, count, extra={"event": "imported"})
    _notify_ready(to, "inventory-import", business, result_file)
    return {
        "imported": imported,
        "refused": count,
        "resultFile": result_file,
        "encoding": sheet.encoding,
        "ignoredColumns": sheet.ignored[:MAX_LISTED_COLUMNS],
    }


def process_inventory_export(
    businessId: str | int,
    format: str | None = None,
    filters: Mapping[str, Any] | None = None,
    userEmail: str | None = None,
) -> dict[str, Any]:
    """Export products that were updated on the days of the filters to a file in EXPORTS_DIR. Returns its name.

    Raises RejectedError for an invalid argument, SinkError if the database or the folder cannot be used.
    """
    business, to = parse_id("businessId", businessId), _checked_address(userEmail)
    days = DateRange.of(filters, settings().timezone)
    file_format = format or "csv"
    if file_format not in _WRITERS:
        raise RejectedError(f"unknown format {file_format!r:.80}; allowed formats: {', '.join(_WRITERS)}")
    name = f"{EXPORT_PREFIX}{file_suffix()}.{_EXTENSIONS.get(file_format, file_format)}"
    with inventory.open_database(settings()) as db, Folder(settings().exports).writing(name) as out:
        count = _WRITERS[file_format](
            out, _with_progress(inventory.read_products(db, business, days.since, days.until))
        )
    job_context.progress(count, count)
    log.info("exported %d products", count, extra={"event": "exported"})
    _notify_ready(to, "inventory-export", business, name)
    return {"file": name, "products": count}


def cleanup_exports(olderThan: float | None = None) -> dict[str, int]:
    """Delete old files of EXPORTS_DIR other than reports. Returns how many were `deleted`.

    Raises QctlError if the folder cannot be used.
    """
    age = settings().keep_exports if olderThan is None else max(0.0, olderThan)
    deleted = sum(file.remove() for file in old_files.find_outdated(settings().exports, "exports", time.time() - age))
    log.info("deleted %d exports", deleted, extra={"event": "cleaned"})
    return {"deleted": deleted}


def _checked_address(email: str | None) -> str | None:
    """Validate an email address before the work starts."""
    return None if email is None else parse_address(email)


def _notify_ready(to: str | None, report_type: str, business: str, file: str | None) -> None:
    if to:
        data = {"userEmail": to, "businessId": business, "reportType": report_type, "reportFile": file}
        enqueue_follow_up("report-ready", data)


# --- import -----------------------------------------------------------------------------------------------------------


def _items(sheet: CsvTable | XlsxTable, reading: SheetReading, rejected: RejectedRows) -> Iterator[StockItem]:
    """Yield the products of a file. Lines that cannot be parsed or repeat a product are rejected."""
    line_of: dict[str, int] = {}
    for line in sheet:
        try:
            product = _item(line, sheet.delimiter, reading)
        except RejectedError as error:
            rejected.add(line.number, error.message, line.cells)
            continue
        if product.sku in line_of:
            rejected.add(line.number, f"duplicate sku, first on line {line_of[product.sku]}", line.cells)
            continue
        line_of[product.sku] = line.number
        yield product


def _item(line: CsvRow, delimiter: str, reading: SheetReading) -> StockItem:
    if line.problem:
        raise RejectedError(line.problem)
    return parse_item(product_fields(line, delimiter, reading.decimal))


# --- export -----------------------------------------------------------------------------------------------------------


def _with_progress(products: Iterable[Product]) -> Iterator[Product]:
    for count, product in enumerate(products, 1):
        job_context.progress(count)
        yield product


def _csv(out: BinaryIO, products: Iterable[Product], *, delimiter: str = ",", decimal: str = ".") -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text, delimiter=delimiter)
    rows.writerow([*ITEM_FIELDS, "updated_at"])
    count = 0
    for product in products:
        rows.writerow([_cell(value, decimal) for value in _row(product).values()])
        count += 1
    text.detach()
    return count


def _excel(out: BinaryIO, products: Iterable[Product]) -> int:
    """CSV as Excel reads it where the comma is the decimal separator: with a byte order mark and semicolons."""
    out.write(codecs.BOM_UTF8)
    return _csv(out, products, delimiter=";", decimal=",")


def _cell(value: Any, decimal: str) -> Any:
    if isinstance(value, str):
        return escape_cell(value)
    return str(value).replace(".", decimal) if isinstance(value, float) and decimal != "." else value


def _json(out: BinaryIO, products: Iterable[Product]) -> int:
    out.write(b"[")
    count = 0
    for count, product in enumerate(products, 1):
        out.write((b",\n" if count > 1 else b"\n") + json.dumps(_row(product)).encode())
    out.write(b"\n]\n")
    return count


def _row(product: Product) -> dict[str, Any]:
    price = None if product.price is None else float(product.price)
    fields = {name: getattr(product, name) for name in ITEM_FIELDS}
    return {**fields, "price": price, "updated_at": product.updated_at.isoformat(timespec="seconds")}


_WRITERS = {"csv": _csv, "excel": _excel, "json": _json}
_EXTENSIONS = {"excel": "csv"}
