"""The shop's application: it creates jobs of every kind, as a developer does, with QueueService."""

from __future__ import annotations

import base64
import io
import random
from itertools import count

from demo.rounds import Round
from qctl import QueueService
from qctl.settings import Settings

SHOP = 7

SECRETS = "http://169.254.169.254/latest"
"""Address at which machines in a cloud find their keys: nothing is ever sent there."""

PEOPLE = ("ada", "grace", "linus", "mallory")


class Producers:
    """The application's calls, valid and invalid."""

    def __init__(self, service: QueueService, settings: Settings) -> None:
        self._service = service
        self._number = count(1)
        self._picture = _picture()
        self._hook = settings.sources["supplier"].replace("/stock", "/hook")

    def rounds(self) -> list[Round]:
        """Some four jobs a second; one in ten fails. Every kind comes at once, then at its own pace."""
        return [*self._mails(), *self._stock(), *self._files(), *self._messages(), *self._own(), *self._failures()]

    def _mails(self) -> list[Round]:
        service = self._service
        return [
            Round(5, lambda: service.add_welcome_email(userEmail=self._address(), userName="New customer")),
            Round(
                8, lambda: service.add_password_reset(userEmail=self._address(), resetUrl="https://shop.example/r/1")
            ),
            Round(30, lambda: service.add_low_stock_alert(userEmail="buyer@shop.example", items=_items(2))),
            Round(4, lambda: service.add_welcome_email(userEmail=self._address(), userName="Reader", priority=10)),
            Round(20, lambda: service.add_welcome_email(userEmail=self._address(), userName="Later", delay=120)),
            Round(
                60, lambda: service.add_report_ready(userEmail="boss@shop.example", reportType="sales", businessId=SHOP)
            ),
        ]

    def _stock(self) -> list[Round]:
        service = self._service
        return [
            Round(
                15,
                lambda: service.add_inventory_sync(businessId=SHOP, externalSystem="supplier", syncType="full"),
            ),
            Round(25, lambda: service.add_inventory_sync(businessId=SHOP, externalSystem="warehouse", syncType="full")),
            Round(10, lambda: service.add_bulk_update(businessId=SHOP, items=_items(250))),
            Round(60, lambda: service.enqueue("stock-check", {"businessId": SHOP})),
        ]

    def _files(self) -> list[Round]:
        service = self._service
        boss = "boss@shop.example"
        return [
            Round(
                10,
                lambda: service.add_report_generation(
                    businessId=SHOP, reportType=self._report(), filters={"startDate": "2026-01-01"}, userEmail=boss
                ),
            ),
            Round(20, lambda: service.add_inventory_import(businessId=SHOP, file="delivery.csv")),
            Round(20, lambda: service.add_inventory_export(businessId=SHOP, format="json")),
            Round(300, lambda: service.enqueue("cleanup-reports", {"olderThan": 600})),
            Round(300, lambda: service.enqueue("cleanup-exports", {"olderThan": 600})),
            Round(300, lambda: service.enqueue("cleanup-images", {"olderThan": 600})),
        ]

    def _messages(self) -> list[Round]:
        service = self._service
        wish = service.set_notification_preference
        return [
            Round(600, lambda: wish(receiverId="ada", by="webhook", target=self._hook)),
            Round(600, lambda: wish(receiverId="grace", by="email", target="grace@shop.example")),
            Round(3, lambda: service.send_message(senderId="ada", receiverId="grace", text="Is the lamp there?")),
            Round(5, lambda: service.send_message(senderId="grace", receiverId="ada", text="Yes", trace_id="lamp")),
            Round(30, lambda: service.send_message(senderId="linus", receiverId="ada", image=self._picture)),
            Round(9, lambda: service.notify(receiverId="linus", text="Your order is on its way", kind="order")),
        ]

    def _own(self) -> list[Round]:
        enqueue = self._service.enqueue
        return [
            Round(2, lambda: enqueue("charge-card", {"customer": "ada", "cents": random.randint(100, 9999)})),
            Round(6, lambda: enqueue("send-invoice", {"customer": "grace", "number": next(self._number)})),
            Round(60, lambda: enqueue("draw-catalogue", {"season": "winter"}), after=12),
        ]

    def _failures(self) -> list[Round]:
        """Each for a reason of its own."""
        service = self._service
        enqueue = service.enqueue
        bad_days = {"startDate": "2026-12-31", "endDate": "2026-01-01"}
        return [
            Round(40, lambda: service.add_welcome_email(userEmail="eve@shop.example\r\nBcc: all", userName="Eve")),
            Round(50, lambda: service.add_inventory_sync(businessId=SHOP, externalSystem="closed", attempts=2)),
            Round(45, lambda: service.add_inventory_sync(businessId=SHOP, externalSystem="unheard-of")),
            Round(60, lambda: service.add_bulk_update(businessId=SHOP, items=[{"sku": "lamp", "quantity": -1}])),
            Round(55, lambda: service.add_inventory_import(businessId=SHOP, file="../../etc/passwd")),
            Round(
                70,
                lambda: service.add_report_generation(businessId=SHOP, reportType="sales-analysis", filters=bad_days),
            ),
            Round(35, lambda: service.send_message(senderId="eve", receiverId="ada", image="holiday.png")),
            Round(65, lambda: service.set_notification_preference(receiverId="mallory", by="webhook", target=SECRETS)),
            Round(15, lambda: enqueue("send-invoice", {"customer": "nobody", "number": next(self._number)})),
            Round(90, lambda: enqueue("shrink-picture", {"name": "huge.tiff"})),
            Round(60, self._ask_for_too_much, after=10),
        ]

    def _ask_for_too_much(self) -> None:
        """One owner wants more than he may have: raises RateLimitedError, with the limit in its words."""
        for _ in range(20):
            self._service.notify(receiverId="linus", text="Me again", owner="linus", delay=30)

    def _address(self) -> str:
        return f"customer{next(self._number)}@shop.example"

    def _report(self) -> str:
        return random.choice(("inventory-summary", "sales-analysis", "queue-activity", "sensor-summary"))


def _items(number: int) -> list[dict[str, object]]:
    return [{"sku": f"part-{n:03}", "quantity": random.randint(0, 500)} for n in range(number)]


def _picture() -> str:
    """An image that is one, as a `data:` URL."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 80, 40)).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
