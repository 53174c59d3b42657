"""The reports about stock: what there is, and what was sold.

There is no table of sales: nobody tells qctl of them. What is told are quantities, and each time one went down the
pieces that left were written down with the price of that moment. `sales-analysis` takes those for sales, and says so:
what broke or was stolen is among them, and what was sold and filled up between two tellings is not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from qctl.broker.worker import job_context
from qctl.jobs.common_arguments import Days
from qctl.reports.report import Chart, Report
from qctl.settings import Settings
from qctl.store import inventory

TOP = 15
"""Bars of a chart."""

ASSUMED = "Sales are the pieces that left the stock, at the price of that moment: losses are among them."


def inventory_summary(settings: Settings, business: str, days: Days) -> Report:
    """What there is of every product that was updated on these days, and what it is worth."""
    rows: list[tuple[str, str | None, int, int | None, float | None, float | None]] = []
    low = pieces = 0
    worth = Decimal(0)
    with inventory.opened(settings) as db:
        for each in inventory.products(db, business, days.since, days.until):
            value = None if each.price is None else each.price * each.quantity
            least = settings.low_stock_threshold if each.threshold is None else each.threshold
            low += each.quantity <= least
            pieces += each.quantity
            worth += value or 0
            rows.append((each.sku, each.name, each.quantity, each.threshold, _float(each.price), _float(value)))
            job_context.progress(len(rows))
    valued = sorted(((row[0], row[5] or 0.0) for row in rows), key=lambda pair: -pair[1])[:TOP]
    most = sorted(((row[0], float(row[2])) for row in rows), key=lambda pair: -pair[1])[:TOP]
    return Report(
        "Inventory summary",
        f"Business {business}, {days}",
        datetime.now(timezone.utc),
        ("sku", "name", "quantity", "threshold", "price", "value"),
        rows,
        {"products": len(rows), "pieces": pieces, "value": float(worth), "running out": low},
        [Chart("Most pieces", dict(most)), Chart("Worth most", dict(valued))],
    )


def sales_analysis(settings: Settings, business: str, days: Days) -> Report:
    """What left the stock on these days, by the product and by the day."""
    sold: Counter[str] = Counter()
    earned: defaultdict[str, Decimal] = defaultdict(Decimal)
    by_day: dict[str, float] = {}
    count = 0
    with inventory.opened(settings) as db:
        for count, each in enumerate(inventory.movements(db, business, days.since, days.until), 1):
            job_context.progress(count)
            if each.pieces >= 0:
                continue
            sold[each.sku] -= each.pieces
            earned[each.sku] -= each.pieces * (each.price or 0)
            day = days.day(each.at).isoformat()
            by_day[day] = by_day.get(day, 0.0) - each.pieces
    rows = [(sku, pieces, float(earned[sku])) for sku, pieces in sold.most_common()]
    best = sorted(earned.items(), key=lambda pair: -pair[1])[:TOP]
    return Report(
        "Sales analysis",
        f"Business {business}, {days}",
        datetime.now(timezone.utc),
        ("sku", "pieces", "revenue"),
        rows,
        {"pieces": sum(sold.values()), "revenue": float(sum(earned.values())), "products": len(rows)},
        [
            Chart("Pieces a day", _whole_days(by_day), over_time=True),
            Chart("Best revenue", {sku: float(value) for sku, value in best}),
        ],
        (ASSUMED,),
    )


def _whole_days(found: dict[str, float]) -> dict[str, float]:
    """Days in between, on which nothing was sold, too."""
    if not found:
        return {}
    day, last = (datetime.fromisoformat(each) for each in (min(found), max(found)))
    every: dict[str, float] = {}
    while day <= last:
        name = day.date().isoformat()
        every[name] = found.get(name, 0.0)
        day += timedelta(days=1)
    return every


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
