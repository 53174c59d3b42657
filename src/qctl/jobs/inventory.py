"""Jobs of the queue `inventory`: import stock from other systems, set quantities, and check for low stock."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from qctl.broker.worker import job_context
from qctl.catalog.builtin import MAX_BULK_UPDATE_ITEMS
from qctl.errors import RejectedError
from qctl.files.folder import Folder
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import parse_id
from qctl.jobs.external_stock import Page, pages
from qctl.jobs.file import REJECTED_PREFIX
from qctl.jobs.follow_up_jobs import enqueue_follow_up, file_suffix, idempotency_key, stable_id
from qctl.jobs.rejected_rows import RejectedRows
from qctl.mail.compose import parse_address
from qctl.store import inventory
from qctl.store.inventory import ROWS_PER_TRANSACTION, Product
from qctl.store.products import StockItem, parse_item
from qctl.store.sql import Database

log = logging.getLogger(__name__)

_ITEM_FIELDS = {"sku", "quantity", "name", "threshold", "price"}


def sync_external(businessId: str | int, externalSystem: str, syncType: str | None = None) -> dict[str, Any]:
    """Import the stock of a source in QCTL_SOURCES: all products, or those changed since the last complete run.

    Products that the source does not list stay unchanged. Invalid ones are written to a file. Returns how many were
    `updated` and `refused`, the number of `pages`, and the `resultFile` with rejected products, if any.

    Raises RejectedError if the source is not allowed or its reply is not a list of products, PartnerUnavailableError
    if it does not reply, SinkError if the database cannot be used.
    """
    business = parse_id("businessId", businessId)
    if syncType not in (None, "full", "incremental"):
        raise RejectedError(f"unknown syncType {syncType!r:.80}; allowed: full, incremental")
    started = datetime.now(timezone.utc)
    updated = count = 0
    with inventory.open_database(settings()) as db, RejectedRows("item") as rejected:
        since = None if syncType == "full" else inventory.last_sync(db, business, externalSystem)
        for count, page in enumerate(pages(settings(), externalSystem, business, since), 1):
            updated += _apply_page(db, business, page, updated + rejected.count, rejected)
            job_context.progress(updated, note=f"page {count}, {rejected.count} rejected")
        result_file = rejected.write(Folder(settings().exports), f"{REJECTED_PREFIX}{file_suffix()}.csv")
        inventory.record_sync(db, business, externalSystem, started)
        refused = rejected.count
    job_context.progress(updated, updated, f"{count} pages, {refused} rejected")
    log.info("imported %d products of %s, rejected %d", updated, externalSystem, refused, extra={"event": "synced"})
    return {"updated": updated, "refused": refused, "pages": count, "resultFile": result_file}


def bulk_update(businessId: str | int, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Set products: `{sku, quantity}` with optional `name`, `threshold` and `price`. All are applied or none.

    Raises RejectedError, naming the first invalid item, and SinkError.
    """
    business = parse_id("businessId", businessId)
    if not 1 <= len(items) <= MAX_BULK_UPDATE_ITEMS:
        raise RejectedError(f"items has {len(items)} products; allowed: 1 to {MAX_BULK_UPDATE_ITEMS}")
    products: list[StockItem] = []
    for number, fields in enumerate(items, 1):
        try:
            products.append(parse_item(fields))
        except RejectedError as error:
            raise RejectedError(f"item {number}: {error.message}") from error
        if unknown := fields.keys() - _ITEM_FIELDS:
            raise RejectedError(f"item {number}: unknown field {sorted(unknown)[0]!r:.80}")
    with inventory.open_database(settings()) as db:
        applied = inventory.apply_items(db, business, products, source="bulk-update", key=idempotency_key(products))
    log.info("set %d products", len(products), extra={"event": "updated"})
    return {"updated": len(products), "again": not applied}


def stock_check(businessId: str | int | None = None) -> dict[str, int]:
    """Find products with low stock, and send an alert to QCTL_LOW_STOCK_EMAIL, at most one a day for each product.

    Returns how many products without an alert today run `out`, and how many alerts were sent now (`alerted`). Without
    the address, `out` counts at most 500.
    """
    business = None if businessId is None else parse_id("businessId", businessId)
    to = settings().low_stock_email
    today = datetime.now(ZoneInfo(settings().timezone)).date().isoformat()
    out = alerted = 0
    with inventory.open_database(settings()) as db:
        inventory.delete_old_change_keys(db)
        while low := inventory.find_low_stock(db, business, settings().low_stock_threshold, today):
            out += len(low)
            if to is None:
                log.warning("products run low, but QCTL_LOW_STOCK_EMAIL is not set", extra={"event": "low-stock"})
                break
            alerted += _alert(db, parse_address(to), low, today)
            job_context.progress(alerted)
    job_context.progress(out, out)
    log.info("%d products run low, %d alerts sent", out, alerted, extra={"event": "checked"})
    return {"out": out, "alerted": alerted}


def _alert(db: Database, to: str, low: Sequence[Product], today: str) -> int:
    """Send one email per product. Its id is made of product and day, so a retry after a kill creates none twice."""
    for business, group in groupby(low, lambda product: product.business):
        products = list(group)
        for product in products:
            items = [{"sku": product.sku, "quantity": product.quantity}]
            enqueue_follow_up(
                "low-stock-alert",
                {"userEmail": to, "businessId": business, "items": items},
                id=f"low-stock-{stable_id(business, product.sku)}-{today}",
            )
        inventory.record_alerted(db, products, today)
    return len(low)


def _apply_page(db: Database, business: str, page: Page, before: int, rejected: RejectedRows) -> int:
    """Apply a page of products. `before`: number of products on earlier pages. Returns how many were applied."""
    products: list[StockItem] = []
    for number, fields in enumerate(page, before + 1):
        try:
            if isinstance(fields, str):
                raise RejectedError(fields)  # noqa: TRY301 - the problem of a line that cannot be parsed
            products.append(parse_item(fields))
        except RejectedError as error:
            rejected.add(number, error.message, [json.dumps(fields)[:1000]])
    for start in range(0, len(products), ROWS_PER_TRANSACTION):
        inventory.apply_items(db, business, products[start : start + ROWS_PER_TRANSACTION], source="sync")
    return len(products)
