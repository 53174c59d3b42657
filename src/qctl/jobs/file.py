"""Jobs of the queue `file`: stock in from files in UPLOAD_DIR, and out into files in EXPORTS_DIR."""

from __future__ import annotations

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
from qctl.files.csv_table import Line, Sheet
from qctl.files.folder import Folder
from qctl.files.unpack import content
from qctl.jobs import log_context
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import Days, named
from qctl.jobs.follow_up_jobs import follow, once, token
from qctl.jobs.rejected_rows import Refusals
from qctl.mail.compose import address
from qctl.safe import escape_cell, unescape_cell
from qctl.store import inventory
from qctl.store.inventory import AT_ONCE, Product
from qctl.store.products import FIELDS, Item, item

log = logging.getLogger(__name__)

COLUMNS = {
    "sku": ("sku", "article", "article number", "product code"),
    "name": ("name", "product", "title", "description"),
    "quantity": ("quantity", "qty", "stock", "amount"),
    "threshold": ("threshold", "minimum", "min", "reorder level"),
    "price": ("price", "unit price"),
}
"""What the columns of an import may be called. The first names are those of an export."""

REFUSED = "import-refused-"
EXPORT = "inventory-export-"


def process_inventory_import(businessId: str | int, file: str, userEmail: str | None = None) -> dict[str, Any]:
    """Import a CSV file of UPLOAD_DIR, packed by gzip or zip or not. Rows that are refused come out in a file.

    Returns how many rows were `imported` and `refused`, and the `resultFile` where any was. Rows that were imported
    before this job was killed are not imported again. Raises RejectedError where the file cannot be taken, SinkError
    where the database cannot.
    """
    business, to = named("businessId", businessId), _checked(userEmail)
    most = settings().max_file_size
    imported = 0
    with (
        Folder(settings().uploads).open(file, most) as packed,
        content(packed, most) as text,
        inventory.opened(settings()) as db,
        Refusals("line") as refusals,
    ):
        rows = _items(Sheet(text, COLUMNS, ("sku", "quantity")), refusals)
        while batch := list(islice(rows, AT_ONCE)):
            inventory.apply(db, business, batch, source="import", key=once(batch))
            imported += len(batch)
            job_context.progress(imported + refusals.count, note=f"{refusals.count} refused")
        kept = refusals.keep(Folder(settings().exports), f"{REFUSED}{token()}.csv")
        refused = refusals.count
    job_context.progress(imported + refused, imported + refused, f"{refused} refused")
    log.info("imported %d rows, refused %d", imported, refused, extra=log_context.of("imported"))
    _tell(to, "inventory-import", business, kept)
    return {"imported": imported, "refused": refused, "resultFile": kept}


def process_inventory_export(
    businessId: str | int,
    format: str | None = None,
    filters: Mapping[str, Any] | None = None,
    userEmail: str | None = None,
) -> dict[str, Any]:
    """Write the stock to a file in EXPORTS_DIR: what was updated on the days of the filters. Returns its name.

    Raises RejectedError where something is asked that cannot be, SinkError where the database or the folder cannot be
    used.
    """
    business, to = named("businessId", businessId), _checked(userEmail)
    days = Days.of(filters, settings().timezone)
    form = format or "csv"
    if form not in _WRITERS:
        raise RejectedError(f"there is no format {form!r:.80}: csv and json are all")
    name = f"{EXPORT}{token()}.{form}"
    with inventory.opened(settings()) as db, Folder(settings().exports).writing(name) as out:
        count = _WRITERS[form](out, _counted(inventory.products(db, business, days.since, days.until)))
    job_context.progress(count, count)
    log.info("exported %d products", count, extra=log_context.of("exported"))
    _tell(to, "inventory-export", business, name)
    return {"file": name, "products": count}


def cleanup_exports(olderThan: float | None = None) -> dict[str, int]:
    """Delete old files of EXPORTS_DIR that are no reports. Returns how many went. Raises QctlError where that is not
    allowed."""
    age = settings().keep_exports if olderThan is None else max(0.0, olderThan)
    gone = sum(each.remove() for each in old_files.outdated(settings().exports, "exports", time.time() - age))
    log.info("deleted %d exports", gone, extra=log_context.of("cleaned"))
    return {"deleted": gone}


def _checked(email: str | None) -> str | None:
    """An address, looked at before the work instead of after it."""
    return None if email is None else address(email)


def _tell(to: str | None, what: str, business: str, file: str | None) -> None:
    if to:
        follow("report-ready", {"userEmail": to, "businessId": business, "reportType": what, "reportFile": file})


# --- in -------------------------------------------------------------------------------------------------------------


def _items(sheet: Sheet, refusals: Refusals) -> Iterator[Item]:
    """The products of a file. What cannot be read is refused, and a product that was there already."""
    seen: dict[str, int] = {}
    for line in sheet:
        try:
            found = _item(line, sheet.delimiter)
        except RejectedError as error:
            refusals.add(line.number, error.message, line.cells)
            continue
        if found.sku in seen:
            refusals.add(line.number, f"its sku is on line {seen[found.sku]} already", line.cells)
            continue
        seen[found.sku] = line.number
        yield found


def _item(line: Line, delimiter: str) -> Item:
    if line.problem:
        raise RejectedError(line.problem)
    return item(told(line, delimiter))


def told(line: Line, delimiter: str) -> dict[str, str]:
    """What a line tells of a product, as `store.items.item` reads it."""
    found = {name: unescape_cell(cell) for name, cell in line.values.items()}
    if delimiter != "," and "." not in (price := found.get("price", "")):
        found["price"] = price.replace(",", ".", 1)  # where a comma delimits nothing it is the decimal one
    return found


# --- out ------------------------------------------------------------------------------------------------------------


def _counted(products: Iterable[Product]) -> Iterator[Product]:
    for count, each in enumerate(products, 1):
        job_context.progress(count)
        yield each


def _csv(out: BinaryIO, products: Iterable[Product]) -> int:
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text)
    rows.writerow([*FIELDS, "updated_at"])
    count = 0
    for each in products:
        rows.writerow([escape_cell(cell) if isinstance(cell, str) else cell for cell in _told(each).values()])
        count += 1
    text.detach()
    return count


def _json(out: BinaryIO, products: Iterable[Product]) -> int:
    out.write(b"[")
    count = 0
    for count, each in enumerate(products, 1):
        out.write((b",\n" if count > 1 else b"\n") + json.dumps(_told(each)).encode())
    out.write(b"\n]\n")
    return count


def _told(product: Product) -> dict[str, Any]:
    price = None if product.price is None else float(product.price)
    found = {name: getattr(product, name) for name in FIELDS}
    return {**found, "price": price, "updated_at": product.updated_at.isoformat(timespec="seconds")}


_WRITERS = {"csv": _csv, "json": _json}
