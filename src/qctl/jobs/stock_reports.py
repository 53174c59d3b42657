"""Reports on stock: the inventory, and sales.

qctl has no sales data. It receives quantities, and whenever one decreases it stores the difference with the price at
that time. `sales-analysis` counts these differences as sales, and its note says so: losses are included, and sales
that were restocked between two updates are missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from qctl.broker.worker import job_context
from qctl.jobs.common_arguments import DateRange
from qctl.reports.report import Chart, Report
from qctl.settings import Settings
from qctl.store import inventory

MAX_BARS = 15
"""Maximum bars of a chart; smaller values are left out."""

SALES_NOTE = "Sales are decreases of the stock at the price of that time; losses are included."


def inventory_summary(settings: Settings, business: str, days: DateRange) -> Report:
    """Quantity and value of every product that was updated on these days."""
    rows: list[tuple[str, str | None, int, int | None, float | None, float | None]] = []
    low = pieces = 0
    total_value = Decimal(0)
    with inventory.open_database(settings) as db:
        for product in inventory.read_products(db, business, days.since, days.until):
            value = None if product.price is None else product.price * product.quantity
            threshold = settings.low_stock_threshold if product.threshold is None else product.threshold
            low += product.quantity <= threshold
            pieces += product.quantity
            total_value += value or 0
            cells = (product.sku, product.name, product.quantity, product.threshold)
            rows.append((*cells, _float(product.price), _float(value)))
            job_context.progress(len(rows))
    valued = sorted(((row[0], row[5] or 0.0) for row in rows), key=lambda pair: -pair[1])[:MAX_BARS]
    most = sorted(((row[0], float(row[2])) for row in rows), key=lambda pair: -pair[1])[:MAX_BARS]
    return Report(
        "Inventory summary",
        f"Business {business}, {days}",
        datetime.now(timezone.utc),
        ("sku", "name", "quantity", "threshold", "price", "value"),
        rows,
        {"products": len(rows), "pieces": pieces, "value": float(total_value), "running out": low},
        [Chart("Most pieces", dict(most)), Chart("Worth most", dict(valued))],
    )


def sales_analysis(settings: Settings, business: str, days: DateRange) -> Report:
    """Decreases of the stock on these days, by product and by day."""
    sold: Counter[str] = Counter()
    revenue: defaultdict[str, Decimal] = defaultdict(Decimal)
    by_day: dict[str, float] = {}
    count = 0
    with inventory.open_database(settings) as db:
        for count, movement in enumerate(inventory.read_movements(db, business, days.since, days.until), 1):
            job_context.progress(count)
            if movement.pieces >= 0:
                continue
            sold[movement.sku] -= movement.pieces
            revenue[movement.sku] -= movement.pieces * (movement.price or 0)
            day = days.day(movement.at).isoformat()
            by_day[day] = by_day.get(day, 0.0) - movement.pieces
    rows = [(sku, pieces, float(revenue[sku])) for sku, pieces in sold.most_common()]
    best = sorted(revenue.items(), key=lambda pair: -pair[1])[:MAX_BARS]
    return Report(
        "Sales analysis",
        f"Business {business}, {days}",
        datetime.now(timezone.utc),
        ("sku", "pieces", "revenue"),
        rows,
        {"pieces": sum(sold.values()), "revenue": float(sum(revenue.values())), "products": len(rows)},
        [
            Chart("Pieces a day", _fill_days(by_day), over_time=True),
            Chart("Best revenue", {sku: float(value) for sku, value in best}),
        ],
        (SALES_NOTE,),
    )


def _fill_days(by_day: dict[str, float]) -> dict[str, float]:
    """Add the days without sales between the first and the last day."""
    if not by_day:
        return {}
    day, last = (datetime.fromisoformat(edge) for edge in (min(by_day), max(by_day)))
    filled: dict[str, float] = {}
    while day <= last:
        name = day.date().isoformat()
        filled[name] = by_day.get(name, 0.0)
        day += timedelta(days=1)
    return filled


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
