"""Jobs of the queue `inventory`: stock taken over from other systems, set by hand, and looked at."""

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
from qctl.jobs import log_context
from qctl.jobs.batches import settings
from qctl.jobs.common_arguments import named
from qctl.jobs.external_stock import Page, pages
from qctl.jobs.follow_up_jobs import follow, once, same, token
from qctl.jobs.rejected_rows import Refusals
from qctl.mail.compose import address
from qctl.store import inventory
from qctl.store.inventory import AT_ONCE, Product
from qctl.store.products import Item, item
from qctl.store.sql import Database

log = logging.getLogger(__name__)

REFUSED = "import-refused-"
"""As those of imports: `cleanup-exports` deletes both."""

_TOLD = {"sku", "quantity", "name", "threshold", "price"}


def sync_external(businessId: str | int, externalSystem: str, syncType: str | None = None) -> dict[str, Any]:
    """Take over the stock of a source in the settings: all of it, or what changed since the last whole run.

    Products that the source does not tell of stay as they are. Those it tells of wrongly come out in a file. Returns
    how many were `updated` and `refused`, the `pages`, and the `resultFile`.

    Raises RejectedError where the source may not be asked or tells no products, PartnerUnavailableError where it does
    not answer, SinkError where the database cannot be used.
    """
    business = named("businessId", businessId)
    if syncType not in (None, "full", "incremental"):
        raise RejectedError(f"there is no syncType {syncType!r:.80}: full and incremental are all")
    begun = datetime.now(timezone.utc)
    updated = count = 0
    with inventory.opened(settings()) as db, Refusals("item") as refusals:
        since = None if syncType == "full" else inventory.synced(db, business, externalSystem)
        for count, page in enumerate(pages(settings(), externalSystem, business, since), 1):
            updated += _take(db, business, page, updated + refusals.count, refusals)
            job_context.progress(updated, note=f"page {count}, {refusals.count} refused")
        kept = refusals.keep(Folder(settings().exports), f"{REFUSED}{token()}.csv")
        inventory.note_sync(db, business, externalSystem, begun)
        refused = refusals.count
    job_context.progress(updated, updated, f"{count} pages, {refused} refused")
    log.info(
        "took over %d products of %s, refused %d", updated, externalSystem, refused, extra=log_context.of("synced")
    )
    return {"updated": updated, "refused": refused, "pages": count, "resultFile": kept}


def bulk_update(businessId: str | int, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Set quantities of products, `{sku, quantity}` and maybe `name`, `threshold`, `price`: all of them or none.

    Raises RejectedError, naming the first that is wrong, where any is, and SinkError.
    """
    business = named("businessId", businessId)
    if not 1 <= len(items) <= MAX_BULK_UPDATE_ITEMS:
        raise RejectedError(f"items holds {len(items)} products, and not 1 to {MAX_BULK_UPDATE_ITEMS}")
    found: list[Item] = []
    for number, each in enumerate(items, 1):
        try:
            found.append(item(each))
        except RejectedError as error:
            raise RejectedError(f"item {number}: {error.message}") from error
        if unknown := each.keys() - _TOLD:
            raise RejectedError(f"item {number}: it has an unknown {sorted(unknown)[0]!r:.80}")
    with inventory.opened(settings()) as db:
        applied = inventory.apply(db, business, found, source="bulk-update", key=once(found))
    log.info("set %d products", len(found), extra=log_context.of("updated"))
    return {"updated": len(found), "again": not applied}


def stock_check(businessId: str | int | None = None) -> dict[str, int]:
    """Look for products that run out, and have QCTL_LOW_STOCK_EMAIL told of each once a day.

    Returns how many ran `out` that nobody had been told of today, and of how many somebody was told now (`alerted`).
    Without the address `out` is 500 at most.
    """
    business = None if businessId is None else named("businessId", businessId)
    to = settings().low_stock_email
    today = datetime.now(ZoneInfo(settings().timezone)).date().isoformat()
    out = alerted = 0
    with inventory.opened(settings()) as db:
        inventory.forget_applied(db)
        while low := inventory.running_out(db, business, settings().low_stock_threshold, today):
            out += len(low)
            if to is None:
                log.warning("products run out and QCTL_LOW_STOCK_EMAIL is not set", extra=log_context.of("low-stock"))
                break
            alerted += _alert(db, address(to), low, today)
            job_context.progress(alerted)
    job_context.progress(out, out)
    log.info("%d products run out, told of %d", out, alerted, extra=log_context.of("checked"))
    return {"out": out, "alerted": alerted}


def _alert(db: Database, to: str, low: Sequence[Product], today: str) -> int:
    """One mail a product. Its id is of product and day: killed before the note, the next run creates none twice."""
    for business, products in groupby(low, lambda product: product.business):
        told = list(products)
        for each in told:
            follow(
                "low-stock-alert",
                {"userEmail": to, "businessId": business, "items": [{"sku": each.sku, "quantity": each.quantity}]},
                id=f"low-stock-{same(business, each.sku)}-{today}",
            )
        inventory.alerted(db, told, today)
    return len(low)


def _take(db: Database, business: str, page: Page, before: int, refusals: Refusals) -> int:
    """Apply a page; `before` is how many products came before it. Returns how many were taken."""
    good: list[Item] = []
    for number, told in enumerate(page, before + 1):
        try:
            if isinstance(told, str):
                raise RejectedError(told)  # noqa: TRY301 - a line that could not be read: its problem
            good.append(item(told))
        except RejectedError as error:
            refusals.add(number, error.message, [json.dumps(told)[:1000]])
    for start in range(0, len(good), AT_ONCE):
        inventory.apply(db, business, good[start : start + AT_ONCE], source="sync")
    return len(good)
